"""Python values as JSON without loss, both ways. Both sides of the sandbox's wall use it.

A list, a string, a number, a boolean and None stand for themselves, and so does an object whose keys are strings that
do not begin with `$`. Everything else is an object with one key that names what it is: {"$tuple": [1, 2]},
{"$set": [1]}, {"$frozenset": [1]}, {"$bytes": "c3a9"}, {"$float": "nan"}, {"$complex": [0.0, 1.0]},
{"$int": "0x…"} for a whole number of thousands of digits, {"$dict": [[1, "a"]]} for other keys.
An object of any other class becomes {"$object": "module.Class", "repr": "…"}: it equals nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONG_BITS = 4096
"""From here on a whole number travels in hexadecimal, which has no limit of digits."""
_REPR_CHARS = 200
_DICTS = {"collections.OrderedDict", "collections.defaultdict", "collections.Counter"}
"""Mappings that count as a plain one."""


class Opaque:
    """An object of a class that cannot travel; equal to nothing, not even to itself."""

    def __init__(self, name: str, shown: str) -> None:
        """Takes the class's name and a short `repr`."""
        self.name = name
        self.shown = shown

    def __repr__(self) -> str:
        """Says what it was."""
        return f"<{self.name} {self.shown}>"


def encode(value: "Any") -> "Any":
    """Returns `value` as what JSON can hold.

    Raises:
        RecursionError: it is nested too deeply, or holds itself.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if value.bit_length() < _LONG_BITS else {"$int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"$float": repr(value)}
    if kind is list:
        return [encode(part) for part in value]
    if kind is dict or (issubclass(kind, dict) and f"{kind.__module__}.{kind.__qualname__}" in _DICTS):
        return _encode_dict(value)
    return _encode_other(value, kind)


def _encode_dict(value: "dict[Any, Any]") -> "Any":
    pairs = list(dict.items(value))
    if all(type(key) is str and not key.startswith("$") for key, _ in pairs):
        return {key: encode(part) for key, part in pairs}
    return {"$dict": [[encode(key), encode(part)] for key, part in pairs]}


def _encode_other(value: "Any", kind: type) -> "Any":
    if kind is tuple:
        return {"$tuple": [encode(part) for part in value]}
    if kind is set or kind is frozenset:
        return {f"${kind.__name__}": [encode(part) for part in value]}
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is complex:
        return {"$complex": [encode(value.real), encode(value.imag)]}
    try:
        shown = str(repr(value))[:_REPR_CHARS]
    except Exception as error:  # the class is a stranger's
        shown = f"(its repr raises {type(error).__name__})"
    return {"$object": f"{kind.__module__}.{kind.__qualname__}", "repr": shown}


def decode(data: "Any") -> "Any":
    """Returns the value that `data` stands for.

    Raises:
        ValueError: an object begins with `$` but is none of the forms above.
        RecursionError: it is nested too deeply.
    """
    if type(data) is list:
        return [decode(part) for part in data]
    if type(data) is not dict:
        return data
    if not any(type(key) is str and key.startswith("$") for key in data):
        return {key: decode(part) for key, part in data.items()}
    if "$object" in data:
        return Opaque(str(data["$object"]), str(data.get("repr", "")))
    if len(data) != 1:
        raise ValueError("an object with a key that begins with $ must have that key alone")
    ((tag, content),) = data.items()
    try:
        return _DECODERS[tag](content)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{tag} is no form of value, or does not fit what it holds") from None


def _complex(parts: "Any") -> complex:
    return complex(decode(parts[0]), decode(parts[1]))


_DECODERS: "dict[str, Any]" = {
    "$tuple": lambda parts: tuple(decode(part) for part in parts),
    "$set": lambda parts: {decode(part) for part in parts},
    "$frozenset": lambda parts: frozenset(decode(part) for part in parts),
    "$bytes": bytes.fromhex,
    "$float": float,
    "$complex": _complex,
    "$int": lambda text: int(text, 16),
    "$dict": lambda pairs: {decode(key): decode(part) for key, part in pairs},
}
