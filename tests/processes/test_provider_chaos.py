"""A hundred calls to a provider that is out of order at given rates, with another that stands in for it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.mocks import Mock, aimock
from support.processes import attached, call, clean_environ, rows

CALLS = 100
RATES = {"drop": 0.25, "ratelimit": 0.15, "malformed": 0.08, "disconnect": 0.07}
ANSWER = {"match": {}, "response": {"content": "in order"}}


def configured(tmp_path: Path, first: Mock, spare: Mock, fallbacks: list[str]) -> dict[str, str]:
    config = tmp_path / "longcall.toml"
    config.write_text(
        f'fallbacks = {json.dumps(fallbacks)}\n[providers.spare]\nkind = "openai"\napi_base = "{spare.url}/v1"\n'
    )
    return clean_environ(tmp_path / "home", LONGCALL_CONFIG=str(config), LONGCALL_ATTEMPTS="2", **first.environ())


def prompts_of(mock: Mock) -> Counter[str]:
    """Returns how often each prompt was asked there."""
    return Counter(entry["body"]["messages"][-1]["content"] for entry in mock.journal())


async def answers(front: Any) -> list[dict[str, Any]]:
    prompts = [f"question {number}" for number in range(CALLS)]
    group = await call(front, "start_task", prompts=prompts, model="openai/gpt-4o")
    told = group
    while told["status"] == "working":
        told = await call(front, "poll_task", task_id=group["task_id"], wait_s=45)
    return [await call(front, "poll_task", task_id=member["task_id"]) for member in told["tasks"]]


@pytest.mark.parametrize("fallbacks", [["spare/gpt-4o"], []])
async def test_what_is_turned_away_goes_to_the_fallback_and_what_may_be_paid_is_never_sent_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fallbacks: list[str]
) -> None:
    chaos = [text for name, rate in RATES.items() for text in (f"--chaos-{name}", str(rate))]
    (tmp_path / "spare").mkdir()
    with aimock([ANSWER], tmp_path, *chaos) as first, aimock([ANSWER], tmp_path / "spare") as spare:
        async with attached(configured(tmp_path, first, spare, fallbacks)) as front:
            told = await answers(front)
        at_first, at_spare = prompts_of(first), prompts_of(spare)
    completed = [one for one in told if one["status"] == "completed"]
    with capsys.disabled():
        print(  # noqa: T201  # figures to read
            f"\n{len(completed)}/{CALLS} answered, {at_first.total()} requests to the first and {at_spare.total()} to"
            f" the fallback, at rates {RATES}"
        )
    attempts = rows(tmp_path / "home", "SELECT task, model, state, failure FROM attempts ORDER BY task, number")
    # What the ledger says was sent, and nothing else, reached the providers.
    assert (
        Counter(row["model"] for row in attempts)
        == Counter({"openai/gpt-4o": at_first.total(), "spare/gpt-4o": at_spare.total()}) - Counter()
    )
    # Nothing was sent after a request that may have been billed: it is the last of its task.
    by_task: dict[str, list[str]] = {}
    for row in attempts:
        code = json.loads(row["failure"])["code"] if row["failure"] else row["state"]
        by_task.setdefault(row["task"], []).append(code)
    assert all(code in ("unavailable", "rate_limit") for codes in by_task.values() for code in codes[:-1])
    # All that was turned away was answered in the end, and the result says by whom.
    failed = {one["error"]["code"] for one in told if one["status"] == "failed"}
    assert failed <= {"disconnected", "incomplete_stream", "failed"} | (
        set() if fallbacks else {"unavailable", "rate_limit"}
    )
    instead = [one for one in completed if any("whose fallback" in warning for warning in one.get("warnings", []))]
    assert len(instead) == at_spare.total()
    assert bool(instead) is bool(fallbacks)
