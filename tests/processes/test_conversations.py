"""Conversations across processes, models, kills and restarts; on a provider that writes down what it was asked."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support.mocks import Mock, aimock
from support.processes import attached, call, error_text, kill, rows, until, worker_processes

ANSWER = "Said by the provider."
SLOW = {
    "match": {"userMessage": "slow"},
    "response": {"content": "word " * 400},
    "streamingProfile": {"ttft": 100, "tps": 20},
}
STARTS = """
import sys, anyio, longcall

async def main():
    prompt, model = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        result = await longcall.start_task(prompt, model=model, conversation="trip")
        print(f"won {result.task_id}")
    except longcall.ConversationBusyError as error:
        print(f"lost {error}")

anyio.run(main)
"""
ASKS = """
import sys, anyio, longcall
print(anyio.run(lambda: longcall.llm_call(sys.argv[1], model=sys.argv[2], conversation="trip")).model_dump_json())
"""


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    """Returns a provider that answers everything with ANSWER, and `slow` over a while."""
    with aimock([SLOW, {"match": {}, "response": {"content": ANSWER}}], tmp_path_factory.mktemp("aimock")) as mock:
        yield mock


@pytest.fixture
def world(environ: dict[str, str], mock: Mock) -> dict[str, str]:
    """Returns the environment of servers that ask the provider."""
    return environ | mock.environ()


def asked(mock: Mock) -> list[tuple[str, str]]:
    """Returns what the provider was asked last, turn by turn."""
    messages: list[dict[str, Any]] = mock.journal()[-1]["body"]["messages"]
    return [(turn["role"], turn["content"]) for turn in messages]


def said(home: Path) -> list[tuple[str, Any]]:
    """Returns what was said in the store's only conversation."""
    found = rows(home, "SELECT role, content FROM turns ORDER BY number")
    return [(turn["role"], json.loads(turn["content"])) for turn in found]


def ask_in_python(environ: dict[str, str], folder: Path, prompt: str, model: str) -> dict[str, Any]:
    """Asks in a process of its own, through the Python API."""
    done = subprocess.run(
        [sys.executable, "-c", ASKS, prompt, model], env=environ, cwd=folder, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask_on_the_command_line(environ: dict[str, str], folder: Path, prompt: str, model: str) -> str:
    """Asks in a process of its own, on the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "longcall_server", "call", prompt, "-m", model, "-c", "trip"], env=environ, cwd=folder,
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_three_processes_two_models_and_a_killed_worker_talk_as_one(
    world: dict[str, str], home: Path, mock: Mock, tmp_path: Path
) -> None:
    async with attached(world, tmp_path) as front:
        first = await call(front, "llm_call", prompt="one 🐎", model="openai/gpt-4o", conversation="trip", system="Hm.")
    assert first["text"] == ANSWER
    kill(worker_processes(home))
    assert ask_on_the_command_line(world, tmp_path, "two", "demo/echo") == "two\n"
    async with attached(world, tmp_path) as front:
        begun = await call(
            front, "start_task", prompt="three", model="openai/gpt-4o", conversation=first["conversation"]
        )
        # The worker is new and imports LiteLLM for seconds: taken, and nothing sent.
        await until(lambda: rows(home, "SELECT 1 FROM tasks WHERE id = ? AND state = 'running'", begun["task_id"]))
        kill(worker_processes(home))
    async with attached(world, tmp_path) as front:
        third = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
    assert (third["status"], third["text"], third["attempts"]) == ("completed", ANSWER, 1)
    expected = [("system", "Hm."), ("user", "one 🐎"), ("assistant", ANSWER), ("user", "two"), ("assistant", "two")]
    assert asked(mock) == [*expected, ("user", "three")]
    fourth = ask_in_python(world, tmp_path, "four", "openai/gpt-4o")
    assert (fourth["conversation"], fourth["text"]) == (first["conversation"], ANSWER)
    assert asked(mock) == [*expected, ("user", "three"), ("assistant", ANSWER), ("user", "four")]
    assert said(home) == [*asked(mock), ("assistant", ANSWER)]
    models = rows(home, "SELECT model FROM turns WHERE role = 'assistant' ORDER BY number")
    assert [model["model"].startswith("gpt-4o") for model in models] == [True, False, True, True]


async def test_an_answer_that_a_killed_worker_had_begun_says_nothing(world: dict[str, str], home: Path) -> None:
    async with attached(world) as front:
        await call(front, "llm_call", prompt="one", model="demo/echo", conversation="trip")
        begun = await call(front, "start_task", prompt="slow", model="openai/gpt-4o", conversation="trip")
        await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", begun["task_id"]))
        text = await error_text(front, "llm_call", prompt="two", model="demo/echo", conversation="trip")
        assert begun["task_id"] in text
        assert "\n" not in text
        kill(worker_processes(home))
        lost = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
        assert (lost["status"], lost["conversation"]) == ("interrupted", begun["conversation"])
        assert [content for _, content in said(home)] == ["one", "one"]
        assert (await call(front, "llm_call", prompt="two", model="demo/echo", conversation="trip"))["text"] == "two"
    assert [content for _, content in said(home)] == ["one", "one", "two", "two"]


@pytest.mark.parametrize("begun", [False, True])
def test_of_two_processes_that_ask_at_once_exactly_one_is_at_work(
    environ: dict[str, str], home: Path, tmp_path: Path, begun: bool
) -> None:
    if begun:
        ask_on_the_command_line(environ, tmp_path, "one", "demo/echo")
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", STARTS, f"{number} b c d e", "demo/stall"], env=environ, cwd=tmp_path, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for number in range(4)
    ]  # fmt: skip
    try:
        for rival in rivals:
            assert rival.stdout is not None
            assert rival.stdout.readline() == "ready\n"
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.write("go\n")
            rival.stdin.flush()
        told = [rival.communicate(timeout=60)[0].strip() for rival in rivals]
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    [winner] = [words.removeprefix("won ") for words in told if words.startswith("won ")]
    assert all(winner in words for words in told)
    assert len(rows(home, "SELECT 1 FROM tasks WHERE conversation IS NOT NULL")) == 1 + begun
    assert len(rows(home, "SELECT 1 FROM conversations")) == 1


async def test_a_long_conversation_is_trimmed_to_a_small_window_and_kept_whole(
    world: dict[str, str], home: Path, mock: Mock
) -> None:
    long = "🐎 a long question\n" * 180  # 990 tokens by estimate; gpt-4 has room for 8,192
    async with attached(world) as front:
        for number in range(4):
            begun = await call(front, "llm_call", prompt=f"{number} {long}", model="demo/echo", conversation="trip")
            assert begun["status"] == "completed"
        whole = await call(front, "llm_call", prompt="and?", model="openai/gpt-4o", conversation="trip", system="Hm.")
        assert not whole.get("warnings")
        small = {"model": "openai/gpt-4", "max_tokens": 5_000}
        trimmed = await call(front, "llm_call", prompt="so?", conversation="trip", **small)
        polled = await call(front, "poll_task", task_id=trimmed["task_id"])
    assert trimmed["warnings"] == polled["warnings"]
    assert "the oldest 6 of its 10 turns were left out" in trimmed["warnings"][0]
    assert [(role, content[:2]) for role, content in asked(mock)] == [
        ("system", "Hm"), ("user", "3 "), ("assistant", "3 "), ("user", "an"), ("assistant", ANSWER[:2]),
        ("user", "so"),
    ]  # fmt: skip
    assert len(said(home)) == 13
    assert said(home)[0] == ("user", f"0 {long}")


async def test_a_huge_text_with_every_kind_of_character_comes_back_as_it_was(
    environ: dict[str, str], home: Path
) -> None:
    huge = "žluťoučký 🐎 \u2028 \\ \" ' 漢字 \ufffd\t" * 40_000
    async with attached(environ) as front:
        first = await call(front, "llm_call", prompt=huge, model="demo/echo", conversation="trip", wait_s=60)
        assert first["status"] == "completed"
    kill(worker_processes(home))
    async with attached(environ) as front:
        second = await call(front, "llm_call", prompt="again", model="demo/echo", conversation="trip", wait_s=60)
    assert second["usage"]["input_tokens"] == 2 * len(huge.split()) + 1
    assert said(home)[:2] == [("user", huge), ("assistant", huge)]
