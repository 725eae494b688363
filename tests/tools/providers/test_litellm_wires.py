"""What LiteLLMProvider makes of answers that arrive whole, on each provider's wire."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.mocks import Mock

from longcall.catalog import find_models
from longcall.models import Completion

Ask = Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]
TEXT = "An answer in many words, so that it streams in pieces: " + "word " * 20 + "end."
OPENAI = "openai/gpt-4o"
ANTHROPIC = "anthropic/claude-haiku-4-5"
GEMINI = "gemini/gemini-2.5-flash"
RESPONSES = "openai/responses/gpt-4o"
OLLAMA = "ollama_chat/llama3"
LOCAL = ("hosted_vllm/some-model", "lm_studio/some-model")
UNCOUNTED = "The provider counted no tokens; usage and cost are unknown."
PATHS = {
    OPENAI: "/v1/chat/completions",
    ANTHROPIC: "/v1/messages",
    GEMINI: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    RESPONSES: "/v1/responses",
    OLLAMA: "/api/chat",
}


def sent_body(mock: Mock) -> dict[str, Any]:
    return mock.journal()[-1]["body"]


@pytest.mark.parametrize("model", [*PATHS, *LOCAL])
async def test_an_answer_comes_in_pieces_and_ends_with_its_finish_reason(ask: Ask, wires: Mock, model: str) -> None:
    before = len(wires.journal())
    pieces, completion = await ask(model)
    assert "".join(pieces) == TEXT
    assert len(pieces) > 1
    assert completion.finish_reason == "stop"
    assert completion.model
    assert [entry["path"] for entry in wires.journal()[before:]] == [PATHS.get(model, "/v1/chat/completions")]


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC, GEMINI])
async def test_counted_tokens_are_told_and_priced(ask: Ask, wires: Mock, model: str) -> None:
    _, completion = await ask(model, "counted")
    listed = next(found for found in find_models(model, {}, everything=True) if found.name == model)
    assert listed.usd_per_1m_input is not None
    assert listed.usd_per_1m_output is not None
    assert completion.usage is not None
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (11, 22)
    price = (11 * listed.usd_per_1m_input + 22 * listed.usd_per_1m_output) / 1_000_000
    assert completion.cost_usd == pytest.approx(price)
    assert completion.warnings == ()


@pytest.mark.parametrize("model", ["openai/a-model-without-a-price", "fireworks_ai/a-model-without-a-price"])
async def test_the_cost_of_a_model_without_a_known_price_is_unknown_and_not_zero(
    ask: Ask, wires: Mock, model: str
) -> None:
    _, completion = await ask(model, "counted")
    assert completion.usage is not None
    assert completion.cost_usd is None


@pytest.mark.parametrize("model", [ANTHROPIC, GEMINI, RESPONSES, OLLAMA])
async def test_zero_tokens_beside_a_text_mean_that_nobody_counted(ask: Ask, wires: Mock, model: str) -> None:
    _, completion = await ask(model)
    assert completion.usage is None
    assert completion.cost_usd is None
    assert UNCOUNTED in completion.warnings


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC, GEMINI])
async def test_an_answer_cut_at_its_token_limit_carries_a_warning(ask: Ask, wires: Mock, model: str) -> None:
    _, completion = await ask(model, "cut")
    assert completion.finish_reason == "length"
    assert any("token limit" in warning for warning in completion.warnings)


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC, GEMINI])
async def test_a_finished_answer_carries_no_warning_of_a_limit(ask: Ask, wires: Mock, model: str) -> None:
    _, completion = await ask(model)
    assert not any("token limit" in warning for warning in completion.warnings)


@pytest.mark.parametrize(
    ("model", "options", "dropped"),
    [
        ("openai/gpt-4o", {"temperature": 0.25, "max_tokens": 50, "reasoning_effort": "low"}, {"reasoning_effort"}),
        ("openai/gpt-5", {"temperature": 0.25, "reasoning_effort": "low"}, {"temperature"}),
    ],
)
async def test_a_parameter_that_the_model_does_not_take_is_left_out_with_a_warning(
    ask: Ask, wires: Mock, model: str, options: dict[str, Any], dropped: set[str]
) -> None:
    _, completion = await ask(model, "counted", **options)
    body = sent_body(wires)
    assert {name for name in options if any(f"`{name}`" in warning for warning in completion.warnings)} == dropped
    assert len(completion.warnings) == len(dropped)
    assert not dropped & set(body)
    assert {name: body[name] for name in options if name not in dropped} == {
        name: value for name, value in options.items() if name not in dropped
    }


async def test_parameters_that_the_model_takes_are_sent_without_a_warning(ask: Ask, wires: Mock) -> None:
    _, completion = await ask(ANTHROPIC, "counted", temperature=0.25, max_tokens=50, system="Be brief.")
    body = sent_body(wires)
    assert (body["temperature"], body["max_tokens"], body["stream"]) == (0.25, 50, True)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert completion.warnings == ()
