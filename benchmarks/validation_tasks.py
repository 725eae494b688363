"""Reads third-party sets of tasks as cases for validate_code; makes mutants; looks SARIF up in its schema."""

import ast
import gzip
import json
import random
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from longcall.validation import Case, Report, sarif

_KINDS = (
    "Binary",
    "Comparison",
    "Boolean",
    "NumberReplacer",
    "Unary",
    "ReplaceTrue",
    "ReplaceFalse",
    "ReplaceAnd",
    "ReplaceOr",
)
_BY_TRUTH = {"check_str", "text_match_three", "text_starta_endb"}
"""Evalplus compares these three by whether anything came back: they return a match where their results say true."""
_FROM_MATH = {"inf": float("inf"), "nan": float("nan")}


@dataclass(frozen=True)
class Task:
    """One function, its canonical solution, and what must come of it."""

    name: str
    code: str
    body_from: int
    """The line from which mutants may differ: what comes before is given with the task."""
    entry_point: str
    cases: list[Case]


def read_humaneval(folder: Path) -> tuple[list[Task], int]:
    """Returns the tasks, and how many were left out since their results are not plain values."""
    found: list[Task | None] = []
    for one in _lines(folder / "humanevalplus" / "HumanEvalPlus-OriginFmt.jsonl.gz"):
        code = one["prompt"] + one["canonical_solution"]
        found.append(_task(one["task_id"], code, one["prompt"].count("\n") + 1, one["entry_point"], one["test"]))
    return [task for task in found if task is not None], found.count(None)


def read_mbpp(folder: Path) -> tuple[list[Task], int]:
    """Returns the tasks, and how many were left out since their results are not plain values."""
    found: list[Task | None] = []
    for one in _lines(folder / "mbppplus" / "MbppPlus-OriginFmt.jsonl.gz"):
        called = _called(one["test"])
        called = None if called in _BY_TRUTH else called
        found.append(_task(f"Mbpp/{one['task_id']}", one["code"], 1, called, one["test"]) if called else None)
    return [task for task in found if task is not None], found.count(None)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)


def _called(test: str) -> str | None:
    """Returns the function that the last loop of a test calls."""
    for node in ast.walk(ast.parse(test).body[-1]):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and any(isinstance(arg, ast.Starred) for arg in node.args)
        ):
            return node.func.id
    return None


def _task(name: str, code: str, body_from: int, entry_point: str, test: str) -> Task | None:
    tree = ast.parse(test)
    lists = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("inputs", "results")
    }
    # Some results are compared as sets, since their order is that of a hash.
    asserts = "assertion(" in ast.unparse(tree.body[-1]) and "out = set(out)" not in test
    if set(lists) != {"inputs", "results"} or not asserts:
        return None
    try:
        inputs, results = (_literal(lists[side]) for side in ("inputs", "results"))
        tolerance = _tolerance(tree)
        cases = [
            Case(args=tuple(given), expected=wanted, tolerance=tolerance)
            for given, wanted in zip(inputs, results, strict=True)
        ]
    except ValueError:
        return None
    return Task(name, code, body_from, entry_point, cases[:10_000])


def _literal(node: ast.expr) -> Any:
    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:  # the library's own name
            return ast.Constant(_FROM_MATH[node.id]) if node.id in _FROM_MATH else node

    return ast.literal_eval(Names().visit(node))


def _tolerance(tree: ast.Module) -> float | None:
    """Returns the third argument of the last `assertion`; the sets take 1e-6 for floats where it is 0."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "assertion"
    ]
    told = ast.literal_eval(calls[-1].args[2])
    return float(told) if told else 1e-6


def mutant(task: Task) -> str | None:
    """Returns the code with one change of its body, the same at every run; None when nothing can be changed."""
    mutating: Any = import_module("cosmic_ray.mutating")  # a dependency for development, without types
    plugins: Any = import_module("cosmic_ray.plugins")
    chosen = random.Random(task.name)
    names: list[str] = [name for name in plugins.operator_names() if any(kind in name for kind in _KINDS)]
    chosen.shuffle(names)
    given = task.code.splitlines()[: task.body_from - 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            for occurrence in range(12):
                changed: str | None = mutating.mutate_code(task.code.encode(), plugins.get_operator(name)(), occurrence)
                if changed is None:
                    break
                if changed.splitlines()[: task.body_from - 1] == given and _compiles(changed) and changed != task.code:
                    return changed
    return None


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def json_suite(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of every text of JSONTestSuite."""
    path = folder / "jsontestsuite.tar.gz"
    if path.exists():
        with tarfile.open(path) as packed:
            for member in packed:
                if member.name.endswith(".json") and (file := packed.extractfile(member)):
                    yield member.name.rpartition("/")[2], file.read()


def sarif_errors(folder: Path, reports: list[Report]) -> list[str] | None:
    """Returns where the reports' SARIF breaks the OASIS schema; None when the schema is not there."""
    import jsonschema_rs  # noqa: PLC0415

    path = folder / "sarif" / "sarif-2.1" / "schema" / "sarif-schema-2.1.0.json"
    if not path.exists():
        return None
    schema = jsonschema_rs.validator_for(json.loads(path.read_text("utf-8")), validate_formats=True)
    logs = [json.loads(json.dumps(sarif(report))) for report in reports]
    return [f"{error.instance_path}: {error.message}"[:300] for log in logs for error in schema.iter_errors(log)]
