"""What is wrong with a value is told in the words of JSON, never in pydantic's."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from longcall.complaint import complaint_of, words_of


class Shape(BaseModel, extra="forbid"):
    text: str = ""
    whole: int = Field(default=0, ge=0, le=9)
    number: float = Field(default=1, gt=0, allow_inf_nan=False)
    switch: bool = False
    word: Literal["a", "b"] = "a"
    names: list[str] = []
    several: list[str | dict[str, Any]] | str = ""
    table: dict[str, int] = {}
    short: str = Field(default="", max_length=3)
    even: int = 0

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it is odd.")
        return value


class Within(BaseModel):
    shape: Shape


def complaint(model: type[BaseModel], value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    told = complaint_of(caught.value)
    return told.sentence(f"`{told.place}`" if told.place else "It")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"text": 3}, "`text` must be a text"),
        ({"whole": -1}, "`whole` must be 0 or more"),
        ({"whole": 10}, "`whole` must be 9 or less"),
        ({"whole": 1.5}, "`whole` must be a whole number"),
        ({"whole": "x"}, "`whole` must be a whole number"),
        ({"number": 0}, "`number` must be above 0"),
        ({"number": "x"}, "`number` must be a number"),
        ({"number": float("nan")}, "`number` must be a finite number"),
        ({"switch": "perhaps"}, "`switch` must be true or false"),
        ({"word": "c"}, "`word` must be 'a' or 'b'"),
        ({"names": "x"}, "`names` must be a list"),
        ({"names": ["x", 3]}, "`names.1` must be a text"),
        ({"several": 3}, "`several` must be a list or a text"),
        ({"several": [3]}, "`several.0` must be a text or an object"),
        ({"table": {"x": "y"}}, "`table.x` must be a whole number"),
        ({"short": "long"}, "`short` must have at most 3 characters"),
        ({"even": 1}, "`even` cannot be used: it is odd"),
        ({"other": 1}, "`other` is not known here; leave it out"),
        ([], "It must be an object"),
    ],
)
def test_a_complaint_says_what_the_value_must_be(value: Any, sentence: str) -> None:
    assert complaint(Shape, value) == sentence


def test_a_place_is_dotted_and_what_is_missing_is_named() -> None:
    assert complaint(Within, {"shape": {"even": 3}}) == "`shape.even` cannot be used: it is odd"
    assert complaint(Within, {}) == "`shape` is missing"


def test_the_words_of_a_check_of_its_own_are_kept() -> None:
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate({"even": 1})

    assert words_of(caught.value.errors()[0]) == "cannot be used: it is odd"
