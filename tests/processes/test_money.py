"""Caps hold over all processes on a store, whoever dies."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.mocks import Mock, aimock
from support.processes import (
    PATIENCE_S,
    attached,
    call,
    clean_environ,
    front_processes,
    kill,
    rows,
    until,
    worker_processes,
)
from support.scripted import ScriptedEndpoint

CALLS = 100
MOST_TOKENS = 40
COUNTED = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
COST = 0.03
ANSWER = {"match": {}, "response": {"content": "so", "usage": COUNTED}, "streamingProfile": {"ttft": 200, "tps": 1000}}


def configured(folder: Path, models: Sequence[str], caps: str) -> dict[str, str]:
    """Writes a longcall.toml in which a token of these models costs a tenth of a cent, and names it."""
    prices = [f'[prices."{model}"]\ninput_usd_per_1m = 1000\noutput_usd_per_1m = 1000' for model in models]
    path = folder / "longcall.toml"
    path.write_text("\n".join([*prices, caps]))
    return {"LONGCALL_CONFIG": str(path)}


def usage(environ: dict[str, str], folder: Path) -> dict[str, Any]:
    """Returns what `longcall usage --json` tells."""
    command = [sys.executable, "-m", "longcall_server", "usage", "--json"]
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, timeout=PATIENCE_S, check=True)
    return json.loads(done.stdout)


async def ask_many(environs: Sequence[dict[str, str]], home: Path) -> None:
    """Has each front ask for its share of the calls, all at once, and waits until every one has ended."""

    async def ask(number: int, environ: dict[str, str]) -> None:
        async with attached(environ) as front:
            prompts = [f"call {number} {place}" for place in range(CALLS // len(environs))]
            await call(front, "start_task", prompts=prompts, model="openai/gpt-4o", max_tokens=MOST_TOKENS)
            await until(lambda: ended(home) == CALLS, PATIENCE_S * 2)

    async with anyio.create_task_group() as group:
        for number, environ in enumerate(environs):
            group.start_soon(ask, number, environ)


def ended(home: Path) -> int:
    """Returns how many calls have ended."""
    there = (home / "tasks.sqlite3").exists() and rows(home, "SELECT 1 FROM sqlite_master WHERE name = 'tasks'")
    counting = "SELECT count(*) AS n FROM tasks WHERE kind = 'call' AND finished_at IS NOT NULL"
    return rows(home, counting)[0]["n"] if there else 0


async def two_fronts(tmp_path: Path, caps: str) -> tuple[Path, dict[str, str], Mock]:
    """Has two fronts, each with a worker of its own, ask at once; returns the store, an environment and the mock."""
    home = tmp_path / "home"
    with aimock([ANSWER], tmp_path) as provider:
        shared = {**provider.environ(), **configured(tmp_path, ["openai/gpt-4o"], caps)}
        environs = [clean_environ(home, **shared, ANTHROPIC_BASE_URL=f"{provider.url}/{side}") for side in ("a", "b")]
        try:
            await ask_many(environs, home)
            assert len(worker_processes(home)) == 2
            sent = len(provider.journal())
        finally:
            kill(front_processes(home) + worker_processes(home))
    assert sent == rows(home, "SELECT count(*) AS n FROM attempts")[0]["n"]
    return home, environs[0], provider


@pytest.mark.parametrize(("caps", "most"), [("[caps]\nday_usd = 1", 1.0), ("", None)])
async def test_two_fronts_and_a_hundred_calls_at_once_stay_below_the_cap_of_a_day(
    tmp_path: Path, caps: str, most: float | None
) -> None:
    home, environ, _ = await two_fronts(tmp_path, caps)
    told = usage(environ, tmp_path)["total"]
    [summed] = rows(home, "SELECT count(*) AS n, sum(cost_usd) AS usd FROM attempts WHERE state = 'answered'")
    assert (told["requests"], told["unpriced"]) == (summed["n"], 0)
    assert told["cost_usd"] == pytest.approx(summed["usd"]) == pytest.approx(summed["n"] * COST)
    failures = [json.loads(row["failure"]) for row in rows(home, "SELECT failure FROM tasks WHERE state = 'failed'")]
    assert len(failures) + summed["n"] == CALLS
    if most is None:
        assert summed["n"] == CALLS
        return
    assert {failure["code"] for failure in failures} == {"budget"}
    assert all("`caps.day_usd` allows $1 for a day" in failure["message"] for failure in failures)
    assert all(str(tmp_path / "longcall.toml") in failure["message"] for failure in failures)
    assert 0.5 < told["cost_usd"] <= most
    assert summed["n"] < CALLS / 2


async def test_what_a_killed_worker_had_sent_counts_once_and_at_its_estimate(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = tmp_path / "home"
    config = configured(tmp_path, ["openai/silent", "openai/at-once"], "[caps]\nday_usd = 1")
    environ = clean_environ(home, **endpoint.environ(), **config)
    try:
        async with attached(environ) as front:
            lost = await call(front, "start_task", prompt=prompt, model="openai/silent", max_tokens=600)
            await until(lambda: endpoint.asked(prompt))
            kill(worker_processes(home))
            found = await call(front, "poll_task", task_id=lost["task_id"], wait_s=45)
            assert found["status"] == "interrupted"
            much = await call(front, "llm_call", prompt="much", model="openai/at-once", max_tokens=600)
            assert (much["status"], much["error"]["code"]) == ("failed", "budget")
            assert "$0.61 are spent, $0 are held" in much["error"]["message"]
            little = await call(front, "llm_call", prompt="little", model="openai/at-once", max_tokens=100)
            assert little["status"] == "completed"
    finally:
        kill(front_processes(home) + worker_processes(home))
    total = usage(environ, tmp_path)["total"]
    # Nobody counted the second answer either, so both stand at their estimates.
    assert (total["requests"], total["unpriced"], total["cost_usd"]) == (2, 2, None)
    assert total["counted_usd"] == pytest.approx(0.614 + 0.106, abs=0.01)
    assert endpoint.asked("much") == []
