"""The examples do what their guide says: its commands are run here, with models of no cost."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.mocks import Mock, aimock
from support.node import missing
from support.processes import clean_environ, front_processes, kill, worker_processes

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
GUIDE = (EXAMPLES / "README.md").read_text("utf-8")
COMMANDS = [
    found
    for block in re.findall(r"^```console\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    for found in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
"""Each command of the guide, with what it is shown to say; … stands for anything."""
PLAIN = [told for told in COMMANDS if told[0].startswith("uv run python ")]
AGENTS = [command for command, _ in COMMANDS if command.startswith("uv run --script ")]
RUN_S = 120
STORY_END = "from the first word to this last one."

FINDING = {"line": 15, "severity": "low", "problem": "No model may be named.", "remedy": "Name one."}
ROMAN = """```python
def roman(number):
    if not 0 < number < 4000:
        raise ValueError(number)
    text = ""
    for value, letters in [(1000, "M"), {900}(500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
                           (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        text += letters * (number // value)
        number %= value
    return text
```"""
FORGETFUL, RIGHT = ROMAN.replace("{900}", ""), ROMAN.replace("{900}", '(900, "CM"), ')
ASK = {"prompt": "Tell a story.", "model": "demo/slow-0.1"}


def says(match: dict[str, Any], content: str) -> dict[str, Any]:
    """Returns a fixture of the mock: what it answers to what."""
    return {"match": match, "response": {"content": content}}


FIXTURES = [
    says({"userMessage": "[code]"}, RIGHT),
    says({"userMessage": "roman(number)"}, FORGETFUL),
    says({"userMessage": "[json"}, json.dumps({"findings": [FINDING]})),
    says({"userMessage": "Review this file"}, json.dumps({"findings": [{"line": 0}]})),
    says({"toolCallId": "ask-1"}, "It ends well."),
    {
        "match": {"userMessage": "Ask demo/slow-1"},
        "response": {"toolCalls": [{"id": "ask-1", "name": "llm_call", "arguments": json.dumps(ASK)}]},
    },
]
"""What the models say: first answers that do not pass, then right ones; and the agents' own model uses a tool."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    """Returns OpenAI's stand-in on loopback."""
    with aimock(FIXTURES, tmp_path_factory.mktemp("model")) as mock:
        yield mock


@pytest.fixture(scope="module")
def settings(model: Mock, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of all commands, which share a store and its worker."""
    home = tmp_path_factory.mktemp("examples") / "home"
    # What runs these tests has installed everything; uv must not look for more on the network.
    installed = {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_PROJECT": str(ROOT)}
    quiet = {"LONGCALL_ATTEMPTS": "1", "OPENAI_AGENTS_DISABLE_TRACING": "1"}
    yield clean_environ(home, **model.environ(), **installed, **quiet)
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a project with the examples in it, where they may write."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(command: Sequence[str], environ: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns what it said."""
    if shutil.which(command[0]) is None:
        missing(command[0])
    return subprocess.run(
        command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=RUN_S, check=False,
    )  # fmt: skip


def example(name: str, *arguments: str) -> list[str]:
    """Returns the command of an example."""
    return [sys.executable, f"examples/{name}.py", *arguments]


def test_the_guide_tells_of_every_example_and_has_a_command_for_each() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert set(re.findall(r"^\| \[(\w+\.py)\]\(\1\) \|", GUIDE, re.MULTILINE)) == scripts
    assert len(PLAIN) + len(AGENTS) == len(COMMANDS)
    assert {Path(command.split()[3]).name for command, _ in COMMANDS} == scripts


@pytest.mark.parametrize(("command", "shown"), PLAIN, ids=[command.split()[3] for command, _ in PLAIN])
def test_a_command_of_the_guide_says_what_it_shows(
    command: str, shown: str, settings: dict[str, str], folder: Path
) -> None:
    done = run(shlex.split(command), settings, folder)
    assert done.returncode == 0, done.stderr
    assert re.search(".*".join(map(re.escape, shown.strip().split("…"))), done.stdout, re.DOTALL), done.stdout


@pytest.mark.parametrize("command", AGENTS, ids=[command.split()[3] for command in AGENTS])
def test_an_agent_is_told_what_the_model_said_that_it_asked_through_longcall(
    command: str, settings: dict[str, str], model: Mock
) -> None:
    words = shlex.split(command)
    synced = run(["uv", "sync", "--check", "--locked", "--script", words[3]], settings, ROOT)
    if synced.returncode:
        missing(f"the environment of {words[3]}")
    before = len(model.journal())

    done = run(words, settings, ROOT)

    assert (done.returncode, done.stdout.strip()) == (0, "It ends well."), done.stderr
    first, second = (asked["body"]["messages"] for asked in model.journal()[before:])
    assert [message["role"] for message in first] == ["user"]
    assert [message["role"] for message in second] == ["user", "assistant", "tool"]
    assert STORY_END in json.dumps(second[2])

    untold = run(words[:-1], settings, ROOT)
    assert untold.returncode == 1
    assert untold.stderr.endswith("Say in one argument, in quotes, what the agent is to do.\n")


def test_a_review_that_does_not_fit_is_asked_for_again(settings: dict[str, str], folder: Path) -> None:
    done = run(example("delegate_review", "examples/README.md", "--model", "openai/gpt-4o"), settings, folder)
    assert done.stdout.splitlines()[:2] == ["examples/README.md:15: low: No model may be named.", "    Name one."]
    assert "by gpt-4o, attempts: 2, " in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("delegate_review", ["examples/README.md", "--model", "demo/echo"], "No review (failed)"),
        ("delegate_review", ["nowhere.py", "--model", "demo/echo"], "nowhere.py"),
        ("second_opinion", [" ", "demo/echo"], "There is nothing to ask"),
        ("checked_function", [], "No model was named"),
        ("checked_function", ["--model", "demo/echo"], "No function (failed)"),
        ("long_report", ["tides", "report.md", "--model", "demo/fail"], "No report (failed): The provider is down"),
    ],
)
def test_what_did_not_succeed_is_told(
    name: str, arguments: list[str], told: str, settings: dict[str, str], folder: Path
) -> None:
    done = run(example(name, *arguments), settings, folder)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "report.md").exists()


def test_a_function_that_misses_a_case_is_asked_for_again(settings: dict[str, str], folder: Path) -> None:
    done = run(example("checked_function", "--model", "openai/gpt-4o"), settings, folder)
    first, second = done.stderr.splitlines()
    assert "MCMXCIV" in first
    assert second == "Attempt 2: every case holds"
    assert done.stdout.strip() == RIGHT


def test_a_model_that_fails_takes_no_other_with_it(settings: dict[str, str], folder: Path) -> None:
    done = run(example("second_opinion", "Well?", "demo/fail", "demo/echo"), settings, folder)
    assert done.returncode == 0, done.stderr
    failed, _, answered, text = done.stdout.splitlines()
    assert failed.startswith("== demo/fail: failed")
    assert answered.startswith("== demo/echo: completed")
    assert text == "Well?"


def test_a_report_goes_on_after_ctrl_c_and_is_found_again(home: Path, environ: dict[str, str], folder: Path) -> None:
    run([sys.executable, "-m", "longcall_server", "call", "Begin.", "-m", "demo/echo"], environ, folder)
    (worker,) = worker_processes(home)
    write = example("long_report", "tides", "report.md", "--model", "demo/slow-0.1")

    worker.suspend()  # so that the work takes as long as the test wants
    begun, heard = _interrupted(write, environ, folder)
    assert "waiting for a worker" in heard
    assert "What was begun goes on." in heard
    assert "Traceback" not in heard
    assert not (folder / "report.md").exists()

    worker.resume()
    done = run(write, environ, folder)
    again = run(write, environ, folder)
    anew = run([*write, "--edition", "2"], environ, folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, begun), done.stderr
    assert again.stdout == done.stdout
    assert anew.stdout.splitlines()[1:] == done.stdout.splitlines()[1:] != []
    assert anew.stdout != done.stdout
    assert (folder / "report.md").read_text().endswith(STORY_END)


def _interrupted(command: list[str], environ: dict[str, str], folder: Path) -> tuple[str, str]:
    """Presses Ctrl-C once a command has shown its task and some progress, and returns both with its last words."""
    with psutil.Popen(
        command, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        begun, progress = process.stdout.readline().strip(), process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=RUN_S)
    assert process.returncode == 1
    return begun, progress + rest
