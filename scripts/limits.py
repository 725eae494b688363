"""Line limits: functions at most 50 lines and nine in ten at most 25 (docstring not counted), files 300, tests 500.

Prints what is over and exits with 1 when something is.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = {"server": 300, "tools": 300, "benchmarks": 300, "examples": 100, "scripts": 300, "tests": 500}
LONGEST = 50
NINE_IN_TEN = 25


def functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yields every function of a file with its length in lines, docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def main() -> int:
    """Returns the exit code."""
    lengths: list[int] = []
    over: list[str] = []
    for folder, limit in FOLDERS.items():
        for path in sorted(Path(folder).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            lines = path.read_text("utf-8").count("\n")
            if lines > limit:
                over.append(f"{path}: {lines} lines (limit {limit})")
            if folder in ("server", "tools"):
                found = list(functions(path))
                lengths += [length for _, length in found]
                over += [f"{path}:{n.lineno} {n.name}: {size} lines (limit 50)" for n, size in found if size > LONGEST]
    lengths.sort()
    p90 = lengths[int(0.9 * len(lengths))]
    if p90 > NINE_IN_TEN:
        over.append(f"nine in ten functions have up to {p90} lines (limit {NINE_IN_TEN})")
    sys.stdout.write("\n".join([*over, f"{len(lengths)} functions, p90 {p90}, longest {lengths[-1]} lines"]) + "\n")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
