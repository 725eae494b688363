"""What of an answer a validator looks at, worked out once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longcall.text import clean
from longcall.validators.document import JsonFound, NotJsonError, json_of, parse_json
from longcall.validators.fences import code_blocks
from longcall.validators.pointer import MissingError, check_pointer, follow, shown

NAMES = ("text", "json", "first_code_block", "all_code_blocks")


class TargetError(LookupError):
    """An answer lacks what was to be checked: `no_json`, `no_code_block` or `missing`."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.path = path


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer that is to be checked."""

    text: str
    """Its text, in valid Unicode; of a value that is no string, its JSON."""
    path: str = ""
    """Where it stands: `block 2`, a JSON pointer, or nothing for the whole answer."""
    tag: str = ""
    """What follows the opening fence of a code block."""
    whole: bool = False
    """Whether it is the whole answer."""

    def json(self) -> Any:
        """Returns the JSON of this part, or None."""
        try:
            return json_of(self.text).value if self.whole else parse_json(self.text)
        except NotJsonError:
            return None


def check_target(target: str) -> str:
    """Returns `target` when it is one.

    Raises:
        ValueError: it is none.
    """
    if target in NAMES:
        return target
    if target.startswith("/"):
        return check_pointer(target)
    raise ValueError(f"{target!r} is not a target: use {', '.join(NAMES)}, or a JSON pointer such as `/items/0`")


def parts(text: str, target: str) -> list[Part]:
    """Returns the pieces of `text` that `target` names, at least one.

    Raises:
        TargetError: it has none.
    """
    text = clean(text)
    if target == "text":
        return [Part(text, whole=True)]
    if target.endswith(("code_block", "code_blocks")):
        return _blocks(text, first=target == "first_code_block")
    found = found_json(text)
    if target == "json":
        return [Part(found.text)]
    value = value_at(found.value, target)
    return [Part(value if isinstance(value, str) else shown(value), target)]


def pick(text: str, target: str, tags: Sequence[str]) -> list[Part]:
    """Returns the parts that hold code under one of `tags`.

    Of code blocks those with such a tag count, or those without any where none has; for the target `text` the whole
    text counts where there are no code blocks at all.

    Raises:
        TargetError: there is none.
    """
    if target not in ("text", "first_code_block", "all_code_blocks"):
        return parts(text, target)
    try:
        blocks = parts(text, "all_code_blocks")
    except TargetError:
        if target == "text":
            return parts(text, "text")
        raise
    found = [part for part in blocks if part.tag in tags] or [part for part in blocks if not part.tag]
    if not found:
        raise TargetError("no_code_block", f"None of the {len(blocks)} code blocks is tagged {tags[0]}.")
    return found[:1] if target == "first_code_block" else found


def _blocks(text: str, *, first: bool) -> list[Part]:
    blocks = code_blocks(text)
    if not blocks:
        raise TargetError("no_code_block", "The answer holds no fenced code block.")
    found = [Part(block.text, f"block {at}", block.tag) for at, block in enumerate(blocks, 1)]
    return found[:1] if first else found


def found_json(text: str) -> JsonFound:
    """Returns the JSON of `text`.

    Raises:
        TargetError: it has none.
    """
    try:
        return json_of(text)
    except NotJsonError as error:
        raise TargetError("no_json", f"The answer holds no JSON to look into. {error}") from None


def value_at(value: Any, pointer: str) -> Any:
    """Returns what stands in `value` at `pointer`.

    Raises:
        TargetError: nothing does.
    """
    try:
        return follow(value, pointer)
    except MissingError as error:
        raise TargetError("missing", str(error), pointer) from None
