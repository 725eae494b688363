"""Whether what came back is what was expected: same types, same values. Runs outside the sandbox.

What came back is walked in the form in which it travelled (`inside/values.py`) and only as far as it agrees. A set or
a mapping of odd keys is built only when its size is the expected one: keys chosen to collide would cost hours.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from longcall.validation.inside.values import Opaque, decode

_SHARE = 1e-9
_SHOWN_PARTS = 40


class ForgedError(ValueError):
    """What came back is in no form that longcall's own program writes."""


def difference(expected: Any, told: Any, tolerance: float | None = None, path: str = "") -> str | None:
    """Returns the first difference between a value and what travelled, in words; None when there is none.

    Floats may differ by `tolerance`, absolutely or as a share; None is 1e-9 as a share. Given a tolerance above 0, a
    whole number may stand for a float.

    Raises:
        ForgedError: `told` is in no form of a value.
    """
    kind = type(expected).__name__
    if kind not in _WALKS:
        return _single(expected, told, tolerance, path)
    if _kind(told) != kind:
        return _apart(expected, told, path)
    return _WALKS[kind](expected, told, tolerance, path)


def shown(value: Any, most: int = 200) -> str:
    """Returns a value as Python would write it, cut to `most` characters."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = hex(value) if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= most else text[: most - 1] + "…"


def shown_told(told: Any) -> str:
    """Returns what travelled as Python would write it; large collections only by their kind and size."""
    parts = _parts(told)
    if parts is not None and len(parts) > _SHOWN_PARTS:
        return f"a {_kind(told)} of {len(parts)} items"
    return shown(_decoded(told))


def _decoded(told: Any) -> Any:
    try:
        return decode(told)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ForgedError(str(error)) from None


def _kind(told: Any) -> str:
    tag = _tag(told)
    return type(told).__name__ if tag is None else tag[1:]


def _tag(told: Any) -> str | None:
    if not isinstance(told, dict):
        return None
    keys: Any = told.keys()  # pyright: ignore[reportUnknownVariableType]
    return next((key for key in keys if key.startswith("$")), None)


def _parts(told: Any) -> Sequence[Any] | Mapping[str, Any] | None:
    tag = _tag(told)
    held: Any = told if tag is None else told[tag]
    return held if isinstance(held, list | dict) else None  # pyright: ignore[reportUnknownVariableType]


def _apart(expected: Any, told: Any, path: str) -> str:
    at = f" at {path}" if path else ""
    return f"expected the {type(expected).__name__} {shown(expected)}, got the {_kind(told)} {shown_told(told)}{at}"


def _single(expected: Any, told: Any, tolerance: float | None, path: str) -> str | None:
    if _kind(told) in _WALKS:
        return _apart(expected, told, path)
    got = _decoded(told)
    at = f" at {path}" if path else ""
    if _is_number(expected) and _is_number(got) and (type(expected) is type(got) or tolerance):
        return None if _close(expected, got, tolerance) else f"expected {shown(expected)}, got {shown(got)}{at}"
    if type(expected) is not type(got):
        name = got.name if isinstance(got, Opaque) else type(got).__name__
        return f"expected the {type(expected).__name__} {shown(expected)}, got the {name} {shown(got)}{at}"
    return None if expected == got else f"expected {shown(expected)}, got {shown(got)}{at}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _close(expected: Any, got: Any, tolerance: float | None) -> bool:
    if isinstance(expected, complex) and isinstance(got, complex):
        return _close(expected.real, got.real, tolerance) and _close(expected.imag, got.imag, tolerance)
    if isinstance(expected, int) and isinstance(got, int) and not tolerance:
        return expected == got
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(got, float) and math.isnan(got)
    share = _SHARE if tolerance is None else tolerance
    try:
        return expected == got or _near(expected, got, share, tolerance or 0.0)
    except (OverflowError, TypeError):
        return False


def _near(expected: Any, got: Any, share: float, absolute: float) -> bool:
    return math.isclose(expected, got, rel_tol=share, abs_tol=absolute)


def _in_sequence(expected: Any, told: Any, tolerance: float | None, path: str) -> str | None:
    parts = _parts(told) or []
    if len(expected) != len(parts):
        return f"expected {len(expected)} items, got {len(parts)}{f' at {path}' if path else ''}: {shown_told(told)}"
    for number, (wanted, found) in enumerate(zip(expected, parts, strict=True)):
        if said := difference(wanted, found, tolerance, f"{path}[{number}]"):
            return said
    return None


def _in_set(expected: Any, told: Any, tolerance: float | None, path: str) -> str | None:
    del tolerance
    if len(expected) != len(_parts(told) or []):
        return _apart(expected, told, path)
    got = _decoded(told)
    same = {(type(part), part) for part in expected} == {(type(part), part) for part in got}
    return None if same else _apart(expected, told, path)


def _in_dict(expected: Any, told: Any, tolerance: float | None, path: str) -> str | None:
    if len(expected) != len(_parts(told) or []):
        return f"expected {len(expected)} keys, got {len(_parts(told) or [])}{f' at {path}' if path else ''}"
    pairs = _pairs(told)
    found: dict[Any, Any] = {(type(key), key): part for key, part in pairs}
    for key, wanted in expected.items():
        if (type(key), key) not in found:
            there = shown([each for each, _ in pairs])
            return f"the key {shown(key)} is missing{f' at {path}' if path else ''}; there are {there}"
        if said := difference(wanted, found[type(key), key], tolerance, f"{path}[{shown(key)}]"):
            return said
    return None


def _pairs(told: dict[str, Any]) -> list[tuple[Any, Any]]:
    if "$dict" not in told:
        return list(told.items())
    try:
        return [(_decoded(key), part) for key, part in told["$dict"]]
    except (TypeError, ValueError) as error:
        raise ForgedError(str(error)) from None


_WALKS: Mapping[str, Callable[[Any, Any, float | None, str], str | None]] = {
    "list": _in_sequence,
    "tuple": _in_sequence,
    "set": _in_set,
    "frozenset": _in_set,
    "dict": _in_dict,
}
