import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.processes import PATIENCE_S, rows, state, until

if TYPE_CHECKING:
    from conftest import CommandLine

STORY_END = "from the first word to this last one."


def test_an_answer_goes_to_stdout_alone(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/echo")
    assert (ended.code, ended.out, ended.err) == (0, "hello\n", "")


def test_a_failure_is_one_sentence_on_stderr(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/fail")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "longcall: The provider is down, as demo/fail always is.\n"


def test_the_default_model_is_asked_when_none_is_named(cli: "CommandLine") -> None:
    assert cli.with_environ(LONGCALL_MODEL="demo/echo").run("call", "hello").out == "hello\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["hello"], "No model was named"),
        (["", "-m", "demo/echo"], "nothing to ask"),
        (["hello", "-m", "demo/echo", "--temperature", "7"], "`--temperature` must be 2 or less"),
        (["hello", "-m", "demo/echo", "--wait", "-1"], "`--wait` must be"),
        (["hello", "-m", "demo/echo", "--effort", "heroic"], "heroic"),
        (["hello", "-m", "demo/echo", "--server", "files"], "cannot be handed tools"),
    ],
)
def test_what_cannot_be_asked_so_is_told_before_anything_is_stored(
    cli: "CommandLine", arguments: list[str], complaint: str
) -> None:
    ended = cli.run("call", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err
    assert cli.run("tasks").out == ""


def test_a_setting_that_cannot_be_used_is_named(cli: "CommandLine") -> None:
    ended = cli.with_environ(LONGCALL_TIMEOUT_S="soon").run("call", "hello", "-m", "demo/echo")
    assert (ended.code, ended.err) == (2, "longcall: LONGCALL_TIMEOUT_S is 'soon', but must be seconds above 0.\n")


@pytest.mark.parametrize("command", [["call", "hello", "-m", "demo/echo"], ["tasks"], ["demo", "-m", "demo/slow-1"]])
def test_a_store_that_cannot_be_opened_is_one_sentence(cli: "CommandLine", tmp_path: Path, command: list[str]) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    ended = cli.with_environ(LONGCALL_HOME=str(blocked)).run(*command)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("longcall: ")
    assert str(blocked) in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "piped", "answer"),
    [
        (["-"], b"from a pipe", "from a pipe\n"),
        ([], b"from a pipe", "from a pipe\n"),
        (["first"], b"second\n", "first\n\nsecond\n"),
        (["first"], b"", "first\n"),
        ([], "\ufeffStraße 東京 🚋".encode(), "Straße 東京 🚋\n"),
        (["né"], b"\xff", "né\n\n\N{REPLACEMENT CHARACTER}\n"),
    ],
)
def test_a_prompt_may_be_piped_in(cli: "CommandLine", arguments: list[str], piped: bytes, answer: str) -> None:
    assert cli.run("call", *arguments, "-m", "demo/echo", stdin=piped).out == answer


def test_an_empty_pipe_alone_is_nothing_to_ask(cli: "CommandLine") -> None:
    ended = cli.run("call", "-", "-m", "demo/echo", stdin=b" \n")
    assert (ended.code, ended.out) == (2, "")


def test_json_is_the_whole_result(cli: "CommandLine") -> None:
    ended = cli.run("call", "hé", "-m", "demo/echo", "--system", "be brief", "--json")
    result = json.loads(ended.out)
    assert (ended.code, result["status"], result["text"], result["attempts"]) == (0, "completed", "hé", 1)


@pytest.mark.parametrize("options", [[], ["--background"]])
def test_a_task_is_for_the_background_of_the_provider_only_when_asked_so(
    cli: "CommandLine", options: list[str]
) -> None:
    task = json.loads(cli.run("call", "hello", *options, "-m", "demo/echo", "--json").out)["task_id"]
    [stored] = rows(cli.home, "SELECT call FROM tasks WHERE id = ?", task)
    assert json.loads(stored["call"])["background"] is bool(options)


def test_a_model_without_batches_cannot_be_asked_to_take_its_time(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/echo", "--urgency", "batch")
    assert (ended.code, ended.out) == (2, "")
    assert "only models of openai can" in ended.err
    assert cli.run("call", "hello", "-m", "demo/echo", "--urgency", "now").out == "hello\n"


def test_json_tells_of_a_failure_too(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/fail", "--json")
    result = json.loads(ended.out)
    assert (ended.code, result["status"], result["error"]["code"]) == (1, "failed", "unavailable")


def test_a_wait_that_runs_out_tells_the_task_and_leaves_it_at_work(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/slow-2", "--wait", "0.5", "--json")
    task = json.loads(ended.out)["task_id"]
    assert (ended.code, json.loads(ended.out)["status"]) == (4, "working")
    assert task in ended.err
    shown = cli.run("tasks", "show", task)
    assert shown.code == 0


def test_a_wait_that_is_long_enough_ends_with_the_answer(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "-m", "demo/slow-1", "--wait", "50")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(STORY_END + "\n")


async def test_ctrl_c_ends_the_waiting_and_not_the_work(cli: "CommandLine") -> None:
    with cli.begun("call", "hello", "-m", "demo/slow-3") as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert (first, process.returncode) == (b"T", 130)
    assert b"Traceback" not in told
    found = re.search(r"as task (\w{32})\.\nGet the answer with: (longcall tasks show \w{8})\n", told.decode())
    assert found is not None
    assert state(cli.home, found[1]) == "running"
    await until(lambda: state(cli.home, found[1]) == "completed")
    shown = cli.run(*found[2].split()[1:])
    assert (shown.code, shown.out.endswith(STORY_END + "\n")) == (0, True)


async def test_a_reader_that_leaves_early_sees_no_traceback(cli: "CommandLine") -> None:
    with cli.begun("call", "hello", "-m", "demo/slow-3") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 141
        told = process.stderr.read().decode()
    assert "Traceback" not in told
    task = re.search(r"\w{32}", told)
    assert task is not None
    await until(lambda: state(cli.home, task[0]) == "completed")


def test_a_terminal_sees_a_status_line_that_goes_away_and_the_facts(cli: "CommandLine") -> None:
    ended = cli.in_terminal("call", "hello", "-m", "demo/slow-2", "--fresh")
    assert ended.code == 0
    assert "characters so far" in ended.out
    assert ended.out.rindex("\x1b[J") > ended.out.rindex("characters so far")
    assert re.search(r"demo/slow-2 · [\d.]+ s · \d+ characters · 1 \+ \d+ tokens · \$0 · task \w{8}", ended.out)


def test_stdout_in_a_file_holds_the_answer_alone_while_the_terminal_shows_the_status(
    cli: "CommandLine", tmp_path: Path
) -> None:
    with (tmp_path / "answer").open("wb") as file:
        ended = cli.in_terminal("call", "hello", "-m", "demo/slow-2", "--fresh", stdout=file.fileno())
    assert "characters so far" in ended.out
    answer = (tmp_path / "answer").read_text()
    assert answer.startswith("This answer")
    assert answer.endswith(STORY_END + "\n")
    assert "\x1b" not in answer


def test_an_answer_cannot_steer_the_terminal(cli: "CommandLine") -> None:
    steering = "a\x1b]0;owned\x07b"
    assert "a]0;ownedb" in cli.in_terminal("call", steering, "-m", "demo/echo").out
    assert cli.run("call", steering, "-m", "demo/echo").out == steering + "\n"


def test_an_answer_that_failed_its_checks_is_asked_for_again_and_only_the_good_one_is_shown(cli: "CommandLine") -> None:
    ended = cli.run("call", '{"name": "Ada"}', "-m", "demo/slip", "--validate", "json")
    assert (ended.code, ended.out) == (0, '{"name": "Ada"}\n')


def test_an_answer_that_never_passes_fails_with_what_was_wrong(cli: "CommandLine") -> None:
    contains = '{"type": "contains", "all": ["Grace"]}'
    ended = cli.run("call", "Ada", "-m", "demo/echo", "--validate", contains, "--retry", "1")
    assert (ended.code, ended.out) == (1, "Ada\n")
    assert "Grace" in ended.err


def test_a_schema_is_read_from_a_file(cli: "CommandLine", tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "array"}')
    assert cli.run("call", "[1]", "-m", "demo/echo", "--schema", str(schema)).code == 0
    assert cli.run("call", "{}", "-m", "demo/echo", "--schema", str(schema)).code == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--validate", "jsno"], "json"),
        (["--validate", "{nonsense"], "`--validate` must be a JSON object"),
        (["--retry", "[]"], "`--retry` must be a number of answers, or a JSON object"),
        (["--retry", "0"], "max_attempts"),
        (["--schema", "/nowhere/schema.json"], "cannot be read"),
    ],
)
def test_checks_that_cannot_be_are_told_before_anything_is_stored(
    cli: "CommandLine", options: list[str], complaint: str
) -> None:
    ended = cli.run("call", "hello", "-m", "demo/echo", *options)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err


def test_a_person_decides_about_an_answer_that_failed_its_checks(cli: "CommandLine") -> None:
    asked = ["call", "[1", "-m", "demo/echo", "--validate", "json", "--retry", '{"max_attempts_before_human": 1}']
    ended = cli.run(*asked, "--json")
    assert ended.code == 1
    task_id = json.loads(ended.out)["task_id"]
    guided = cli.run("tasks", "review", task_id[:8], "guide", "[1]")
    assert (guided.code, "working" in guided.err) == (0, True)
    assert state(cli.home, task_id) in ("queued", "running", "completed")
    late = cli.run("tasks", "review", task_id[:8], "accept")
    assert (late.code, "needs no review" in late.err) == (2, True)
