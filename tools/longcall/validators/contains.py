"""Words that the answer must hold, or must not."""

from typing import Literal

from pydantic import model_validator

from longcall.text import clip
from longcall.validators.base import Answer, Issue
from longcall.validators.local import TextValidator
from longcall.validators.target import Part


class Contains(TextValidator, frozen=True, extra="forbid"):
    """The text holds each of `all`, at least one of `any`, and none of `none`, anywhere, also inside of words."""

    type: Literal["contains"] = "contains"
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    case_sensitive: bool = False

    @model_validator(mode="after")
    def _looks_for_something(self) -> "Contains":
        if not (self.all or self.any or self.none):
            raise ValueError("give at least one of `all`, `any` and `none`, each a list of texts")
        if "" in (*self.all, *self.any, *self.none):
            raise ValueError("an empty text is contained in everything: leave it out")
        return self

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `missing_text` and `forbidden_text`."""
        del answer
        text = self._folded(part.text)
        found = [
            self.issue("missing_text", f"The text {_quoted(word)} is missing.", path=part.path, expected=word)
            for word in self.all
            if self._folded(word) not in text
        ]
        if self.any and not any(self._folded(word) in text for word in self.any):
            one_of = clip(", ".join(map(_quoted, self.any)), 300)
            found.append(self.issue("missing_text", f"None of these texts is there: {one_of}.", path=part.path))
        return found + [
            self.issue("forbidden_text", f"The text {_quoted(word)} must not occur.", path=part.path, got=word)
            for word in self.none
            if self._folded(word) in text
        ]

    def _folded(self, text: str) -> str:
        return text if self.case_sensitive else text.casefold()


def _quoted(word: str) -> str:
    return repr(clip(word, 100))
