"""What is asked of validate_code. Unknown keys and things that cannot be checked are refused before anything runs."""

import json
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from longcall.validation.inside.values import decode, encode
from longcall.validation.sandbox import Limits

CheckName = Literal["syntax", "lint", "types", "security", "expected", "tests", "run"]
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\- ]*(/[A-Za-z0-9_][A-Za-z0-9_.\- ]*)*")
_DEFAULTS = Limits()
_MOST_CHARS = 1_000_000
_MOST_FILES = 100
_MOST_PROGRAMS = 100


def _plain(path: str) -> str:
    if not _PATH.fullmatch(path) or len(path) > 200 or ".." in PurePosixPath(path).parts:
        raise ValueError(
            f"{path!r} cannot be a file's name here: give a relative path of letters, digits, '.', '_', '-' and '/',"
            " of which no part begins with a dot"
        )
    return path


def _travels(value: Any) -> Any:
    try:
        told = json.dumps(encode(decode(value)))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if '"$object"' in told:
        raise ValueError("it holds an object of a class that is not built in, which cannot be handed over or compared")
    return value


RelativePath = Annotated[str, AfterValidator(_plain)]
Value = Annotated[Any, AfterValidator(_travels)]
"""JSON, with the forms of `inside/values.py` for what JSON has no words for; in Python, any built-in value."""


class Case(BaseModel, frozen=True, extra="forbid"):
    """One input and what must come of it. The code never sees what is expected.

    With `function`, `args` or `kwargs` a function is called. Without them, and with `stdin` or `expected_stdout`, the
    main file runs as a program.
    """

    name: str | None = Field(default=None, max_length=200)
    function: str | None = Field(default=None, max_length=200, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
    """Which function, dotted for a method of a class; None takes the request's `entry_point`."""
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = Field(default_factory=dict[str, Any])
    stdin: str | None = None
    expected: Value = None
    """What must be returned: same type, same value. A number with a decimal point may differ by `tolerance`."""
    raises: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*$", max_length=200)
    """The name of the exception that must be raised; one that derives from it will do."""
    expected_stdout: str | None = None
    """What must be printed. White space at the ends of lines and of the text does not count."""
    tolerance: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """How far a float may be off, absolutely and as a share; None is 1e-9 as a share. 0 is exactly."""

    @model_validator(mode="after")
    def _expects_one_thing(self) -> "Case":
        expects = {"expected", "raises", "expected_stdout"} & self.model_fields_set
        if len(expects) != 1:
            raise ValueError("a case needs exactly one of `expected`, `raises` and `expected_stdout`")
        if self.is_program and "expected_stdout" not in expects:
            raise ValueError("a case with `stdin` runs the program, of which only `expected_stdout` can be expected")
        if self.stdin is not None and not self.is_program:
            raise ValueError("a case gives either `stdin` to a program or `args` and `kwargs` to a function")
        return self

    @property
    def is_program(self) -> bool:
        """Whether the main file runs as a program instead of a function being called."""
        called = {"function", "args", "kwargs"} & self.model_fields_set
        return not called and bool({"stdin", "expected_stdout"} & self.model_fields_set)


class AskedLimits(BaseModel, frozen=True, extra="forbid"):
    """What a run may use; the operator's ceilings hold whatever is asked."""

    wall_s: float = Field(default=_DEFAULTS.wall_s, gt=0)
    cpu_s: float = Field(default=_DEFAULTS.cpu_s, gt=0)
    memory_mb: int = Field(default=_DEFAULTS.memory_mb, ge=32)
    processes: int = Field(default=_DEFAULTS.processes, ge=1)
    output_kb: int = Field(default=_DEFAULTS.output_kb, ge=1)
    file_mb: int = Field(default=_DEFAULTS.file_mb, ge=1)

    def below(self, ceilings: Limits) -> Limits:
        """Returns these limits, none above its ceiling."""
        return Limits(**{name: min(figure, getattr(ceilings, name)) for name, figure in self.model_dump().items()})


class CodeRequest(BaseModel, frozen=True, extra="forbid"):
    """Code, and what to hold it against."""

    code: str | None = Field(default=None, max_length=_MOST_CHARS)
    """One file's text; a Markdown fence around it is taken off."""
    files: dict[RelativePath, str] = Field(default_factory=dict[str, str], max_length=_MOST_FILES)
    """Several files by path, instead of `code`."""
    main: RelativePath | None = None
    """Which file holds the entry point or is the program; None takes `main.*` or the only one."""
    language: str | None = Field(default=None, max_length=40)
    dialect: str | None = Field(default=None, max_length=40)
    """Of SQL: postgres, mysql, sqlite, …"""
    checks: tuple[CheckName, ...] | None = None
    """Exactly these. One that then cannot be done makes the verdict inconclusive. None does all that fit."""
    cases: tuple[Case, ...] = Field(default=(), max_length=10_000)
    entry_point: str | None = Field(default=None, max_length=200)
    """The function that cases call; None takes the only public one of the main file."""
    tests: str | dict[RelativePath, str] | None = None
    """A test file's text, or several by path: pytest, unittest, or node:test for JavaScript."""
    type_checkers: tuple[Literal["ty", "mypy", "pyright"], ...] = ("ty",)
    limits: AskedLimits = AskedLimits()

    @model_validator(mode="after")
    def _has_something_to_check(self) -> "CodeRequest":
        if (self.code is None) == (not self.files):
            raise ValueError("give either `code` or `files`")
        if self.code is not None and not self.code.strip():
            raise ValueError("`code` is empty")
        if sum(map(len, self.files.values())) > _MOST_CHARS:
            raise ValueError(f"the files have more than {_MOST_CHARS:,} characters")
        if self.main is not None and self.files and self.main not in self.files:
            raise ValueError(f"`main` is {self.main!r}, which is none of the files")
        return self

    @model_validator(mode="after")
    def _has_what_its_checks_need(self) -> "CodeRequest":
        for check, given in (("expected", self.cases), ("tests", self.tests)):
            if self.checks is not None and check in self.checks and not given:
                raise ValueError(f"the check {check!r} needs `{'cases' if check == 'expected' else 'tests'}`")
            if self.checks is not None and check not in self.checks and given:
                wanted = "cases" if check == "expected" else "tests"
                raise ValueError(f"there are `{wanted}`, but `checks` leaves out {check!r}; name it there too")
        if self.checks is not None and not self.checks:
            raise ValueError("`checks` is empty; leave it out for all that fit")
        if sum(case.is_program for case in self.cases) > _MOST_PROGRAMS:
            raise ValueError(f"more than {_MOST_PROGRAMS} cases run the program, each of them anew")
        return self
