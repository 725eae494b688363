"""Go, Rust, Java, C and C++ by their own compilers, when they are on PATH.

They run in the sandbox: a compiler reads whatever files the code names (`#include`, `include_str!`) and tells of them.
"""

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from longcall.validation.checkers import BrokenToolError, Files, SkippedError
from longcall.validation.checkers.tools import diagnostic, find, place_of_utf8, program_version
from longcall.validation.programs import ENTER
from longcall.validation.report import Diagnostic, Severity
from longcall.validation.sandbox import Job, Limits, Outcome, SandboxError
from longcall.validation.sandbox.choice import choose
from longcall.validation.submission import laid_out

_LIMITS = Limits(wall_s=30.0, cpu_s=30.0, memory_mb=1024, processes=128, output_kb=1024)
_GO = re.compile(r"^(?:vet: )?(?P<path>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)$", re.MULTILINE)
_JAVA = re.compile(
    r"^(?P<path>\S+?\.java):(?P<line>\d+): (?P<level>error|warning): (?P<text>.*)\n(?:.*\n)?(?P<mark> *)\^",
    re.MULTILINE,
)
_NO_PACKAGE = re.compile(
    r"package [\w.]+ does not exist|could not import|no required module|cannot find package"
    r"|No such file or directory|use of (?:undeclared|unresolved) crate|can't find crate|unresolved import"
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """One compiler, told to compile nothing to the end."""

    name: str
    languages: frozenset[str]
    arguments: tuple[str, ...]
    read: Callable[[Outcome, Files], list[Diagnostic]]
    environ: tuple[tuple[str, str], ...] = ()
    checks: tuple[str, ...] = ("syntax",)
    confidence: str = "high"

    def version(self) -> str | None:
        """Returns the compiler's version."""
        return program_version(find(self.name))

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what the compiler says."""
        program, folders = _real(self.name, find(self.name))
        backend, why = await choose()
        if backend is None:
            raise SkippedError("no_sandbox", f"a compiler reads what code tells it to, and was not run: {why}")
        paths = [f"{{in}}/code/{path}" for path in files.texts]
        command = (*ENTER, str(program), *self.arguments, *paths)
        with laid_out({"code": files.texts}) as folder:
            job = Job(command, folder, _LIMITS, b"", folders, dict(self.environ), by_address_space=False)
            try:
                outcome = await backend.run(job)
            except SandboxError as error:
                raise BrokenToolError(str(error)) from None
        if outcome.ended_by:
            raise SkippedError(outcome.ended_by, f"{self.name} was ended: {outcome.ended_by}")
        found = self.read(outcome, files)
        if any(_NO_PACKAGE.search(one.message) for one in found):
            raise SkippedError(
                "missing_dependency", next(one.message for one in found if _NO_PACKAGE.search(one.message))
            )
        if outcome.exit != 0 and not found:
            raise BrokenToolError((outcome.stderr or outcome.stdout)[-300:] or f"it left with {outcome.exit}")
        return [one for one in found if one.check in wanted or one.severity == "error"]


@cache
def _real(name: str, program: Path) -> tuple[Path, tuple[Path, ...]]:
    """Returns the real program, not a shim of a version manager's, and the folders that it needs."""
    if name == "rustc":
        folder = _asked(program, "--print", "sysroot")
        return folder / "bin" / "rustc", (folder,)
    if name == "go":
        folder = _asked(program, "env", "GOROOT")
        return folder / "bin" / "go", (folder,)
    real = program.resolve()
    extra = (Path("/etc/java-17-openjdk"), Path("/etc/java-21-openjdk")) if name == "javac" else ()
    return real, (real.parent.parent, *(path for path in extra if path.is_dir()))


def _asked(program: Path, *arguments: str) -> Path:
    argv = [program, *arguments]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  # from PATH
    return Path(said.stdout.strip())


def _relative(path: str) -> str:
    return path.partition("/code/")[2] or path


def _gcc(outcome: Outcome, files: Files) -> list[Diagnostic]:
    try:
        told: list[dict[str, Any]] = json.loads(outcome.stderr.splitlines()[0]) if outcome.stderr.strip() else []
    except ValueError:
        raise BrokenToolError(outcome.stderr[-300:]) from None
    found: list[Diagnostic] = []
    for one in told:
        place: dict[str, Any] = (
            one["locations"][0]["caret"] if one.get("locations") else {"file": "", "line": 1, "column": 1}
        )
        severity: Severity = "error" if "error" in one["kind"] else "warning"
        path = _relative(place["file"])
        start = (place["line"], place.get("display-column", place.get("column", 1)))
        if path in files.texts and one["kind"] != "note":
            code = one.get("option", one["kind"])
            found.append(
                diagnostic(path, start, one["message"], check="syntax", source="gcc", code=code, severity=severity)
            )
        elif severity == "error":
            raise BrokenToolError(one["message"])
    return found


def _rustc(outcome: Outcome, files: Files) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for line in outcome.stderr.splitlines():
        one: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        spans: list[dict[str, Any]] = [span for span in one.get("spans", []) if span["is_primary"]]
        if one.get("level") not in ("error", "warning") or not spans:
            continue
        path = _relative(spans[0]["file_name"])
        text = files.texts.get(path, "")
        named: dict[str, str] = one.get("code") or {}
        code = named.get("code", "")
        found.append(
            diagnostic(
                path,
                place_of_utf8(text, spans[0]["byte_start"]),
                one["message"],
                check="types" if code.startswith("E") else "syntax" if one["level"] == "error" else "lint",
                source="rustc",
                code=code or "syntax",
                severity="error" if one["level"] == "error" else "warning",
                end=place_of_utf8(text, spans[0]["byte_end"]),
            )
        )
    return found


def _go(outcome: Outcome, files: Files) -> list[Diagnostic]:
    del files
    return [
        diagnostic(
            _relative(match["path"]),
            (int(match["line"]), int(match["column"])),
            match["text"],
            check="syntax",
            source="go",
        )
        for match in _GO.finditer(outcome.stderr)
    ]


def _javac(outcome: Outcome, files: Files) -> list[Diagnostic]:
    del files
    return [
        diagnostic(
            _relative(match["path"]),
            (int(match["line"]), len(match["mark"]) + 1),
            match["text"],
            check="syntax",
            source="javac",
            code="javac",
            severity="error" if match["level"] == "error" else "warning",
        )
        for match in _JAVA.finditer(outcome.stderr)
    ]


_GCC = ("-fsyntax-only", "-fdiagnostics-format=json", "-Wall")
_GO_ENVIRON = (
    ("GOFLAGS", "-mod=mod"),
    ("GOPROXY", "off"),
    ("GOTOOLCHAIN", "local"),
    ("CGO_ENABLED", "0"),
    ("GOCACHE", "{work}/go"),
)
COMPILERS = (
    Compiler("gcc", frozenset({"c"}), _GCC, _gcc),
    Compiler("g++", frozenset({"cpp"}), _GCC, _gcc),
    Compiler(
        "rustc",
        frozenset({"rust"}),
        ("--error-format=json", "--crate-type=lib", "--emit=metadata", "--edition=2021", "-o", "{work}/out"),
        _rustc,
        checks=("syntax", "types", "lint"),
    ),
    Compiler("go", frozenset({"go"}), ("vet",), _go, _GO_ENVIRON),
    Compiler("javac", frozenset({"java"}), ("-proc:none", "-Xlint:none", "-d", "{work}"), _javac),
)
