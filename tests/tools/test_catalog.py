"""What is known of models without asking anybody."""

import subprocess
import sys
from pathlib import Path

import pytest

from longcall.catalog import KEYS, find_model, find_models, providers_with_keys, proxied_models
from longcall.environment import matters
from longcall.providers.claude_names import LABELS
from longcall.settings import PriceSettings

OPENAI = {"OPENAI_API_KEY": "sk-mock"}


def test_a_provider_is_callable_with_any_of_its_keys():
    assert providers_with_keys({}) == []
    assert providers_with_keys({"OPENAI_API_KEY": ""}) == []
    for provider, variables in KEYS.items():
        for variable in variables:
            assert provider in providers_with_keys({variable: "x"})


@pytest.mark.parametrize("variable", sorted({name for names in KEYS.values() for name in names}))
def test_every_key_of_the_list_tells_environments_apart(variable: str):
    assert matters(variable)


def test_without_a_key_only_the_demo_models_are_listed():
    models = find_models("", {})
    assert [model.name for model in models] == ["demo/echo", "demo/fail", "demo/slip", "demo/slow", "demo/stall"]
    assert all(model.callable and model.usd_per_1m_input == 0 for model in models)


def test_with_a_key_the_models_of_its_provider_are_listed_too():
    providers = {model.provider for model in find_models("", OPENAI)}
    assert providers == {"demo", "openai"}


def test_a_model_is_told_with_price_and_room():
    [model] = [model for model in find_models("openai/gpt-4o-mini", OPENAI) if model.name == "openai/gpt-4o-mini"]
    assert model.callable
    assert (model.context_window, model.max_output_tokens) == (128_000, 16_384)
    assert (model.usd_per_1m_input, model.usd_per_1m_output) == (0.15, 0.6)


def test_a_model_without_a_key_is_found_by_name_and_told_as_not_callable():
    found = find_models("anthropic claude", OPENAI)
    assert found
    assert not any(model.callable for model in found)


def test_every_word_of_a_query_must_be_in_the_name_in_whatever_case():
    found = find_models("GPT mini", OPENAI)
    assert found
    assert all("gpt" in model.name.lower() and "mini" in model.name.lower() for model in found)


def test_callable_models_come_first_and_then_the_names_in_order():
    models = find_models("", OPENAI, everything=True)
    keys = [(not model.callable, model.name) for model in models]
    assert keys == sorted(keys)
    assert len(models) > len(find_models("", OPENAI))


def test_a_misspelt_name_is_answered_with_the_nearest():
    assert any("gpt-4o-mini" in model.name for model in find_models("openai/gtp-4o-mini", OPENAI))
    assert find_models("nothing that is the name of anything", OPENAI) == []


def test_only_models_that_talk_are_listed():
    names = {model.name for model in find_models("", {}, everything=True)}
    assert not any("whisper" in name or "dall-e" in name or "sample_spec" in name for name in names)


def test_the_list_is_read_without_importing_litellm():
    code = (
        "import sys; from longcall.catalog import find_models as f; print(len(f('gpt', {})), 'litellm' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    models, imported = found.stdout.split()
    assert int(models) > 10
    assert imported == "False"


def test_claude_is_listed_where_its_command_line_is_found(tmp_path: Path):
    cli = tmp_path / "claude"
    cli.write_text("#!/bin/sh\n")
    assert "max/opus" not in {model.name for model in find_models("", {"PATH": str(tmp_path)})}
    cli.chmod(0o700)
    found = [model for model in find_models("max", {"PATH": str(tmp_path)}) if model.provider == "claude-cli"]
    assert [model.name for model in found] == ["max/haiku", "max/opus", "max/sonnet"]
    assert all(model.callable and model.usd_per_1m_input is None for model in found)


def test_claude_comes_first_for_those_who_ask_a_proxy(tmp_path: Path):
    environ = {"LONGCALL_CLAUDE_PROXY_URL": "http://proxy", **OPENAI}
    names = [model.name for model in proxied_models(environ)]
    assert names[: 3 + len(LABELS)] == ["max/haiku", "max/opus", "max/sonnet", *(f"max/{label}" for label in LABELS)]
    assert "openai/gpt-4o-mini" in names
    assert not any(name.startswith("max/") for name in (model.name for model in proxied_models(OPENAI)))


def test_claude_is_told_as_not_callable_where_its_command_line_is_missing():
    assert {(model.name, model.callable) for model in find_models("max/opus", {})} == {("max/opus", False)}


def test_the_operators_prices_come_over_the_list_and_beside_it():
    own = {
        "openai/gpt-4o-mini": PriceSettings(input_usd_per_1m=1, output_usd_per_1m=2),
        "lab/q": PriceSettings(input_usd_per_1m=0, output_usd_per_1m=0.5, context_window=32_768),
        "mistral/mine": PriceSettings(input_usd_per_1m=1, output_usd_per_1m=2),
    }
    found = {model.name: model for model in find_models("", OPENAI, own, everything=True)}
    listed = find_model("openai/gpt-4o-mini", OPENAI)
    ours, lab = found["openai/gpt-4o-mini"], found["lab/q"]
    assert listed is not None
    assert (ours.usd_per_1m_input, ours.usd_per_1m_output, ours.context_window) == (1, 2, listed.context_window)
    assert listed.usd_per_1m_input != 1
    assert (lab.usd_per_1m_output, lab.context_window, lab.callable, lab.provider) == (0.5, 32_768, True, "lab")
    assert not found["mistral/mine"].callable
    assert find_model("lab/q", {}, own) == lab
    assert find_model("lab/q", {}) is None
    assert "lab/q" in {model.name for model in proxied_models({}, own)}
