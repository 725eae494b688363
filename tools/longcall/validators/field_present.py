"""A field of the answer's JSON is there, is absent, or has a value."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, model_validator

from longcall.validators.base import Issue
from longcall.validators.local import ValueValidator, at
from longcall.validators.pointer import MissingError, check_pointer, equal, follow, shown


class FieldPresent(ValueValidator, frozen=True, extra="forbid"):
    """What `path` points to exists, whatever its value; with `equals` it is that value, with `absent` it does not."""

    verbatim: ClassVar[dict[str, str]] = {"equals": "equals"}
    cost: ClassVar[int] = 1

    type: Literal["field_present"] = "field_present"
    path: Annotated[str, AfterValidator(check_pointer)]
    """A JSON pointer, such as `/items/0/id`."""
    equals: Any = None
    """The value that it must have; null counts when it is given."""
    absent: bool = False

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "FieldPresent":
        if self.absent and self._has_value():
            raise ValueError("give either `equals` or `absent`: what is absent has no value")
        if self._has_value():
            shown(self.equals)
        return self

    def _has_value(self) -> bool:
        return "equals" in self.model_fields_set

    def look(self, value: Any, path: str) -> list[Issue]:
        """Finds `missing`, `not_equal` or `unexpected`."""
        where = at(path, self.path)
        try:
            found = follow(value, self.path)
        except MissingError as error:
            return [] if self.absent else [self.issue("missing", str(error), path=where)]
        if self.absent:
            return [self.issue("unexpected", f"There must be no {self.path!r}.", path=where, got=shown(found))]
        if self._has_value() and not equal(found, self.equals):
            expected = shown(self.equals)
            message = f"The value at {self.path!r} is not the one that is asked for."
            return [self.issue("not_equal", message, path=where, expected=expected, got=shown(found))]
        return []
