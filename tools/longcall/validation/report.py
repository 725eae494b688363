"""What validate_code found: the verdict and what it rests on."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "fail", "inconclusive", "error"]
Assurance = Literal["none", "static", "low", "medium", "high"]
Status = Literal["pass", "fail", "warn", "skipped", "error"]
Severity = Literal["error", "warning", "info", "hint"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of text to put in place of another; lines and columns as in a Diagnostic."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """How a tool would mend what it found."""

    applicability: Literal["safe", "unsafe"]
    edits: tuple[Edit, ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding, in the words of the Language Server Protocol.

    Other than there, lines and columns begin at 1 and columns count code points. The end is the first column after it.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    severity: Severity
    source: str
    """The tools that found it, joined by commas."""
    code: str
    message: str
    check: str
    url: str | None = None
    fix: Fix | None = None
    excerpt: str = ""
    """The line of code."""


@dataclass(frozen=True, slots=True)
class Check:
    """One tool's work on one question."""

    check: str
    """`syntax`, `lint`, `types`, `security`, `expected`, `tests`, `run`."""
    status: Status
    tool: str
    tool_version: str | None = None
    ms: float = 0.0
    reason: str | None = None
    """Why it is not a pass: `tool_missing`, `no_sandbox`, `missing_dependency`, `timeout`, `oom`, `output_limit`, …"""
    detail: str | None = None
    """One sentence more."""
    confidence: Literal["high", "low"] = "high"
    """`low` for a parser that also accepts much that is wrong."""


@dataclass(frozen=True, slots=True)
class FailedTest:
    """One case or test that did not hold."""

    name: str
    message: str
    input: str | None = None
    expected: str | None = None
    got: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Cases and tests together."""

    collected: int
    passed: int
    failed: tuple[FailedTest, ...] = ()
    """The first twenty."""


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """Where code was run, and how the last run ended."""

    backend: str
    """`none` when it ran without any sandbox, which only the operator can allow."""
    network: Literal["none", "open"]
    limits: dict[str, float]
    exit: int | None
    signal: int | None
    timed_out: bool
    oom: bool
    stdout_tail: str
    stderr_tail: str
    truncated: bool
    wall_ms: float
    peak_mb: float
    """The most memory seen, looked at every 50 ms; 0 for a run that was shorter."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. `verdict` is computed from `checks` alone."""

    verdict: Verdict
    assurance: Assurance
    language: str | None
    language_source: Literal["param", "fence", "path", "detected", "unknown"]
    checks: tuple[Check, ...]
    diagnostics: tuple[Diagnostic, ...]
    tests: Tally | None
    sandbox: SandboxReport | None
    feedback: str
    """For the author of the code: what is wrong, and what was not looked at. At most 6,000 bytes."""
    truncated: dict[str, int] = field(default_factory=dict[str, int])
    """How many diagnostics and failed tests were left out."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as what JSON can hold."""
        return asdict(self)
