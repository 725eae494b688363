"""The models that can be asked here and now."""

from pathlib import Path

from support.mocks import aimock

from longcall.catalog import Model
from longcall.listing import Listing, list_models
from longcall.settings import ProviderSettings, Settings

SERVED = [{"match": {"model": name}, "response": {"content": "x"}} for name in ("gpt-4o-mini", "gpt-of-tomorrow")]


async def listed(tmp_path: Path, query: str = "", **options: object) -> Listing:
    with aimock(SERVED, tmp_path) as mock:
        environ = {"OPENAI_API_KEY": "sk-mock", "OPENAI_API_BASE": f"{mock.url}/v1"}
        lab = ProviderSettings(kind="openai", api_base=f"{mock.url}/v1")
        settings = Settings(home=tmp_path / "home", model="fast", aliases={"fast": "openai/x"}, providers={"lab": lab})
        return await list_models(query, settings, environ, **options)  # pyright: ignore[reportArgumentType]


def named(listing: Listing, name: str) -> Model:
    return next(model for model in listing.models if model.name == name)


async def test_what_a_provider_serves_is_marked_and_comes_first(tmp_path: Path):
    listing = await listed(tmp_path)
    known = named(listing, "openai/gpt-4o-mini")
    assert (known.served, known.context_window, known.usd_per_1m_input) == (True, 128_000, 0.15)
    assert named(listing, "openai/gpt-4o").served is False
    names = [model.name for model in listing.models]
    assert names.index("openai/gpt-4o-mini") < names.index("openai/gpt-4o")
    assert (listing.default, listing.aliases) == ("fast", {"fast": "openai/x"})


async def test_a_model_that_no_list_knows_is_there_with_unknown_price(tmp_path: Path):
    new = named(await listed(tmp_path, "tomorrow openai"), "openai/gpt-of-tomorrow")
    assert new == Model("openai/gpt-of-tomorrow", "openai", callable=True, served=True)


async def test_the_models_of_a_server_of_ones_own_are_there(tmp_path: Path):
    listing = await listed(tmp_path, "lab/")
    assert [model.name for model in listing.models] == ["lab/gpt-4o-mini", "lab/gpt-of-tomorrow"]
    assert [one.provider for one in listing.providers] == ["lab", "openai"]


async def test_nobody_is_asked_who_is_not_to_be(tmp_path: Path):
    listing = await listed(tmp_path, "gpt-4o-mini", ask=False)
    assert listing.providers == []
    assert {model.served for model in listing.models} == {None}
