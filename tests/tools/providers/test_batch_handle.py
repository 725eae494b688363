"""The names under which answers of batches are kept."""

import pytest

from longcall.providers import Handle
from longcall.providers.batch_handle import Place, place_of


@pytest.mark.parametrize("batch", [None, "batch_1", "batch:of:others"])
def test_a_place_comes_out_of_its_handle_again(batch: str | None) -> None:
    place = Place("openai", "0123456789abcdef", 20, 7, batch)
    assert place_of(place.handle) == place


@pytest.mark.parametrize("name", ["resp_1", "", "batch"])
def test_another_handle_is_no_place(name: str) -> None:
    assert place_of(Handle(name)) is None
