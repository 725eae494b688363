"""`longcall conversations`, and `-c` of `longcall call`."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import CommandLine


def say(cli: "CommandLine", prompt: str, *more: str) -> None:
    """Says something in the conversation `trip`."""
    ended = cli.run("call", prompt, "-m", "demo/echo", "-c", "trip", *more)
    assert (ended.code, ended.out) == (0, f"{prompt}\n")


def test_a_conversation_is_gone_on_with_listed_shown_and_deleted(cli: "CommandLine") -> None:
    say(cli, "one 🐎", "--system", "Be brief.")
    say(cli, "two")
    [line] = cli.run("conversations").out.splitlines()
    name, conversation, turns, tokens, used, project = line.split("\t")
    assert (name, turns, tokens, project) == ("trip", "4", "9", str(cli.folder))
    assert used.startswith("20")
    shown = cli.run("conversations", "show", "trip")
    assert shown.out.split("\n\n")[:-1] == [
        "system:\nBe brief.", "user:\none 🐎", "demo/echo:\none 🐎", "user:\ntwo", "demo/echo:\ntwo",
    ]  # fmt: skip
    assert f"4 turns · about 9 tokens · conversation {conversation}" in shown.err
    gone = cli.run("conversations", "delete", conversation)
    assert (gone.code, gone.out) == (0, "")
    assert "'trip' with 4 turns is gone" in gone.err
    empty = cli.run("conversations", "list")
    assert (empty.code, empty.out) == (0, "")
    assert "There is no conversation in this folder yet" in empty.err


def test_lists_and_conversations_may_be_json(cli: "CommandLine") -> None:
    say(cli, "one")
    [listed] = json.loads(cli.run("conversations", "--json").out)
    shown = json.loads(cli.run("conversations", "show", "trip", "--json").out)
    assert {name: shown[name] for name in listed} == listed
    assert [(turn["role"], turn["content"]) for turn in shown["said"]] == [("user", "one"), ("assistant", "one")]
    told = json.loads(cli.run("call", "two", "-m", "demo/echo", "--conversation", "trip", "--json").out)
    assert told["conversation"] == listed["id"]


def test_those_of_other_folders_are_listed_only_with_all_and_go_on_by_their_id(cli: "CommandLine") -> None:
    say(cli, "one")
    [listed] = json.loads(cli.run("conversations", "--json").out)
    elsewhere = type(cli)(cli.home, cli.home, cli.environ)
    assert listed["id"] not in elsewhere.run("conversations").out
    assert listed["id"] in elsewhere.run("conversations", "--all").out
    assert elsewhere.run("conversations", "show", "trip").code == 2
    assert elsewhere.run("call", "two", "-m", "demo/echo", "-c", listed["id"]).out == "two\n"
    assert json.loads(cli.run("conversations", "--json").out)[0]["turns"] == 4


def test_attachments_are_counted_and_not_written_out(cli: "CommandLine") -> None:
    (cli.folder / "dot.gif").write_bytes(
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    )
    ended = cli.run("call", "what is it?", "-m", "openai/gpt-4o", "-f", "dot.gif", "-c", "trip", "--wait", "60")
    assert ended.code == 1  # nobody has a key here
    asked = cli.run(
        "call", "what is it?", "-m", "meta-task/text", "-f", "dot.gif", "-c", "trip", "--validate", "not_empty"
    )
    assert asked.code == 0, asked.err
    shown = cli.run("conversations", "show", "trip").out
    assert "(1 attachment)" in shown
    assert "base64" not in shown


def test_a_task_at_work_is_named_and_what_is_unknown_is_a_sentence(cli: "CommandLine") -> None:
    begun = cli.run("call", "a b c d e", "-m", "demo/stall", "-c", "trip", "--wait", "0.1", "--json")
    task = json.loads(begun.out)["task_id"]
    for words in (("call", "x", "-m", "demo/echo", "-c", "trip"), ("conversations", "delete", "trip")):
        ended = cli.run(*words)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert task in ended.err
    assert cli.run("tasks", "cancel", task).code == 0
    say(cli, "x")
    unknown = cli.run("conversations", "show", "nothing")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)
    assert "no conversation 'nothing'" in unknown.err


def test_a_terminal_sees_a_table(cli: "CommandLine") -> None:
    say(cli, "one")
    shown = cli.in_terminal("conversations").out
    assert "turns" in shown
    assert "trip" in shown
    assert "demo/echo:" in cli.in_terminal("conversations", "show", "trip").out
