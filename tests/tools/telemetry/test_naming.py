"""Names of the semantic conventions."""

import pytest

from longcall.telemetry.naming import model_of, provider_of


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("azure/my-deployment", "azure.ai.openai", "my-deployment"),
        ("bedrock/anthropic.claude-v2", "aws.bedrock", "anthropic.claude-v2"),
        ("vertex_ai/gemini-2.5-pro", "gcp.vertex_ai", "gemini-2.5-pro"),
        ("gemini/gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro"),
        ("Mistral/large", "mistral_ai", "large"),
        ("openrouter/anthropic/claude", "openrouter", "anthropic/claude"),
        ("gpt-4o", "openai", "gpt-4o"),
        ("claude-opus-4", "anthropic", "claude-opus-4"),
        ("something-else", "_OTHER", "something-else"),
        ("max/opus", "anthropic", "opus"),
        ("max/", "anthropic", "max"),
        ("demo/echo", "longcall", "echo"),
    ],
)
def test_a_model_has_a_provider_and_a_name_there(model: str, provider: str, name: str):
    assert (provider_of(model), model_of(model)) == (provider, name)
