"""The eight cases that must hold, each with its negative twin; what is on the disk and on the wire counts.

`scripts/test tests/acceptance/test_essential.py` runs just these.
"""

import json
from typing import Any

import psutil
import pytest
from acceptance.conftest import World, run
from acceptance.models import CPU, FACTORIAL, FILE_TEXT, JUDGE, LEARNING, PERSON, RECURSION, WORDS

from longcall import Result

EMPTY = {"type": "response_not_empty"}
CONTENT = {"type": "field_present", "params": {"field_name": "content"}}


def judged_by(words: str, criteria: dict[str, Any] | None = None, placeholder: str = "{CODE_TO_VALIDATE}") -> Any:
    """Returns the predecessor's agent validator; the mock's judge is known by `words`."""
    prompt = (
        f"{words}: check this.\n{placeholder}\n"
        'Answer with JSON only: {"validation_passed": true, "reasoning": "...", "details": "VALID or INVALID"}'
    )
    params: dict[str, Any] = {"validation_model_alias": "max/text-general", "task_prompt_to_claude": prompt}
    return {"type": "agent_task", "params": params | ({"success_criteria": criteria} if criteria else {})}


def issues(result: Result) -> list[str]:
    """Returns what is wrong with the text of a result."""
    assert result.validation is not None
    return [issue["message"] for issue in result.validation.get("issues", [])]


SIMPLE = {"model": "max/text-general", "question": "What is the main job of a CPU?", "validation": [EMPTY, CONTENT]}


async def test_1_a_question_is_answered(world: World) -> None:
    result = await run(SIMPLE)
    assert (result.status, result.text, result.attempts) == ("completed", CPU, 1)
    assert result.validation is not None
    assert result.validation["valid"]
    [asked] = world.asked("main job of a CPU")
    assert asked["messages"][-1]["role"] == "user"


async def test_1_twin_an_empty_answer_is_no_answer(world: World) -> None:
    result = await run(SIMPLE, question="Please say nothing.", retry_config={"max_attempts": 2})
    assert (result.status, result.attempts) == ("needs_review", 2)
    assert issues(result)
    assert world.attempts(result) == [("answer", "answered")] * 2


async def test_2_messages_are_a_question_too(world: World) -> None:
    messages = [{"role": "user", "content": "Explain recursion."}]
    result = await run({"model": "max/text-general", "messages": messages, "validation": [EMPTY]})
    assert (result.status, result.text) == ("completed", RECURSION)
    same = await run({"model": "max/text-general", "question": "Explain recursion.", "validation": [EMPTY]})
    assert same.text == result.text
    first, second = world.asked("Explain recursion")
    assert first["messages"][-1] == second["messages"][-1]


async def test_2_twin_messages_that_ask_nothing_are_refused(world: World) -> None:
    with pytest.raises(Exception, match="nothing to ask"):
        await run({"model": "max/text-general", "messages": [], "validation": [EMPTY]})
    assert world.attempts(await run(SIMPLE)) == [("answer", "answered")]


SYSTEM = "Explain clearly and concisely."


async def test_3_the_system_text_reaches_the_model(world: World) -> None:
    turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "What is machine learning?"}]
    case = {"model": "max/text-general", "messages": turns, "validation": [EMPTY, CONTENT]}
    result = await run(case)
    assert (result.status, result.text) == ("completed", LEARNING)
    assert world.asked("What is machine learning", SYSTEM)


async def test_3_twin_without_a_system_text_none_reaches_it(world: World) -> None:
    await run({"model": "max/text-general", "question": "What is machine learning, now?", "validation": [EMPTY]})
    assert not world.asked("What is machine learning, now?", SYSTEM)
    assert world.asked("What is machine learning, now?")


CODE = {"model": "max/code-expert", "question": "Write a Python function for the factorial."}
VALID = {"must_contain_in_details": "VALID"}


async def test_4_generated_code_is_judged(world: World) -> None:
    result = await run(CODE, validation=[EMPTY, judged_by("code-judge", VALID)])
    assert (result.status, result.text) == ("completed", FACTORIAL)
    assert world.attempts(result) == [("answer", "answered"), ("judge", "answered")]
    [judging] = world.asked("code-judge")
    assert "def factorial(n)" in str(judging)
    assert "{CODE_TO_VALIDATE}" not in str(judging)


@pytest.mark.parametrize("judge", ["code-sceptic", "code-refuser"])
async def test_4_twin_code_that_its_judge_calls_invalid_does_not_pass(world: World, judge: str) -> None:
    result = await run(CODE, validation=[EMPTY, judged_by(judge, VALID)], retry_config={"max_attempts": 2})
    assert result.status == "needs_review"
    assert issues(result)
    assert [role for role, _ in world.attempts(result)] == ["answer", "judge", "answer", "judge"]


@pytest.mark.parametrize("judge", ["judge-is-down", "judge-talks"])
async def test_4_twin_a_judge_that_gives_no_verdict_is_not_the_answers_fault(world: World, judge: str) -> None:
    result = await run(CODE, validation=[EMPTY, judged_by(judge, VALID)], max_attempts_before_human=0)
    assert result.error is not None
    assert (result.status, result.error["code"], result.text) == ("failed", "not_checked", FACTORIAL)
    assert issues(result) == []
    assert [role for role, _ in world.attempts(result)].count("answer") == 1


FILES: dict[str, Any] = {"model": "max/claude-mcp-agent", "question": "Write a file through MCP, then read it."}
STAGES: dict[str, Any] = {
    "retry_config": {"max_attempts": 5},
    "max_attempts_before_tool_use": 2,
    "max_attempts_before_human": 4,
}
SUCCESS = {"must_contain_in_details": "SUCCESS"}


async def test_5_files_are_written_and_read_through_mcp(world: World) -> None:
    path = world.files / "note.txt"
    path.unlink(missing_ok=True)
    checks = [EMPTY, judged_by("file-judge", SUCCESS, "{TEXT_TO_VALIDATE}")]
    result = await run(FILES, mcp_config=world.servers, validation=checks, **STAGES)
    assert result.status == "completed", result
    assert path.read_text() == FILE_TEXT
    assert FILE_TEXT in (result.text or "")
    assert not [process for process in psutil.process_iter(["cmdline"]) if _serves(process, str(world.files))]


def _serves(process: psutil.Process, folder: str) -> bool:
    return folder in (process.info["cmdline"] or [])


async def test_5_twin_prose_about_a_file_that_nobody_wrote_does_not_pass(world: World) -> None:
    path = world.files / "note.txt"
    path.unlink(missing_ok=True)
    checks = [EMPTY, judged_by("file-sceptic", SUCCESS, "{TEXT_TO_VALIDATE}")]
    asked = "Write a file that stays unwritten."
    soon = {"max_attempts_before_tool_use": 1, "max_attempts_before_human": 2}
    result = await run(FILES, question=asked, mcp_config=world.servers, validation=checks, **STAGES | soon)
    assert (result.status, path.exists()) == ("needs_review", False)
    assert [role for role, _ in world.attempts(result)].count("answer") == 2


FIELDS = [
    {"type": "json_string"},
    *({"type": "field_present", "params": {"field_name": name}} for name in ("name", "age", "city")),
]
JSON_CASE = {"model": "max/json-expert", "question": "A person as JSON: John Doe, 30, New York.", "validation": FIELDS}


async def test_6_json_has_the_fields_that_were_asked_for(world: World) -> None:
    result = await run(JSON_CASE)
    assert (result.status, world.attempts(result)) == ("completed", [("answer", "answered")])
    assert result.text == f"```json\n{PERSON}\n```"
    assert json.loads(PERSON) == {"name": "John Doe", "age": 30, "city": "New York"}


async def test_6_twin_a_missing_field_is_told_by_its_name(world: World) -> None:
    result = await run(JSON_CASE, question="A person as JSON: Jane Doe.", retry_config={"max_attempts": 1})
    assert (result.status, world.attempts(result)) == ("needs_review", [("answer", "answered")])
    assert len(issues(result)) == 1
    assert "city" in str(result.validation)


async def test_6_twin_the_old_name_of_the_parameter_means_the_same(world: World) -> None:
    old = [{"type": "field_present", "params": {"field_path": "city"}}]
    assert (await run(JSON_CASE, validation=old)).status == "completed"
    asked = "A person as JSON: Jane Doe."
    assert (await run(JSON_CASE, question=asked, validation=old)).status == "needs_review"
    assert world.asked("Jane Doe")


SUM = {"model": "gpt-3.5-turbo", "question": "What is 2 + 2?", "validation": [EMPTY]}


async def test_7_a_model_of_the_api_answers_at_once(world: World) -> None:
    result = await run(SUM)
    assert (result.status, result.attempts) == ("completed", 1)
    assert "4" in (result.text or "")
    assert result.model is not None
    assert result.model.startswith("gpt-3.5-turbo")


async def test_7_twin_a_wrong_sum_is_seen(world: World) -> None:
    wrong = [EMPTY, {"type": "regex", "params": {"pattern": r"\bfive\b"}}]
    result = await run(SUM, validation=wrong, retry_config={"max_attempts": 1})
    assert (result.status, len(issues(result))) == ("needs_review", 1)
    assert world.attempts(result) == [("answer", "answered")]


COUNTED = {"model": "max/text-general", "question": "Say three random words."}
COUNT_STAGES: dict[str, Any] = {
    "max_attempts_before_tool_use": 3,
    "max_attempts_before_human": 5,
    "debug_tool_name": "word_counter",
}
THREE = {"agent_must_report_true": "validation_passed"}


async def test_8_a_wrong_answer_is_asked_for_again_until_it_is_right(world: World) -> None:
    judge = judged_by("count-judge", THREE, "{TEXT_TO_VALIDATE}") | {"id": "count-again"}
    result = await run(COUNTED, validation=[judge], retry_config={"max_attempts": 5}, **COUNT_STAGES)
    assert (result.status, result.text) == ("completed", WORDS)
    roles = [role for role, _ in world.attempts(result)]
    assert roles == ["answer", "judge", "answer", "judge"]
    [again] = world.asked("[count-again]")
    said = [turn["content"] for turn in again["messages"] if turn["role"] != "system"]
    assert "apple and two others" in str(said[-2])
    assert "There are four words." in str(said[-1])
    assert "word_counter" not in str(said)


async def test_8_twin_an_answer_that_never_gets_right_ends_with_a_person(world: World) -> None:
    judge = judged_by("count-never", THREE, "{TEXT_TO_VALIDATE}") | {"id": "count-never"}
    asked = "Say three stubborn words."
    result = await run(COUNTED, question=asked, validation=[judge], retry_config={"max_attempts": 9}, **COUNT_STAGES)
    assert (result.status, result.text) == ("needs_review", "one two three four")
    assert [role for role, _ in world.attempts(result)] == ["answer", "judge"] * 5
    told = [str(body) for body in world.asked("[count-never]") if JUDGE not in str(body)]
    assert ["word_counter" in body for body in told] == [False, False, True, True]
