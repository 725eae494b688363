"""Whether a result is what was expected: same types, same values."""

from collections import Counter, OrderedDict, defaultdict
from typing import Any, NamedTuple

import pytest

from longcall.validation.compare import ForgedError, difference, shown
from longcall.validation.inside.values import encode


class Pair(NamedTuple):
    a: int
    b: int  # what a submission may return


SAME: list[tuple[Any, Any]] = [
    (1, 1), (1.0, 1.0), (0.1 + 0.2, 0.3), (float("nan"), float("nan")), ("a", "a"), (None, None), (b"x", b"x"),
    ([1, (2,)], [1, (2,)]), ({1: "a"}, {1: "a"}), ({1, 2}, {2, 1}), ({"a": 1}, OrderedDict(a=1)),
    ({"a": 1}, Counter("a")), ({"a": []}, defaultdict(list, a=[])), (10**5000, 10**5000), (2 + 1j, 2 + 1j),
    (float("inf"), float("inf")),
]  # fmt: skip
DIFFERENT: list[tuple[Any, Any]] = [
    (1, 2), (1, True), (0, False), (1, 1.0), (1, "1"), ("a", "b"), (None, False), ([1], (1,)), ([1], [1, 2]),
    ([1], [True]), ({1: "a"}, {True: "a"}), ({1: "a"}, {1: "b"}), ({"a": 1}, {"b": 1}), ({1}, {True}),
    ({1}, frozenset({1})), ({1}, {1, 2}), ((1, 2), Pair(1, 2)), (1, object()), ([1], None), (b"x", "x"), ({}, []),
    (float("inf"), float("-inf")), (0.3, 0.300001),
]  # fmt: skip


def str_of(value: Any) -> str:
    """Names a value in a test's id."""
    return type(value).__name__


@pytest.mark.parametrize(("expected", "got"), SAME, ids=str_of)
def test_the_same_is_the_same(expected: Any, got: Any):
    assert difference(expected, encode(got)) is None


@pytest.mark.parametrize(("expected", "got"), DIFFERENT, ids=str_of)
def test_everything_else_is_not(expected: Any, got: Any):
    assert difference(expected, encode(got))


def test_a_tolerance_widens_floats_and_nothing_else():
    assert difference(1.0, encode(1.05), 0.1) is None
    assert difference([2.0], encode([2]), 0.1) is None
    assert difference(1.0, encode(1.05), 0.01)
    assert difference(0.3, encode(0.1 + 0.2), 0)
    assert difference("1.0", encode("1.05"), 0.1)
    assert difference(True, encode(1.0), 0.1)  # the value that is expected


def test_a_difference_says_where():
    assert difference({"a": [1, 2]}, encode({"a": [1, 3]})) == "expected 2, got 3 at ['a'][1]"


@pytest.mark.parametrize(
    "told", [{"$what": 1}, {"$set": [1], "x": 2}, {"$int": "zz"}, {"$set": [[1]]}, {"$complex": 1}]
)
def test_what_no_program_of_ours_writes_is_forged(told: Any):
    expected = {1} if "$set" in told else 1
    with pytest.raises(ForgedError):
        difference(expected, told)


def test_keys_that_collide_are_never_put_into_a_set():
    # Built as a set, these would take hours.
    collisions = {"$set": [number * (2**61 - 1) for number in range(200_000)]}

    assert difference({1}, collisions) == "expected the set {1}, got the set a set of 200000 items"


def test_long_values_are_cut():
    assert len(shown("x" * 1000)) == 200
    assert shown(10**5000).startswith("0x")
