"""What running code came to, in words that every way of running it shares."""

from dataclasses import asdict, dataclass

from longcall.validation.report import Assurance, Check, FailedTest, SandboxReport, Tally
from longcall.validation.sandbox import Limits, Outcome, Sandbox, SandboxError
from longcall.validation.sandbox.choice import choose

_TAIL = 2000
_MOST_FAILED = 20


@dataclass(frozen=True, slots=True)
class Execution:
    """One check that ran code, or could not."""

    check: Check
    tests: Tally | None = None
    sandbox: SandboxReport | None = None
    assurance: Assurance = "none"
    """What a pass of it is worth."""
    left_out: int = 0
    """Failed tests beyond those that are told."""


async def sandbox_or_skip(check: str) -> Sandbox | Execution:
    """Returns the sandbox to use, or the check as skipped: without one, code is not run."""
    backend, why = await choose()
    if backend is None:
        return skipped(check, "sandbox", "no_sandbox", f"the code was not run: {why}")
    return backend


def skipped(check: str, tool: str, reason: str, detail: str) -> Execution:
    """Returns a check that could not be done, through no fault of the code."""
    return Execution(Check(check, "skipped", tool, reason=reason, detail=detail))


def broken(check: str, tool: str, error: SandboxError) -> Execution:
    """Returns a check whose sandbox failed."""
    return Execution(Check(check, "error", tool, reason="sandbox_error", detail=str(error)))


def failed_tests(all_failed: list[FailedTest], collected: int) -> tuple[Tally, int]:
    """Returns the count, with the first failed tests, and how many more there are."""
    told = tuple(all_failed[:_MOST_FAILED])
    return Tally(collected, collected - len(all_failed), told), len(all_failed) - len(told)


def sandbox_report(outcome: Outcome, limits: Limits) -> SandboxReport:
    """Returns where and how it ran."""
    return SandboxReport(
        backend=outcome.backend,
        network="open" if outcome.backend == "none" else "none",
        limits=asdict(limits),
        exit=outcome.exit,
        signal=outcome.signal,
        timed_out=outcome.ended_by == "timeout",
        oom=outcome.ended_by == "oom",
        stdout_tail=outcome.stdout[-_TAIL:],
        stderr_tail=outcome.stderr[-_TAIL:],
        truncated=outcome.ended_by == "output_limit",
        wall_ms=round(outcome.wall_ms, 1),
        peak_mb=round(outcome.peak_mb, 1),
    )


def ended_early(outcome: Outcome, limits: Limits) -> str | None:
    """Returns in words why a run was ended from outside; None when it ended by itself."""
    words = {
        "timeout": f"it ran for more than {limits.wall_s:g} s, or more than {limits.cpu_s:g} s of processor time",
        "oom": f"it used more than {limits.memory_mb} MB of memory",
        "output_limit": f"it printed more than {limits.output_kb} kB",
        "stopped": "it stopped itself",
    }
    return words.get(outcome.ended_by or "")


def how_it_ended(outcome: Outcome) -> str:
    """Returns in words how a run ended by itself."""
    if outcome.signal is not None:
        return f"the process was ended by signal {outcome.signal}"
    return f"the process left with exit code {outcome.exit}"
