"""Validators of plain text: not_empty, contains, regex, length."""

import pytest
from support.validating import codes, find

from longcall.validators import Answer, ValidatorError, parse_validators


@pytest.mark.parametrize(
    ("text", "found"), [("x", []), ("", ["empty"]), (" \t\n\u00a0", ["empty"]), ("\ufeff", ["empty"])]
)
async def test_not_empty(text: str, found: list[str]) -> None:
    assert await codes("not_empty", text) == found


@pytest.mark.parametrize(
    ("spec", "text", "found"),
    [
        ({"all": ["Sky", "blue"]}, "the SKY is BLUE", []),
        ({"all": ["Sky", "red"]}, "the SKY is BLUE", ["missing_text"]),
        ({"all": ["Sky"], "case_sensitive": True}, "the SKY", ["missing_text"]),
        ({"any": ["red", "blue"]}, "blue", []),
        ({"any": ["red", "blue"]}, "green", ["missing_text"]),
        ({"none": ["TODO"]}, "done", []),
        ({"none": ["TODO", "fixme"]}, "todo FIXME", ["forbidden_text", "forbidden_text"]),
        ({"none": ["TODO"], "case_sensitive": True}, "todo", []),
        ({"all": ["straße"]}, "STRASSE", []),
    ],
)
async def test_contains(spec: dict[str, object], text: str, found: list[str]) -> None:
    assert await codes({"type": "contains", **spec}, text) == found


@pytest.mark.parametrize(
    ("spec", "text", "found"),
    [
        ({"pattern": r"\d+"}, "in 1969", []),
        ({"pattern": r"\d+"}, "never", ["no_match"]),
        ({"pattern": r"\d+", "mode": "fullmatch"}, "in 1969", ["no_match"]),
        ({"pattern": r"\d+", "mode": "fullmatch"}, "1969", []),
        ({"pattern": "secret", "mode": "absent"}, "a secret", ["forbidden_match"]),
        ({"pattern": "secret", "mode": "absent"}, "a Secret", []),
        ({"pattern": "secret", "mode": "absent", "flags": "i"}, "a Secret", ["forbidden_match"]),
        ({"pattern": "^b$"}, "a\nb", ["no_match"]),
        ({"pattern": "^b$", "flags": "m"}, "a\nb", []),
        ({"pattern": "a.b"}, "a\nb", ["no_match"]),
        ({"pattern": "a.b", "flags": "si"}, "A\nB", []),
        ({"pattern": "^é{2}$"}, "éé", []),
        ({"pattern": "(a+)+$"}, "a" * 5_000_000 + "b", ["no_match"]),
    ],
)
async def test_regex(spec: dict[str, object], text: str, found: list[str]) -> None:
    assert await codes({"type": "regex", **spec}, text) == found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)b", "no look-around"),
        (r"(?<!a)b", "no look-around|perl operator"),
        (r"(a)\1", "no back-references"),
        ("(", "missing"),
        ("(a{1000}){1000}", "repetition"),
        ("(" * 3000, "cannot be used"),
    ],
)
def test_a_pattern_that_does_not_run_in_linear_time_is_refused_at_the_door(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators({"type": "regex", "pattern": pattern})


async def test_a_pattern_too_large_for_a_long_text_is_no_verdict() -> None:
    (validator,) = parse_validators({"type": "regex", "pattern": "(.{1,500}x){2}"})

    with pytest.raises(ValidatorError, match="too large"):
        await validator.find(Answer("a" * 6_000_000))


@pytest.mark.parametrize(
    ("spec", "text", "found"),
    [
        ({"min": 3}, "ab", ["too_short"]),
        ({"min": 3, "max": 3}, "abé", []),
        ({"max": 2}, "abc", ["too_long"]),
        ({"max": 1, "unit": "chars"}, "🦜", []),
        ({"min": 3, "max": 3, "unit": "words"}, " one  two\nthree ", []),
        ({"max": 2, "unit": "words"}, "one two three", ["too_long"]),
        ({"min": 2, "max": 2, "unit": "lines"}, "one\ntwo\n", []),
        ({"min": 3, "unit": "lines"}, "one\ntwo\n", ["too_short"]),
        ({"max": 2, "unit": "tokens"}, "éééé", []),
        ({"max": 1, "unit": "tokens"}, "éééé", ["too_long"]),
    ],
)
async def test_length(spec: dict[str, object], text: str, found: list[str]) -> None:
    assert await codes({"type": "length", **spec}, text) == found


async def test_tokens_are_those_that_were_counted() -> None:
    spec = {"type": "length", "unit": "tokens", "max": 10}

    (counted,) = await find(spec, "short", output_tokens=11)
    (estimated,) = await find(spec, "x" * 100)

    assert "11 tokens, more" in counted.message
    assert "25 tokens by estimate" in estimated.message
    assert await codes(spec, "x" * 100, output_tokens=10) == []


async def test_tokens_of_a_part_are_estimated() -> None:
    spec = {"type": "length", "unit": "tokens", "max": 10, "target": "/a"}

    assert await codes(spec, '{"a": "b"}', output_tokens=500) == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"type": "length"}, "at least one of `min` and `max`"),
        ({"type": "length", "min": 2, "max": 1}, "larger"),
        ({"type": "length", "min": -1}, "`min`"),
        ({"type": "length", "max": 1, "unit": "pages"}, "`unit`"),
        ({"type": "contains"}, "at least one of"),
        ({"type": "contains", "all": [""]}, "empty text"),
        ({"type": "regex"}, "`pattern` is missing"),
        ({"type": "regex", "pattern": "a", "flags": "x"}, "`flags`"),
        ({"type": "regex", "pattern": ""}, "`pattern`"),
        ({"type": "regex", "pattern": "a", "mode": "match"}, "`mode`"),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_door(spec: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators(spec)
