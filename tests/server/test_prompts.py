"""The prompts that hosts offer as slash commands, in both eras of the protocol."""

import pytest
from mcp import Client
from mcp_types import PromptReference, TextContent
from support.processes import attached

PROMPTS = {"delegate": "task", "second-opinion": "question", "review-code": "code"}
MODELS = {"delegate": "model", "second-opinion": "models", "review-code": "model"}
TOOLS = {"delegate": "llm_call", "second-opinion": "start_task", "review-code": "llm_call"}


async def _text(client: Client, name: str, **arguments: str) -> str:
    got = await client.get_prompt(name, arguments)
    assert [message.role for message in got.messages] == ["user"]
    content = got.messages[0].content
    assert isinstance(content, TextContent)
    return content.text


async def test_each_prompt_and_each_argument_is_described_and_none_is_required(client: Client) -> None:
    listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    assert listed.keys() == PROMPTS.keys()
    for name, prompt in listed.items():
        assert prompt.title
        assert prompt.description
        arguments = {argument.name: argument for argument in prompt.arguments or ()}
        assert list(arguments) == [PROMPTS[name], MODELS[name]]
        assert all(argument.description and not argument.required for argument in arguments.values())


@pytest.mark.parametrize("name", PROMPTS)
async def test_a_prompt_names_what_was_asked_the_tool_and_the_model(client: Client, name: str) -> None:
    text = await _text(client, name, **{PROMPTS[name]: "Größe of\nthings", MODELS[name]: "demo/echo"})
    for part in ("Größe of\nthings", "demo/echo", TOOLS[name], "poll_task", "wait_s=45"):
        assert part in text
    assert len(text) < 1_500


@pytest.mark.parametrize("name", PROMPTS)
async def test_a_prompt_without_arguments_takes_up_the_conversation(one_client: Client, name: str) -> None:
    text = await _text(one_client, name)
    assert "what this conversation is about" in text
    assert "model=" not in text
    assert "what this conversation is about" not in await _text(one_client, name, **{PROMPTS[name]: "this"})


@pytest.mark.parametrize("name", PROMPTS)
async def test_a_second_word_that_names_no_provider_is_taken_for_text(one_client: Client, name: str) -> None:
    text = await _text(one_client, name, **{PROMPTS[name]: "write", MODELS[name]: "a"})
    assert text.splitlines()[0].endswith(": write a")
    assert "model=" not in text


async def test_several_models_are_all_named(one_client: Client) -> None:
    text = await _text(one_client, "second-opinion", question="why?", models="demo/echo, demo/slow,")
    assert "Ask demo/echo, demo/slow." in text
    assert "list_models" not in text
    assert "list_models" in await _text(one_client, "second-opinion", question="why?")


async def test_names_of_models_are_completed_also_the_last_of_several(client: Client, store: dict[str, str]) -> None:
    async def completed(argument: str, value: str, asked: Client = client) -> list[str]:
        reference = PromptReference(type="ref/prompt", name="second-opinion")
        return (await asked.complete(reference, {"name": argument, "value": value})).completion.values

    assert await completed("models", "demo/e") == ["demo/echo"]
    assert await completed("models", "demo/slow,demo/e") == ["demo/slow,demo/echo"]
    assert await completed("question", "demo/e") == []
    assert len(await completed("models", "gpt")) == 100
    assert {name.partition("/")[0] for name in await completed("models", "")} == {"demo"}
    async with attached(store | {"OPENAI_API_KEY": "sk-mock-0123456789"}) as with_key:
        assert "openai" in {name.partition("/")[0] for name in await completed("models", "", with_key)}
