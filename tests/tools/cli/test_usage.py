"""`longcall usage`."""

import json
import sqlite3

import pytest
from tools.cli.conftest import CommandLine

from longcall.cli.usage import cost
from longcall.money.usage import Spending

NUMBERS = "requests, unpriced, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens"
INSERT = (
    f"INSERT INTO spending (day, project, principal, model, {NUMBERS}, cost_usd, counted_usd, counted_tokens)"
    " VALUES (date('now', ?), '/p', '', ?, ?, ?, 1000, 50, 0, 0, ?, 0, 0)"
)


@pytest.fixture
def spent(lone_cli: CommandLine) -> CommandLine:
    """Returns the command line on a store where something was spent."""
    assert lone_cli.run("tasks").code == 0
    with sqlite3.connect(lone_cli.home / "tasks.sqlite3") as store:
        store.execute(INSERT, ("-1 days", "openai/x", 4, 0, 1.5))
        store.execute(INSERT, ("-1 days", "openai/y", 3, 3, 0.0))
        store.execute(INSERT, ("-40 days", "openai/z", 2, 1, 0.25))
    return lone_cli


def test_a_pipe_gets_plain_fields_and_unknown_is_told(spent: CommandLine) -> None:
    ended = spent.run("usage", "--by", "model")
    assert (ended.code, ended.out) == (0, "openai/x\t4\t1,000\t50\t$1.5\nopenai/y\t3\t1,000\t50\tunknown\n")
    assert "7 requests in 30 days: $1.5 + 3 unknown" in ended.err
    assert "openai/z\t2\t1,000\t50\t$0.25 + 1 unknown" in spent.run("usage", "--by", "model", "--days", "60").out


def test_a_terminal_gets_bars(spent: CommandLine) -> None:
    shown = spent.in_terminal("usage", "--by", "model").out
    assert "█" * 24 in shown
    assert shown.count("█") == 24


def test_json_tells_every_figure(spent: CommandLine) -> None:
    told = json.loads(spent.run("usage", "--by", "project", "--json").out)
    assert (told["by"], told["days"], [line["name"] for line in told["lines"]]) == ("project", 30, ["/p"])
    assert (told["total"]["cost_usd"], told["total"]["unpriced"], told["total"]["requests"]) == (1.5, 3, 7)


def test_nothing_spent_and_days_that_cannot_be_are_told(lone_cli: CommandLine) -> None:
    ended = lone_cli.run("usage")
    assert (ended.code, ended.out) == (0, "")
    assert "Nothing was sent in the last 30 days" in ended.err
    assert lone_cli.run("usage", "--days", "0").code == 2
    refused = lone_cli.run("usage", "--by", "moon")
    assert (refused.code, "'moon' is not one of 'day'" in refused.err, "Value error" in refused.err) == (2, True, False)


def test_what_a_call_may_cost_is_refused_where_it_is_no_amount(lone_cli: CommandLine) -> None:
    ended = lone_cli.run("call", "hello", "-m", "demo/echo", "--max-cost", "-1")
    assert (ended.code, "`--max-cost` must be US dollars" in ended.err) == (2, True)
    assert lone_cli.run("call", "hello", "-m", "demo/echo", "--max-cost", "0").out == "hello\n"


def test_a_free_line_costs_nothing_and_an_empty_one_neither() -> None:
    assert cost(Spending(name="x", requests=1, cost_usd=0.0)) == "$0"
    assert cost(Spending(name="total")) == "$0"
