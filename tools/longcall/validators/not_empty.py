"""The answer says something."""

from typing import Literal

from longcall.validators.base import Answer, Issue
from longcall.validators.local import TextValidator
from longcall.validators.target import Part

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


class NotEmpty(TextValidator, frozen=True, extra="forbid"):
    """The text holds more than white space and characters that nobody sees."""

    type: Literal["not_empty"] = "not_empty"

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `empty`."""
        del answer
        if part.text.translate(_INVISIBLE).strip():
            return []
        return [self.issue("empty", "The answer is empty." if part.whole else "This part is empty.", path=part.path)]
