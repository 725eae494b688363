"""What is wrong with a value, told in the words of JSON instead of pydantic's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_OBJECT = "must be an object"
_WORDS: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": _OBJECT,
    "enum": "must be {expected}",
    "extra_forbidden": "is not known here; leave it out",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be above {limit}",
    "greater_than_equal": "must be {limit} or more",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be {limit} or less",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "mapping_type": _OBJECT,
    "missing": "is missing",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "string_type": "must be a text",
    "tuple_type": "must be a list",
}
"""The type of an error → what is to be said of the value."""
_BRANCH = re.compile(r"str|int|float|bool|none|constrained-\w+|.*\[.*")
"""What pydantic adds to a place to say which of several forms was tried there."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with the first value that is."""

    place: str
    """The value's name, dotted; empty for the whole."""
    words: str
    """What it must be, as the rest of a sentence that begins with its name; or a sentence of the check's own."""
    is_own: bool
    """Whether the words are the check's own."""

    def sentence(self, subject: str) -> str:
        """Returns the complaint about `subject`, without a full stop."""
        return f"{subject} cannot be used: {self.words}" if self.is_own else f"{subject} {self.words}"


def complaint_of(error: ValidationError) -> Complaint:
    """Returns what is wrong with the first value that is; of a value that may have several forms, all of them."""
    told = error.errors(include_url=False, include_input=False)
    first = told[0]
    place = _place(first)
    if first["type"] == "value_error":
        return Complaint(place, first["msg"].removeprefix("Value error, ").rstrip("."), is_own=True)
    # A dict keeps the order and says each once.
    forms = list(dict.fromkeys(words_of(one) for one in told if _place(one) == place and one["type"] != "value_error"))
    if not all(form.startswith("must be ") for form in forms):
        return Complaint(place, forms[0], is_own=False)
    return Complaint(place, "must be " + " or ".join(form.removeprefix("must be ") for form in forms), is_own=False)


def first_complaint(error: ValidationError, whole: str = "The call", within: str = "") -> str:
    """Returns what is wrong with the first value that is, as one sentence.

    `whole` names what all the values belong to, and `within` where among the caller's arguments that stands.
    """
    told = complaint_of(error)
    place = ".".join(part for part in (within, told.place) if part)
    return f"{told.sentence(f'`{place}`' if place else whole)}."


def words_of(error: ErrorDetails) -> str:
    """Returns what is wrong with a value, as the rest of a sentence that begins with its name."""
    if error["type"] == "value_error":
        return f"cannot be used: {error['msg'].removeprefix('Value error, ').rstrip('.')}"
    told = {"limit": error["msg"].rpartition(" ")[2], **error.get("ctx", {})}
    words = _WORDS.get(error["type"])
    return words.format(**told) if words else re.sub(r"^\w+ should ", "must ", error["msg"])


def _place(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"] if isinstance(part, int) or not _BRANCH.fullmatch(part))
