"""Several prompts and models on the command line."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.processes import PATIENCE_S, rows, until

if TYPE_CHECKING:
    from conftest import CommandLine


def test_several_models_answer_one_after_the_other(cli: "CommandLine") -> None:
    ended = cli.run("call", "one two", "--models", "demo/echo,demo/slip")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "--- 1/2 demo/echo: one two\none two\n\n--- 2/2 demo/slip: one two\none\n"


def test_prompts_come_from_a_file_and_keep_their_order(cli: "CommandLine", tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("first\n\nsecond\nthird\n")
    ended = cli.run("call", "--prompts-file", "prompts.txt", "-m", "demo/echo", "--at-once", "1", "--json")
    *lines, whole = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, [line["text"] for line in lines]) == (0, ["first", "second", "third"])
    assert (whole["status"], whole["counts"]) == ("completed", {"total": 3, "completed": 3})
    assert "tasks" not in whole


def test_a_vote_is_the_answer(cli: "CommandLine", tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('"yes"\n{"prompt": "Yes", "idempotency_key": "cli-vote"}\n"no"\n')
    ended = cli.run("call", "--prompts-file", "prompts.jsonl", "-m", "demo/echo", "--combine", "vote")
    assert (ended.code, ended.out, ended.err) == (0, "yes\n", "")


def test_one_prompt_for_one_model_is_a_plain_answer(cli: "CommandLine") -> None:
    assert cli.run("call", "alone", "--models", "demo/echo").out == "alone\n"
    told = json.loads(cli.run("call", "alone again", "--models", "demo/echo", "--json").out)
    assert told["text"] == "alone again"


def test_a_member_that_failed_is_told_and_costs_the_exit_code(cli: "CommandLine") -> None:
    ended = cli.run("call", "hello", "--models", "demo/echo,demo/fail")
    assert ended.code == 1
    assert "--- 2/2 demo/fail: hello\n(failed) The provider is down" in ended.out


def test_a_choice_that_was_not_made_is_a_failure(cli: "CommandLine") -> None:
    ended = cli.run("call", "hi", "--models", "demo/echo,demo/slip", "--combine", "best:demo/echo")
    assert ended.code == 1
    assert "did not say which answer is best" in ended.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["x", "--prompts-file", "prompts.txt", "-m", "demo/echo"], "either `prompt` or `--prompts-file`"),
        (["--prompts-file", "none.txt", "-m", "demo/echo"], "cannot be read"),
        (["--prompts-file", "empty.txt", "-m", "demo/echo"], "nothing to ask in"),
        (["--prompts-file", "broken.jsonl", "-m", "demo/echo"], "no JSON"),
        (["x", "--models", "demo/echo,demo/slip", "--combine", "most"], "`--combine` cannot be used"),
        (["x", "--models", "demo/echo,demo/slip", "--combine", "{"], "`--combine` must be a JSON object"),
        (["x", "--models", "demo/echo,demo/slip", "--at-once", "0"], "`--at-once` must be 1 or more"),
        (["x", "--models", "demo/echo,demo/slip", "--combine", "best"], "Name who chooses"),
    ],
)
def test_what_cannot_be_asked_so_is_told(
    cli: "CommandLine", tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    for name, text in (("prompts.txt", "a"), ("empty.txt", "\n"), ("broken.jsonl", "{")):
        (tmp_path / name).write_text(text)
    ended = cli.run("call", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err


def test_a_wait_that_ends_leaves_the_group_at_work(cli: "CommandLine") -> None:
    ended = cli.run("call", "x", "--models", "demo/echo,demo/slow-60", "--wait", "0.2")
    assert (ended.code, ended.out) == (4, "")
    assert "the work goes on" in ended.err


async def test_ctrl_c_leaves_the_group_at_work(lone_cli: "CommandLine") -> None:
    with lone_cli.begun("call", "x", "--models", "demo/slow-60,demo/slow-61") as process:
        await until(lambda: (lone_cli.home / "workers").exists() and rows(lone_cli.home, "SELECT 1 FROM pieces"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, b"")
    assert b"the work goes on as task" in err
