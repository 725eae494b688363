"""One list from what several tools found: duplicates merged, errors first, the lines quoted, cut with a count."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from longcall.validation.report import Diagnostic

MOST = 50
_ORDER = {"error": 0, "warning": 1, "info": 2, "hint": 3}
_EXCERPT = 200
_SAME_MEANING = {
    "undefined-name": {"F821", "name-defined", "unresolved-reference", "reportUndefinedVariable"},
    "possibly-unbound": {"F823", "possibly-undefined", "possibly-unresolved-reference", "reportPossiblyUnbound"},
    "call-arguments": {"call-arg", "missing-argument", "too-many-positional-arguments", "reportCallIssue"},
    "argument-type": {"arg-type", "invalid-argument-type", "reportArgumentType"},
    "operator": {"operator", "unsupported-operator", "reportOperatorIssue"},
    "return-type": {"return-value", "invalid-return-type", "reportReturnType"},
    "assignment": {"assignment", "invalid-assignment", "reportAssignmentType"},
    "attribute": {"attr-defined", "unresolved-attribute", "reportAttributeAccessIssue"},
    "index": {"index", "non-subscriptable", "reportIndexIssue"},
}  # fmt: skip


def merged(found: Sequence[Diagnostic], texts: Mapping[str, str]) -> tuple[tuple[Diagnostic, ...], int]:
    """Returns the diagnostics to show, and how many were left out."""
    kept: dict[tuple[str, int, str], Diagnostic] = {}
    for one in sorted(found, key=_rank):
        key = (one.path, one.line, _meaning(one))
        kept[key] = _together(kept[key], one) if key in kept else one
    ordered = sorted(kept.values(), key=_rank)
    shown = tuple(replace(one, excerpt=_line(texts, one)) for one in ordered[:MOST])
    return shown, len(ordered) - len(shown)


def _rank(one: Diagnostic) -> tuple[int, int, str, int, int, str, str]:
    # A syntax error explains everything that follows from it.
    return _ORDER[one.severity], one.check != "syntax", one.path, one.line, one.column, one.source, one.code


def _meaning(one: Diagnostic) -> str:
    if one.check == "syntax" and one.severity == "error":
        return "syntax"
    return next((meaning for meaning, codes in _SAME_MEANING.items() if one.code in codes), f"{one.code} {one.column}")


def _together(first: Diagnostic, second: Diagnostic) -> Diagnostic:
    sources = list(dict.fromkeys([*first.source.split(", "), *second.source.split(", ")]))
    return replace(first, source=", ".join(sources), fix=first.fix or second.fix)


def _line(texts: Mapping[str, str], one: Diagnostic) -> str:
    lines = texts.get(one.path, "").split("\n")
    return lines[one.line - 1].rstrip("\r")[:_EXCERPT] if one.line <= len(lines) else ""
