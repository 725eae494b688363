"""The JSON of an answer: parsed strictly, found in the whole text or its one code block, mended only when asked to."""

import json
import math
import re
from typing import Any, Literal, NamedTuple, NoReturn

from longcall.text import clean
from longcall.validators.fences import code_blocks

Repair = Literal["off", "safe"]
REPAIR_CHARS = 200_000
"""Longer texts are not mended: the time for it may grow with the square of the length."""

_NO_VALUE = re.compile(r"[:\[,]\s*(?:[-+]?(?:NaN|Infinity)|undefined)\b")
"""What mending would make a text of."""


class NotJsonError(ValueError):
    """A text holds no JSON that can be used; `code` is the issue's, `line` where it was noticed."""

    def __init__(self, code: str, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


class JsonFound(NamedTuple):
    """The JSON of a text, and how it was come by."""

    value: Any
    text: str
    """The JSON as it stands in the answer."""
    repaired: bool = False
    repaired_text: str | None = None
    """The JSON that was made of it, when it was mended."""


def json_of(text: str, *, fenced: bool = True, repair: Repair = "off", unique_keys: bool = False) -> JsonFound:
    """Returns the JSON of an answer: the whole text, or else its one code block when `fenced`.

    With `repair="safe"` what is not strict JSON is mended, as long as it begins as an object or an array, stays one,
    and is not empty. With `unique_keys` an object that names a key twice is not taken.

    Raises:
        NotJsonError: there is none.
    """
    text = clean(text)
    found = _document(text) if fenced else text
    try:
        return JsonFound(parse_json(found, unique_keys=unique_keys), found)
    except NotJsonError as error:
        mended = _mended(found) if repair == "safe" and error.code == "not_json" else None
        if mended is None:
            raise
        return mended


def parse_json(text: str, *, unique_keys: bool = False) -> Any:
    """Returns the value of a text that is one JSON document by RFC 8259 and nothing else.

    Halves of surrogate pairs become U+FFFD, so that what comes out can be sent and stored.

    Raises:
        NotJsonError: it is none, or one that no program can hold: nested too deeply, or a number out of all range.
    """
    hook = _unique if unique_keys else None
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotJsonError("not_json", f"This is not JSON: {error.msg} ({where}).", line=error.lineno) from None
    except NotJsonError:
        raise
    except ValueError:
        raise NotJsonError("number_too_large", "A whole number has too many digits.") from None
    except RecursionError:
        raise NotJsonError("too_deep", "The JSON is nested too deeply.") from None
    return _valid_unicode(value) if "\\u" in text else value


def _no_constant(name: str) -> NoReturn:
    raise NotJsonError("not_json", f"This is not JSON: {name} is not a JSON value.")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJsonError("number_too_large", f"The number {digits[:40]} is out of range.")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise NotJsonError("duplicate_key", f"An object names the key {clean(key)[:100]!r} twice.")
        made[key] = value
    return made


def _valid_unicode(value: Any) -> Any:
    try:
        dumped = json.dumps(value, ensure_ascii=False)
        return value if (cleaned := clean(dumped)) == dumped else json.loads(cleaned)
    except RecursionError:
        raise NotJsonError("too_deep", "The JSON is nested too deeply.") from None


def _document(text: str) -> str:
    stripped = text.strip()
    if stripped[:1] in ("{", "[") or ("```" not in text and "~~~" not in text):
        return text
    blocks = code_blocks(text)
    tagged = [block for block in blocks if block.tag == "json"]
    if len(tagged) == 1 or len(blocks) == 1:
        return (tagged or blocks)[0].text
    if not blocks:
        return text
    raise NotJsonError(
        "not_json",
        f"The answer holds {len(blocks)} code blocks, so it is not clear which is its JSON; give exactly one.",
    )


def _mended(text: str) -> JsonFound | None:
    begins = next((char for char in text if char in "{["), None)
    if begins is None or len(text) > REPAIR_CHARS or _NO_VALUE.search(text):
        return None
    import json_repair  # noqa: PLC0415  # nobody else pays for its import

    try:
        made: Any = json_repair.loads(text, skip_json_loads=True)
        if not made or not isinstance(made, dict if begins == "{" else list):
            return None
        written = clean(json.dumps(made, ensure_ascii=False, allow_nan=False))
    except (ValueError, RecursionError):
        return None
    return JsonFound(json.loads(written), text, repaired=True, repaired_text=written)
