"""The answer is JSON."""

from typing import ClassVar, Literal

from longcall.validators.base import Answer, Issue
from longcall.validators.document import NotJsonError, Repair, json_of
from longcall.validators.local import TextValidator
from longcall.validators.target import Part, parts


class Json(TextValidator, frozen=True, extra="forbid"):
    """The text is one JSON document by RFC 8259, or its one code block is: no NaN, no comments, nothing after it."""

    cost: ClassVar[int] = 1

    type: Literal["json"] = "json"
    fenced: bool = True
    """Whether JSON in the answer's one code block counts; otherwise the whole text must be JSON."""
    repair: Repair = "off"
    """`safe` mends what is nearly JSON before it is checked; the result of a call tells that it did."""
    unique_keys: bool = True
    """Whether an object that names a key twice fails: RFC 8259 allows it, and readers disagree on what it says."""

    def parts(self, answer: Answer) -> list[Part]:
        """Takes the whole text for `json`, since whether there is any is the question."""
        return parts(answer.text, "text" if self.target == "json" else self.target)

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `not_json`, `duplicate_key`, `too_deep` or `number_too_large`."""
        del answer
        try:
            fenced = self.fenced and part.whole
            json_of(part.text, fenced=fenced, repair=self.repair, unique_keys=self.unique_keys)
        except NotJsonError as error:
            return [self.issue(error.code, str(error), path=part.path, got=part.text, hint="Answer with JSON alone.")]
        return []
