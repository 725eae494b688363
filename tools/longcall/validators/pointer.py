"""JSON pointers (RFC 6901)."""

import json
import re
from typing import Any, cast

_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class MissingError(LookupError):
    """Nothing stands where a pointer points."""


def check_pointer(pointer: str) -> str:
    """Returns `pointer` when it is one.

    Raises:
        ValueError: it is none.
    """
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer: one begins with `/`, such as `/items/0/name`")
    if _ESCAPE.search(pointer):
        raise ValueError(f"{pointer!r} is not a JSON pointer: `~` is written `~0` and `/` inside a name `~1`")
    return pointer


def point(*names: str | int) -> str:
    """Returns the pointer that goes through `names`."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)


def follow(value: Any, pointer: str) -> Any:
    """Returns what stands in `value` where `pointer` points.

    Raises:
        MissingError: nothing does.
    """
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            object_ = cast("dict[str, Any]", value)
            if name not in object_:
                raise _missing(pointer, f"the object has no key {name!r}")
            value = object_[name]
        elif isinstance(value, list):
            array = cast("list[Any]", value)
            if not _INDEX.fullmatch(name) or int(name) >= len(array):
                raise _missing(pointer, f"the array has {len(array)} items and no {name!r}")
            value = array[int(name)]
        else:
            raise _missing(pointer, f"what {name!r} is looked for in is neither an object nor an array")
    return value


def _missing(pointer: str, why: str) -> MissingError:
    return MissingError(f"There is no {pointer!r} in the JSON: {why}.")


def equal(one: Any, other: Any) -> bool:
    """Returns whether two JSON values are the same: 1 is 1.0, but neither is `true`."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        some, others = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return some.keys() == others.keys() and all(equal(some[key], others[key]) for key in some)
    if isinstance(one, list) and isinstance(other, list):
        these, those = cast("list[Any]", one), cast("list[Any]", other)
        return len(these) == len(those) and all(map(equal, these, those))
    return one == other


def shown(value: Any) -> str:
    """Returns a JSON value as text for a message."""
    return json.dumps(value, ensure_ascii=False)
