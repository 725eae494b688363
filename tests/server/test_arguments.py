"""What a tool does not take is refused in one sentence."""

import pytest
from mcp import Client
from support.processes import call, error_text


async def test_an_argument_that_no_tool_knows_is_refused_and_nothing_is_asked(one_client: Client) -> None:
    before = await call(one_client, "poll_task")

    said = await error_text(one_client, "llm_call", prompt="bogus", model="demo/echo", promt="typo", valid=[])

    assert "llm_call does not take `promt`, `valid`. It takes `prompt`, `messages`, `model`," in said
    assert await call(one_client, "poll_task") == before
    assert (await call(one_client, "llm_call", prompt="bogus", model="demo/echo"))["status"] == "completed"


@pytest.mark.parametrize(
    ("tool", "arguments", "complaint"),
    [
        ("poll_task", {"wait_s": 46}, "`wait_s` must be 45 or less."),
        ("poll_task", {"offset": "many"}, "`offset` must be a whole number."),
        ("cancel_task", {}, "`task_id` is missing."),
        ("list_models", {"limit": 0}, "`limit` must be 1 or more."),
    ],
)
async def test_a_value_out_of_range_is_one_sentence(
    one_client: Client, tool: str, arguments: dict[str, object], complaint: str
) -> None:
    said = await error_text(one_client, tool, **arguments)

    assert complaint in said
    assert "\n" not in said
    assert "http" not in said


async def test_our_own_sentence_comes_without_words_of_the_sdk(one_client: Client) -> None:
    both = {"prompt": "hello", "messages": [{"role": "user", "content": "x"}]}
    said = await error_text(one_client, "llm_call", model="demo/echo", **both)

    assert said.startswith("Give either `prompt` or `messages`")
    assert (await error_text(one_client, "llm_call", messages=[{"content": "x"}], model="demo/echo")).startswith(
        "`messages.0.role` is missing."
    )


async def test_a_value_at_the_end_of_its_range_is_taken(one_client: Client) -> None:
    assert (await call(one_client, "list_models", limit=1))["models"]


async def test_an_unknown_tool_is_an_error_too(one_client: Client) -> None:
    assert "llm_cal" in await error_text(one_client, "llm_cal", prompt="hello")


@pytest.mark.parametrize("text", ['{"a": [1, 2]}', "[1, 2]", "null", "true", "17", '"quoted"', "{ }"])
async def test_a_text_that_is_json_arrives_as_it_was_written(client: Client, text: str) -> None:
    assert (await call(client, "llm_call", prompt=text, model="demo/echo"))["text"] == text


async def test_a_text_that_is_null_counts_as_left_out(one_client: Client) -> None:
    asked = {"prompt": "hello", "model": "demo/echo", "system": None, "idempotency_key": None, "temperature": None}
    assert (await call(one_client, "llm_call", **asked))["text"] == "hello"
    assert "nothing to ask" in await error_text(one_client, "llm_call", **asked | {"prompt": None})


async def test_a_list_that_comes_as_a_text_is_read_as_a_list(one_client: Client) -> None:
    messages = '[{"role": "user", "content": "hello"}]'
    assert (await call(one_client, "llm_call", messages=messages, model="demo/echo"))["text"] == "hello"


async def test_schemas_say_what_a_model_needs_and_no_more(one_client: Client) -> None:
    [asking] = [tool for tool in (await one_client.list_tools()).tools if tool.name == "llm_call"]
    taken = asking.input_schema["properties"]
    assert taken["prompt"] == {"type": "string", "description": "What to ask. Give this or `messages`."}
    assert taken["temperature"] == {"type": "number", "description": "0 to 2."}
    assert set(taken["reasoning_effort"]) == {"type", "enum", "description"}
    assert "anyOf" not in str(taken["retry"])
    assert "title" not in asking.input_schema
