import json
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.processes import rows

import longcall

if TYPE_CHECKING:
    from conftest import CommandLine


def begin(cli: "CommandLine", model: str) -> str:
    """Begins a task and returns its id."""
    ended = cli.run("call", "a prompt of several words", "-m", model, "--wait", "0.1", "--json")
    return json.loads(ended.out)["task_id"]


def ask(cli: "CommandLine", prompt: str) -> str:
    """Has a prompt echoed and returns the id of its task."""
    return json.loads(cli.run("call", prompt, "-m", "demo/echo", "--json").out)["task_id"]


def test_tasks_of_this_folder_are_listed_newest_first(cli: "CommandLine") -> None:
    first, second = ask(cli, "one\ttab"), ask(cli, "two")
    listed = [line.split("\t") for line in cli.run("tasks").out.splitlines()]
    assert [(line[0], line[1], *line[4:]) for line in listed] == [
        (second, "completed", "3", "demo/echo", "two"),
        (first, "completed", "7", "demo/echo", "one tab"),
    ]
    assert cli.run("tasks", "list", "-n", "1").out.count("\n") == 1


def test_tasks_of_other_folders_are_listed_only_with_all(cli: "CommandLine") -> None:
    task = ask(cli, "here")
    elsewhere = type(cli)(cli.home, cli.home, cli.environ)
    assert task in cli.run("tasks").out
    assert task not in elsewhere.run("tasks").out
    assert task in elsewhere.run("tasks", "list", "--all", "-n", "500").out
    assert task in elsewhere.run("tasks", "--all", "-n", "500").out


def test_a_list_may_be_json(cli: "CommandLine") -> None:
    task = ask(cli, "here")
    assert [line["task_id"] for line in json.loads(cli.run("tasks", "list", "--json").out)["tasks"]] == [task]


def test_a_terminal_sees_a_table_with_short_ids(cli: "CommandLine") -> None:
    task = ask(cli, "here")
    shown = cli.in_terminal("tasks").out
    assert task[:8] in shown
    assert task not in shown
    assert "asked" in shown


def test_an_empty_list_says_where_to_look(cli: "CommandLine") -> None:
    ended = cli.run("tasks")
    assert (ended.code, ended.out) == (0, "")
    assert "--all" in ended.err


def test_a_task_is_shown_by_a_beginning_of_its_id(cli: "CommandLine") -> None:
    task = ask(cli, "hé")
    for start in (task, task[:12], f" {task[:12].upper()} "):
        ended = cli.run("tasks", "show", start)
        assert (ended.code, ended.out) == (0, "hé\n")
        assert ended.err.startswith("completed · demo/echo · ")
    result = json.loads(cli.run("tasks", "show", task, "--json").out)
    assert (result["task_id"], result["text"]) == (task, "hé")


def test_showing_an_answer_counts_as_delivering_it(cli: "CommandLine") -> None:
    task = begin(cli, "demo/slow-0.5")
    delivered = "SELECT delivered_at FROM tasks WHERE id = ?"
    assert rows(cli.home, delivered, task)[0]["delivered_at"] is None
    while "completed" not in cli.run("tasks", "show", task).err:
        pass
    assert rows(cli.home, delivered, task)[0]["delivered_at"] is not None


def test_a_failed_task_is_shown_with_its_reason(cli: "CommandLine") -> None:
    task = json.loads(cli.run("call", "hello", "-m", "demo/fail", "--json").out)["task_id"]
    ended = cli.run("tasks", "show", task)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("longcall: The provider is down")


@pytest.mark.parametrize("command", ["show", "cancel"])
@pytest.mark.parametrize("start", ["ffffffffffffffffffff", "zz", "", "%", "g"])
def test_an_unknown_id_is_told(cli: "CommandLine", command: str, start: str) -> None:
    ended = cli.run("tasks", command, start)
    assert (ended.code, ended.out) == (2, "")
    assert "No task has an id" in ended.err


async def test_a_beginning_that_several_ids_have_is_refused(
    cli: "CommandLine", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGCALL_HOME", str(cli.home))
    monkeypatch.setenv("OLLAMA_API_BASE", cli.environ["OLLAMA_API_BASE"])
    group = await longcall.start_task(prompts=["x"] * 17, model="demo/echo")
    assert os.environ["LONGCALL_HOME"] == str(cli.home)
    assert group.tasks is not None
    shared, _ = Counter(line.task_id[0] for line in group.tasks).most_common(1)[0]
    for command in ("show", "cancel"):
        ended = cli.run("tasks", command, shared)
        assert (ended.code, ended.out) == (2, "")
        assert "Several task ids begin with" in ended.err
    members = cli.run("tasks", "show", str(group.task_id))
    assert [line.split("\t")[0] for line in members.out.splitlines()] == [line.task_id for line in group.tasks]


def test_a_running_task_is_cancelled(cli: "CommandLine") -> None:
    task = begin(cli, "demo/stall")
    ended = cli.run("tasks", "cancel", task[:12])
    assert (ended.code, ended.err) == (0, f"Cancelled {task}.\n")
    assert rows(cli.home, "SELECT state FROM tasks WHERE id = ?", task) == [{"state": "cancelled"}]


def test_a_task_that_had_ended_keeps_its_answer(cli: "CommandLine") -> None:
    task = ask(cli, "kept")
    ended = cli.run("tasks", "cancel", task)
    assert ended.code == 1
    assert "had already ended: completed" in ended.err
    assert cli.run("tasks", "show", task).out == "kept\n"


def test_prune_deletes_old_tasks_with_their_files_and_nothing_else(lone_cli: "CommandLine") -> None:
    task = ask(lone_cli, "old")
    working = begin(lone_cli, "demo/stall")
    results = lone_cli.home / "results"
    results.mkdir(exist_ok=True)
    (results / f"{task}.md").write_text("old")
    (results / "mine.md").write_text("not a result")

    young = lone_cli.run("tasks", "prune", "--older-than", "1h", "--yes")
    assert (young.code, young.err) == (0, "No task ended more than 1h ago; nothing to delete.\n")
    unasked = lone_cli.run("tasks", "prune", "--older-than", "0s")
    assert unasked.code == 2
    assert "1 task ended more than 0s ago, 0 of them never looked at." in unasked.err
    odd = lone_cli.run("tasks", "prune", "--older-than", "5 moons", "--yes")
    assert odd.code == 2
    refused = lone_cli.in_terminal("tasks", "prune", "--older-than", "0s", typed=b"n\n")
    assert refused.code == 1
    assert "Nothing was deleted" in refused.out
    assert task in lone_cli.run("tasks").out

    agreed = lone_cli.in_terminal("tasks", "prune", "--older-than", "0s", typed=b"y\n")
    assert agreed.code == 0
    assert "Deleted 1 task." in agreed.out
    assert [line.split("\t")[0] for line in lone_cli.run("tasks").out.splitlines()] == [working]
    assert [path.name for path in results.iterdir()] == ["mine.md"]
