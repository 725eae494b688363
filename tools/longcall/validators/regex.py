"""The answer matches a regular expression, in linear time."""

import functools
import importlib
from typing import Any, Literal

from pydantic import Field, model_validator

from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.local import TextValidator
from longcall.validators.target import Part

MAX_STEPS = 5_000_000_000
"""Size of the compiled pattern times length of the text: about a minute, in the worst case."""
PROGRAM_BYTES = 1 << 20


class Regex(TextValidator, frozen=True, extra="forbid"):
    """RE2 finds `pattern` in the text (`search`), in all of it (`fullmatch`), or nowhere (`absent`)."""

    type: Literal["regex"] = "regex"
    pattern: str = Field(min_length=1, max_length=5000)
    mode: Literal["search", "fullmatch", "absent"] = "search"
    flags: str = Field(default="", pattern="^[ims]*$")
    """`i` ignores case, `m` lets ^ and $ match at line ends, `s` lets the dot match line ends."""

    @model_validator(mode="after")
    def _compiles(self) -> "Regex":
        compiled(self.pattern, self.flags)
        return self

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `no_match` or `forbidden_match`."""
        del answer
        regex = compiled(self.pattern, self.flags)
        if regex.programsize * len(part.text) > MAX_STEPS:
            raise ValidatorError(
                f"{self.name} could not check the answer: the pattern is too large for so long a text."
            )
        found = regex.fullmatch(part.text) if self.mode == "fullmatch" else regex.search(part.text)
        if (found is None) == (self.mode == "absent"):
            return []
        if found is not None:
            return [self.issue("forbidden_match", "Something must not occur, and does.", path=part.path, got=found[0])]
        whole = "The whole text" if self.mode == "fullmatch" else "The text"
        message = f"{whole} does not match the pattern."
        return [self.issue("no_match", message, path=part.path, expected=self.pattern, got=part.text)]


@functools.lru_cache(maxsize=64)
def compiled(pattern: str, flags: str) -> Any:
    """Returns the compiled pattern.

    Raises:
        ValueError: RE2 does not take it.
    """
    re2: Any = importlib.import_module("re2")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PROGRAM_BYTES
    try:
        return re2.compile(f"(?{flags}){pattern}" if flags else pattern, options)
    except re2.error as error:
        told = error.args[0].decode(errors="replace") if error.args else "it is not a pattern"
        why = " (RE2 has no look-around)" if "perl operator" in told else ""
        why = why or (" (RE2 has no back-references)" if "escape sequence" in told else "")
        what, _, place = told.partition(": ")
        raise ValueError(f"the pattern cannot be used: {what}{f' at `{place}`' * bool(place)}{why}") from None
