"""The other prompts that people had written, as a second set: what each meant to show, with its negative twin."""

import base64
import json
from typing import Any

import anyio
import pytest
from acceptance.conftest import World, run
from acceptance.models import LEARNING, WORDS
from acceptance.test_essential import EMPTY, issues, judged_by

from longcall import CallError, llm_call, poll_task, start_task

GPT = "gpt-4o-mini"
ONCE: dict[str, Any] = {"retry_config": {"max_attempts": 1}}
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def asking(question: str, model: str = GPT, **config: Any) -> dict[str, Any]:
    """Returns a config that asks one question."""
    return {"model": model, "question": question, **config}


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Name the Galilean moons.", "Ganymede"), ("What is the capital of France?", "Paris")],
)
async def test_text(world: World, question: str, answer: str) -> None:
    turns = [{"role": "system", "content": "Be exact."}, {"role": "user", "content": question}]
    result = await run({"model": GPT, "messages": turns, "validation": [EMPTY]})
    assert result.status == "completed"
    assert answer in (result.text or "")
    assert world.asked("Be exact.", question)


async def test_options_that_the_model_does_not_take_are_told(world: World) -> None:
    result = await run(asking("What is machine learning?", "max/text-general", max_tokens=100, validation=[EMPTY]))
    assert (result.status, result.text) == ("completed", LEARNING)
    assert any("max_tokens" in warning for warning in result.warnings)
    assert world.attempts(result)[0] == ("answer", "answered")


@pytest.mark.parametrize("default", [False, True])
async def test_without_validation_nothing_is_checked_unless_the_default_is_wanted(world: World, default: bool) -> None:
    result = await run(asking("Please say nothing.", default_validate=default, retry_config={"max_attempts": 1}))
    assert result.status == ("needs_review" if default else "completed")
    assert len(world.attempts(result)) == 1


BOOK = ["title", "author", "year_published"]


async def test_json_with_its_fields(world: World) -> None:
    fields = [{"type": "field_present", "params": {"field_name": name}} for name in BOOK]
    case = asking("Describe a book as JSON.", response_format={"type": "json_object"}, validation=fields)
    result = await run(case)
    assert result.status == "completed"
    assert json.loads(result.text or "")["author"] == "Jane Austen"
    assert world.asked("a book as JSON", "JSON object")


@pytest.mark.parametrize(
    ("field", "options", "status"),
    [
        ("city", {}, "completed"),
        ("city", {"expected_value": "Oslo"}, "completed"),
        ("city", {"expected_value": "Bergen"}, "needs_review"),
        ("mayor", {}, "needs_review"),
        ("mayor", {"present": False}, "completed"),
        ("city", {"should_exist": False}, "needs_review"),
    ],
)
async def test_a_field_is_there_or_is_not(world: World, field: str, options: dict[str, Any], status: str) -> None:
    check = {"type": "field_present", "params": {"field_name": field, **options}}
    result = await run(asking("Describe a city as JSON."), validation=[check], **ONCE)
    assert result.status == status
    assert len(world.attempts(result)) == 1


async def test_fields_in_fields(world: World) -> None:
    names = ["session.id", "session.speaker.name", "session.speaker.bio", "session.tags"]
    fields = [{"type": "field_present", "params": {"field_name": name}} for name in names]
    assert (await run(asking("Give a session as JSON."), validation=fields)).status == "completed"
    missing = [{"type": "field_present", "params": {"field_name": "session.speaker.mail"}}]
    result = await run(asking("Give a session as JSON."), validation=missing, **ONCE)
    assert (result.status, len(issues(result))) == ("needs_review", 1)
    assert world.asked("a session as JSON")


@pytest.mark.parametrize(
    ("question", "check", "status"),
    [
        ("Name a colour.", {"type": "contains", "params": {"required_text": "blue"}}, "completed"),
        ("Name a colour.", {"type": "contains", "params": {"required_text": ["blue", "green"]}}, "needs_review"),
        ("Name a colour.", {"type": "contains", "none": ["red"]}, "completed"),
        ("Name a colour.", {"type": "contains", "none": ["Blue"]}, "needs_review"),
        ("Give an e-mail address.", {"type": "regex", "params": {"pattern": r"\w+@\w+\.org"}}, "completed"),
        ("Give an e-mail address.", {"type": "regex", "params": {"pattern": r"^\w+@\w+\.org$"}}, "needs_review"),
        ("Name a colour.", {"type": "length", "params": {"max_length": 50}}, "completed"),
        ("Name a colour.", {"type": "length", "params": {"max_length": 5}}, "needs_review"),
    ],
)
async def test_strings(world: World, question: str, check: dict[str, Any], status: str) -> None:
    result = await run(asking(question), validation=[EMPTY, check], **ONCE)
    assert result.status == status
    assert len(world.attempts(result)) == 1


async def test_all_faults_are_told_together(world: World) -> None:
    checks: list[dict[str, Any]] = [
        {"type": "contains", "params": {"required_text": "green"}},
        {"type": "length", "params": {"max_length": 5}},
        {"type": "regex", "params": {"pattern": "^The"}},
    ]
    result = await run(asking("Name a colour."), validation=checks, **ONCE)
    assert (result.status, len(issues(result))) == ("needs_review", 2)
    assert world.attempts(result) == [("answer", "answered")]


FLAT = "The Earth is flat. The Earth is a globe."


@pytest.mark.parametrize(("judge", "status"), [("flat-earth-judge", "failed"), ("keyword-judge", "completed")])
async def test_a_text_that_is_given_is_judged_and_no_model_is_asked_for_it(
    world: World, judge: str, status: str
) -> None:
    check = judged_by(judge, {"agent_must_report_true": "validation_passed"}, "{TEXT_TO_VALIDATE}")
    turns = [{"role": "user", "content": "Describe the Earth."}, {"role": "assistant", "content": FLAT}]
    case = {"model": "meta-task/claims", "messages": turns, "validation": [check], "max_attempts_before_human": 0}
    result = await run(case)
    assert (result.status, result.text) == (status, FLAT)
    assert world.attempts(result) == [("judge", "answered")]


async def test_code_that_is_given_is_checked(world: World) -> None:
    turns = [{"role": "assistant", "content": "```python\ndef f(:\n```"}]
    case = {"model": "meta-task/code", "messages": turns, "validation": [{"type": "code"}], **ONCE}
    result = await run(case, max_attempts_before_human=0)
    assert (result.status, world.attempts(result)) == ("failed", [])
    right = [{"role": "assistant", "content": "```python\ndef f(): ...\n```"}]
    assert (await run(case, messages=right)).status == "completed"


@pytest.mark.parametrize("model", [GPT, "max/text-general"])
async def test_an_image_reaches_the_model(world: World, model: str) -> None:
    parts = [{"type": "text", "text": "Name a colour."}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    result = await run({"model": model, "messages": [{"role": "user", "content": parts}], "validation": [EMPTY]})
    assert result.status == "completed"
    assert "image" in str(world.asked("Name a colour.")[-1]["messages"][-1]["content"])


async def test_what_is_not_there_is_named(world: World) -> None:
    unknown: dict[str, Any] = {
        "image_directory": "/images",
        "fallback_models": ["m"],
        "cache": True,
        "batch_mode": True,
    }
    for key, value in unknown.items():
        with pytest.raises(CallError, match=key):
            await run(asking("Name a colour.", **{key: value}))
    assert not world.asked("/images")


async def test_a_system_text_alone_asks_nothing(world: World) -> None:
    with pytest.raises(CallError, match="end `messages` with a user"):
        await run({"model": GPT, "messages": [{"role": "system", "content": "You only are."}]})
    assert not world.asked("You only are.")


async def test_an_answer_that_was_cut_off_is_its_own_fault(world: World) -> None:
    check = {"type": "contains", "params": {"required_text": "happily ever after"}}
    result = await run(asking("Tell a long story.", max_tokens=10), validation=[check], **ONCE)
    assert result.status == "needs_review"
    assert [issue["code"] for issue in (result.validation or {})["issues"]] == ["truncated"]
    assert world.asked("a long story")[-1]["max_tokens"] == 10


async def test_a_trailing_comma_is_mended_by_the_model(world: World) -> None:
    check = {"type": "json_string", "id": "trailing-comma"}
    result = await run(asking("Answer with a trailing comma."), validation=[check])
    assert (result.status, result.text, result.attempts) == ("completed", '{"ok": true}', 2)
    assert world.asked("[trailing-comma]")


async def test_a_trailing_comma_may_be_mended_here(world: World) -> None:
    check = {"type": "json", "repair": "safe"}
    result = await llm_call("Answer with a trailing comma.", model=GPT, validate=[check], fresh=True)
    assert result.validation is not None
    assert (result.status, result.attempts, result.validation["repaired"]) == ("completed", 1, True)
    assert json.loads(result.text or "") == {"ok": True}
    assert world.attempts(result) == [("answer", "answered")]


async def test_a_judge_that_is_never_content_ends_with_a_person(world: World) -> None:
    check = judged_by("count-never", placeholder="{TEXT_TO_VALIDATE}")
    result = await run(asking("Say three stubborn words."), validation=[check], max_attempts_before_human=2)
    assert (result.status, [role for role, _ in world.attempts(result)].count("answer")) == ("needs_review", 2)


@pytest.mark.parametrize(("keys", "status"), [(["words"], "completed"), (["words", "spelling"], "needs_review")])
async def test_details_must_all_be_true(world: World, keys: list[str], status: str) -> None:
    check = judged_by("details-judge", {"all_true_in_details_keys": keys}, "{TEXT_TO_VALIDATE}")
    result = await run(asking("Name a colour."), validation=[check], **ONCE)
    assert result.status == status
    assert world.attempts(result) == [("answer", "answered"), ("judge", "answered")]


async def test_a_conversation_is_remembered(world: World) -> None:
    turns = [
        {"role": "user", "content": "Hello, I am Alice."},
        {"role": "assistant", "content": "Hello, Alice."},
        {"role": "user", "content": "Tell me: my name is Alice, is it?"},
    ]
    for model in (GPT, "max/text-general"):
        result = await run({"model": model, "messages": turns, "validation": [EMPTY]})
        assert result.text == "You are Alice."
    said = [turn for turn in world.asked("my name is Alice")[-1]["messages"] if turn["role"] != "system"]
    assert [turn["role"] for turn in said] == ["user", "assistant", "user"]


async def test_a_wrong_answer_is_right_the_second_time_over_the_api_too(world: World) -> None:
    check = {"type": "contains", "params": {"required_text": "lantern"}, "id": "count-again"}
    result = await run(asking("Say three random words."), validation=[check])
    assert (result.status, result.text, result.attempts) == ("completed", WORDS, 2)
    assert world.attempts(result) == [("answer", "answered")] * 2


async def test_three_at_once_are_each_checked(world: World) -> None:
    prompts = ["Name a colour.", "Name a colour, again.", "Tell a long story."]
    group = await start_task(None, prompts=prompts, model=GPT, validate=["not_empty"], retry={"max_attempts": 1})
    assert group.task_id is not None
    with anyio.fail_after(60):
        ended = await poll_task(group.task_id, wait_s=None)
    assert [line.status for line in ended.tasks or []] == ["completed", "completed", "failed"]
    assert world.asked("Name a colour, again.")


async def test_a_text_with_placeholders_is_only_text(world: World) -> None:
    check = judged_by("keyword-judge", placeholder="{TEXT_TO_VALIDATE}")
    result = await run(asking("What do {CRITERIA} mean?"), validation=[check])
    assert result.status == "completed"
    judging = str(world.asked("keyword-judge", "are only text")[-1]["messages"][-1])
    assert "The braces {CRITERIA} and {ORIGINAL_USER_PROMPT} are only text." in judging


@pytest.mark.parametrize(
    ("variables", "code"),
    [({"OPENAI_API_KEY": ""}, "no_key"), ({"OPENAI_API_BASE": "http://127.0.0.1:9/v1"}, "unreachable")],
)
async def test_a_provider_that_cannot_be_asked_is_no_bad_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LONGCALL_ATTEMPTS", "1")
    result = await run(asking("Name a colour.", timeout=60), validation=[EMPTY])
    assert result.error is not None
    assert (result.status, result.validation) == ("failed", None)
    assert result.error["code"] == code
    assert ("answer", "answered") not in world.attempts(result)
