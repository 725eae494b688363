"""What the author of the code is told: numbered, each with its place, what was expected and what came."""

from collections.abc import Sequence

from longcall.validation.report import Check, Diagnostic, FailedTest, Tally, Verdict

MOST_BYTES = 6000
_ROOM = 300
"""Bytes kept free for the line that says how much was left out."""


def feedback(verdict: Verdict, checks: Sequence[Check], diagnostics: Sequence[Diagnostic], tests: Tally | None) -> str:
    """Returns at most MOST_BYTES bytes."""
    head = [_headline(verdict, checks, tests)]
    undone = [check for check in checks if check.status in ("skipped", "error")]
    foot = [_cut(f"Not checked: {check.check}{_by(check)} ({_why(check)}).", 300) for check in undone[:4]]
    if len(undone) > 4:
        foot.append(f"Not checked: {len(undone) - 4} more.")
    failed_checks = [check for check in checks if check.status == "fail" and check.detail]
    items = [f"{check.check}: {check.detail}" for check in failed_checks]
    items += [_of_test(one) for one in (tests.failed if tests else ())]
    items += [_of_diagnostic(one) for one in diagnostics if verdict != "pass" or one.severity in ("error", "warning")]
    if verdict == "fail":
        foot.append("Return the complete code, not a diff.")
    return _fitted(head, [f"{number}. {item}" for number, item in enumerate(items, 1)], foot)


def _headline(verdict: Verdict, checks: Sequence[Check], tests: Tally | None) -> str:
    ran = any(
        check.check in ("expected", "tests", "run") and check.status not in ("skipped", "error") for check in checks
    )
    counted = f" {tests.passed} of {tests.collected} tests passed." if tests else ""
    if verdict == "pass" and not ran:
        lenient = (
            " The parser accepts much that is wrong." if any(check.confidence == "low" for check in checks) else ""
        )
        return (
            f"Nothing wrong was found by syntax and lint checks alone.{lenient} The code was not run: it may not work."
        )
    words = {
        "pass": "The code passed.",
        "fail": "The code failed.",
        "inconclusive": "Nothing is decided: what was asked for could not be checked, or proves nothing.",
        "error": "Nothing is decided: a check broke down. This is no fault of the code.",
    }
    return words[verdict] + counted


def _why(check: Check) -> str:
    return f"{check.reason}: {check.detail}"[:300] if check.detail else str(check.reason)


def _by(check: Check) -> str:
    return "" if check.tool == "none" else f" by {check.tool}"


def _of_test(one: FailedTest) -> str:
    lines = [f"{one.name}: {one.message[:600]}" + (f" (line {one.line})" if one.line else "")]
    lines += [
        f"   {word}: {text[:300]}"
        for word, text in (("input", one.input), ("expected", one.expected), ("got", one.got))
        if text
    ]
    return "\n".join(lines)


def _of_diagnostic(one: Diagnostic) -> str:
    code = f" [{one.source} {one.code}]" if one.code else f" [{one.source}]"
    told = f"{one.path}:{one.line}:{one.column}: {one.severity}: {one.message[:400]}{code}"
    if one.excerpt.strip():
        told += f"\n   {one.line} | {one.excerpt[:160]}"
    return told + (f"\n   fix: {one.fix.message}" if one.fix and one.fix.message else "")


def _fitted(head: list[str], items: list[str], foot: list[str]) -> str:
    foot_text = "\n".join(foot)
    room = MOST_BYTES - _ROOM - len("\n".join(head).encode()) - len(foot_text.encode())
    kept: list[str] = []
    for item in items:
        item_text = _cut(item, 1200)
        room -= len(item_text.encode()) + 1
        if room < 0:
            break
        kept.append(item_text)
    left_out = [f"… and {len(items) - len(kept)} more."] if len(kept) < len(items) else []
    return "\n".join(part for part in [*head, *kept, *left_out, foot_text] if part)


def _cut(text: str, most: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= most else encoded[: most - 3].decode("utf-8", "ignore") + "…"
