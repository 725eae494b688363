"""Claude through its real command line, against a mock of Anthropic's endpoint."""

import base64
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.claude import KEY, Claude, Endpoint, an_answer, answering, claude_executable, fake_cli
from support.mocks import Mock, aimock

from longcall.settings import Settings

TEXT = "An answer in many words, so that it streams in pieces: " + "word " * 20 + "end."
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
COUNTED = {"input_tokens": 1000, "output_tokens": 100}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    by_schema = {"name": "StructuredOutput", "arguments": '{"n": 5}'}
    fixtures: list[dict[str, Any]] = [
        {"match": {"userMessage": "counted"}, "response": {"content": TEXT, "usage": COUNTED}},
        {"match": {"userMessage": "by schema"}, "response": {"content": "Let me see.", "toolCalls": [by_schema]}},
        *({"match": {"userMessage": f"twin {n}."}, "response": {"content": f"Answer {n}."}} for n in range(20)),
        {"match": {}, "response": {"content": TEXT}},
    ]
    with aimock(fixtures, tmp_path_factory.mktemp("aimock")) as mock:
        yield mock


def last_request(mock: Mock) -> dict[str, Any]:
    return mock.journal()[-1]["body"]


def told(mock: Mock, role: str) -> list[str]:
    """Returns what the model was last sent in one role."""
    return [message["content"] for message in last_request(mock)["messages"] if message["role"] == role]


async def test_text_streams_and_ends_with_what_it_cost(claude: Claude, mock: Mock):
    answer = await claude.ask(claude.environ(mock.url), "counted")
    assert answer.text == TEXT
    assert len(answer.pieces) > 3
    assert answer.sent == 1
    ending = answer.ending
    assert (ending.finish_reason, ending.warnings) == ("stop", ())
    assert ending.usage is not None
    assert (ending.usage.input_tokens, ending.usage.output_tokens, ending.usage.cached_input_tokens) == (1000, 100, 0)
    assert ending.cost_usd == pytest.approx(0.003)
    await claude.gone()


async def test_what_nobody_counted_is_unknown(claude: Claude, mock: Mock):
    ending = (await claude.ask(claude.environ(mock.url))).ending
    assert (ending.usage, ending.cost_usd) == (None, None)
    assert "usage and cost are unknown" in ending.warnings[0]


async def test_the_price_of_a_model_that_nobody_knows_is_unknown(claude: Claude, mock: Mock):
    ending = (await claude.ask(claude.environ(mock.url), "counted", model="max/claude-unheard-of-9")).ending
    assert ending.model == "claude-unheard-of-9"
    assert ending.usage is not None
    assert ending.cost_usd is None


@pytest.mark.parametrize(
    ("model", "used"), [("max/sonnet", "sonnet"), ("MAX/opus", "opus"), ("max/haiku", "haiku"), ("max/", "claude")]
)
async def test_the_model_really_used_is_told(claude: Claude, mock: Mock, model: str, used: str):
    ending = (await claude.ask(claude.environ(mock.url), model=model)).ending
    assert used in ending.model
    assert ending.model == last_request(mock)["model"]


async def test_the_system_text_reaches_the_model_and_nothing_else_does(claude: Claude, mock: Mock):
    await claude.ask(claude.environ(mock.url), system="You are a heron.")
    [system] = told(mock, "system")
    assert system.endswith("You are a heron.")
    await claude.ask(claude.environ(mock.url))
    [without] = told(mock, "system")
    assert "heron" not in without
    assert len(without) < 300  # not the text with which it is told to be a programmer at work
    assert "tools" not in last_request(mock)


async def test_a_label_says_who_it_is(claude: Claude, mock: Mock):
    await claude.ask(claude.environ(mock.url), model="max/code-expert", system="Use tabs.")
    assert told(mock, "system")[0].endswith("idiomatic code.\n\nUse tabs.")


async def test_a_conversation_reaches_the_model_in_its_roles(claude: Claude, mock: Mock):
    asked = len(mock.journal())
    said = [("user", "first"), ("assistant", "second"), ("user", "third"), ("assistant", "fourth"), ("user", "last")]
    messages = [{"role": role, "content": text} for role, text in said]
    await claude.ask(claude.environ(mock.url), None, messages=messages, system="S")
    heard = [(message["role"], message["content"]) for message in last_request(mock)["messages"][1:]]
    assert heard == said
    assert len(mock.journal()) == asked + 1  # one request, whatever the number of turns


async def test_a_single_turn_is_all_that_the_model_hears(claude: Claude, mock: Mock):
    await claude.ask(claude.environ(mock.url), "only this")
    assert [message["role"] for message in last_request(mock)["messages"]] == ["system", "user"]
    assert told(mock, "user") == ["only this"]


async def test_an_answer_begun_is_gone_on_from(claude: Claude, mock: Mock):
    messages = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "one, two"}]
    answer = await claude.ask(claude.environ(mock.url), None, messages=messages)
    assert told(mock, "assistant") == ["one, two"]
    assert told(mock, "user")[1].startswith("Go on exactly")
    assert any("The last turn is Claude's own" in warning for warning in answer.ending.warnings)


async def test_a_prompt_may_be_long_and_hold_anything(claude: Claude):
    prompt = "“quoted” \\ \x00 'single' $HOME `ls` \r\n\t-- --model=opus 💥 " + "x" * 1_000_000
    with answering(Endpoint(200, an_answer("Read."))) as endpoint:
        answer = await claude.ask(claude.environ(endpoint.url), prompt, system=prompt)
    assert answer.text == "Read."
    [asked] = endpoint.asked
    assert [part["text"] for turn in asked["messages"] if turn["role"] == "user" for part in turn["content"]] == [
        prompt
    ]
    assert asked["system"][-1]["text"].endswith(prompt)


@pytest.mark.parametrize("text", ["/compact", "/help me", "!ls", "#remember"])
async def test_no_text_is_taken_for_a_command(claude: Claude, mock: Mock, text: str):
    assert (await claude.ask(claude.environ(mock.url), text)).text == TEXT
    assert [said.strip() for said in told(mock, "user")] == [text]


async def test_a_path_in_a_prompt_stays_a_word(claude: Claude, mock: Mock, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    prompt = f"what is in @{secret}"
    environ = claude.environ(mock.url)
    await claude.ask(environ, prompt)
    assert told(mock, "user") == [prompt]
    # The command line as it is, also without tools, reads the file:
    plain = [str(claude_executable()), "-p", "--tools=", "--setting-sources="]
    await anyio.run_process(plain, input=prompt.encode(), env=environ, cwd=tmp_path)
    assert any("TOP SECRET" in said for said in told(mock, "user"))


async def test_what_its_user_set_up_is_not_loaded(claude: Claude, mock: Mock, tmp_path: Path):
    environ = claude.environ(mock.url)
    (tmp_path / "config" / "CLAUDE.md").write_text("ALWAYS SING")
    hook = {"hooks": [{"type": "command", "command": f"touch {tmp_path / 'hooked'}"}]}
    (tmp_path / "config" / "settings.json").write_text(json.dumps({"hooks": {"UserPromptSubmit": [hook]}}))
    await claude.ask(environ)
    assert "SING" not in str(last_request(mock))
    assert not (tmp_path / "hooked").exists()
    await anyio.run_process([str(claude_executable()), "-p", "hello"], env=environ, cwd=tmp_path)
    assert "SING" in str(mock.journal()[-1]["body"])
    assert (tmp_path / "hooked").exists()


async def test_an_image_goes_along(claude: Claude, mock: Mock):
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    assert (
        await claude.ask(claude.environ(mock.url), None, messages=[{"role": "user", "content": parts}])
    ).text == TEXT
    assert "look" in str(told(mock, "user"))


async def test_an_answer_by_schema_is_its_json_alone(claude: Claude, mock: Mock):
    answer = await claude.ask(claude.environ(mock.url), "by schema", response_schema=SCHEMA)
    assert json.loads(answer.text) == {"n": 5}
    assert len(answer.pieces) == 1
    assert answer.ending.finish_reason == "stop"
    [tool] = [tool for tool in last_request(mock)["tools"] if tool["function"]["name"] == "StructuredOutput"]
    assert tool["function"]["parameters"]["required"] == ["n"]


@pytest.mark.parametrize(
    "schema", [{"type": "array", "items": {"type": "integer"}}, {**SCHEMA, "description": "x" * 150_000}]
)
async def test_a_schema_that_is_no_option_is_told_in_words(claude: Claude, schema: dict[str, Any]):
    with answering(Endpoint(200, an_answer("[1, 2]"))) as endpoint:
        environ = claude.environ(endpoint.url)
        answer = await claude.ask(environ, response_schema=schema, system="Be brief.")
    assert answer.text == "[1, 2]"
    assert any("in words" in warning for warning in answer.ending.warnings)
    [asked] = endpoint.asked
    assert asked["system"][-1]["text"].endswith(json.dumps(schema))
    assert not asked.get("tools")


async def test_what_the_command_line_does_not_take_is_told(claude: Claude, mock: Mock):
    options: dict[str, Any] = {"temperature": 0.1, "max_tokens": 250, "reasoning_effort": "none"}
    warnings = (await claude.ask(claude.environ(mock.url), "counted", **options)).ending.warnings
    assert [warning.split("`")[1] for warning in warnings] == ["max_tokens", "temperature", "reasoning_effort"]
    taken = await claude.ask(claude.environ(mock.url), "counted", reasoning_effort="high")
    assert taken.ending.warnings == ()


@pytest.mark.parametrize("stop_reason", ["end_turn", "stop_sequence"])
async def test_an_answer_that_came_to_its_end_says_so(claude: Claude, stop_reason: str):
    with answering(Endpoint(200, an_answer("So far.", stop_reason))) as endpoint:
        answer = await claude.ask(claude.environ(endpoint.url))
    assert (answer.text, answer.ending.finish_reason, answer.ending.warnings) == ("So far.", "stop", ())


async def test_twenty_at_once_each_get_their_own_answer(claude: Claude, mock: Mock):
    answers: dict[int, str] = {}
    environ = claude.environ(mock.url)

    async def one(number: int) -> None:
        answers[number] = (await claude.ask(environ, f"twin {number}.")).text

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(one, number)
    assert answers == {number: f"Answer {number}." for number in range(20)}
    await claude.gone()


WORLD = [
    "import json, os, sys",
    "result = {'environ': dict(os.environ), 'argv': sys.argv, 'work': os.listdir('.'), 'asked': sys.stdin.read()}",
    "print(json.dumps({'type': 'result', 'subtype': 'success', 'is_error': False, 'result': json.dumps(result)}))",
]


async def world(claude: Claude, settings: Settings | None = None, *, model: str = "max/opus", **environ: str) -> Any:
    """Returns what a command line sees of the world that it is started in."""
    fake = fake_cli(claude.folder, WORLD, sys.executable)
    given = claude.environ("http://127.0.0.1:9", **{**environ, "LONGCALL_CLAUDE_CLI": str(fake)})
    answer = await claude.ask(
        given, "my prompt", model=model, settings=settings, system="my system", reasoning_effort="high"
    )
    return json.loads(answer.text)


async def test_its_key_is_passed_on_where_the_operator_says_so_alone(claude: Claude):
    assert "ANTHROPIC_API_KEY" not in (await world(claude, Settings()))["environ"]
    assert (await world(claude, Settings(claude_api_key=True)))["environ"]["ANTHROPIC_API_KEY"] == KEY


async def test_keys_of_others_and_marks_of_a_session_are_not_passed_on(claude: Claude):
    others = ("OPENAI_API_KEY", "GEMINI_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "AWS_ACCESS_KEY_ID", "GOOGLE_PROJECT")
    marks = ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_PROJECT_DIR", "LONGCALL_HOME")
    passed = ("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_MODEL", "CLAUDE_CONFIG_DIR", "HTTPS_PROXY", "HOME", "LANG")
    seen = (await world(claude, **dict.fromkeys((*others, *marks, *passed), "x")))["environ"]
    assert {*others, *marks} & set(seen) == set()
    assert set(passed) <= set(seen)


async def test_a_cloud_is_logged_in_to_where_it_is_used_alone(claude: Claude):
    used = await world(claude, CLAUDE_CODE_USE_BEDROCK="1", AWS_ACCESS_KEY_ID="x")
    assert used["environ"]["AWS_ACCESS_KEY_ID"] == "x"
    assert "AWS_ACCESS_KEY_ID" not in (await world(claude, AWS_ACCESS_KEY_ID="x"))["environ"]


async def test_what_is_asked_is_not_on_its_command_line(claude: Claude):
    seen = await world(claude, Settings())
    assert "my prompt" in seen["asked"]
    assert "my prompt" not in str(seen["argv"])
    assert "my system" not in str(seen["argv"])
    assert seen["work"] == []
    assert {"--tools=", "--setting-sources=", "--strict-mcp-config", "--model=opus", "--effort=high"} <= set(
        seen["argv"]
    )
    assert "--model" not in str((await world(claude, model="max/"))["argv"])


async def test_permissions_are_skipped_where_the_operator_says_so_alone(claude: Claude):
    skipped = "--dangerously-skip-permissions"
    assert skipped not in (await world(claude, Settings()))["argv"]
    assert skipped in (await world(claude, Settings(claude_skip_permissions=True)))["argv"]


async def test_no_more_run_at_once_than_there_is_room_for(claude: Claude, mock: Mock, tmp_path: Path):
    count = "sum(name.startswith('longcall-') for name in os.listdir(os.environ['LOOK']))"
    fake = fake_cli(tmp_path, [WORLD[0], f"result = {count}", WORLD[2]], sys.executable)
    environ = claude.environ(mock.url, LONGCALL_CLAUDE_CLI=str(fake), LOOK=str(tmp_path / "tmp"))
    provider = claude.provider(environ, Settings(claude_at_once=1))
    seen: list[str] = []

    async def one() -> None:
        seen.append((await claude.ask(environ, provider=provider)).text)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
    assert seen == ["1"] * 5
