"""The verdict, computed from the checks and from nothing else."""

from collections.abc import Collection, Sequence

from longcall.validation.report import Assurance, Check, Verdict

_RAN = ("expected", "tests", "run")
_RANKS: tuple[Assurance, ...] = ("none", "static", "low", "medium", "high")


def verdict(checks: Sequence[Check], asked: Collection[str]) -> Verdict:
    """Returns what the checks come to.

    One that failed fails the whole. What the caller asked for and could not be done, and any run of code that could
    not be done or proves nothing, leaves it open; so does code whose syntax nothing here can check. Open is never a
    pass.
    """
    if any(check.status == "fail" for check in checks):
        return "fail"
    needed = {*asked, "syntax", *_RAN}
    answered = {check.check for check in checks if check.status in ("pass", "warn") and check.reason is None}
    open_checks = [check for check in checks if check.check in needed and check.check not in answered]
    if any(check.status == "error" for check in open_checks):
        return "error"
    if open_checks or not answered:
        return "inconclusive"
    return "pass"


def assurance(checks: Sequence[Check], worth: Sequence[Assurance]) -> Assurance:
    """Returns what a pass is worth: the best of the runs that took place, else `static`."""
    looked = any(check.status in ("pass", "warn", "fail") for check in checks)
    return max([*worth, "static" if looked else "none"], key=_RANKS.index)
