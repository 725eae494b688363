"""A thousand prompts, fifty at once: kept in order, counted as they end, and never sent twice, whoever is killed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp import Client
from support.mocks import Mock, aimock
from support.processes import attached, call, kill, rows, until, worker_processes

MANY, AT_ONCE = 1_000, 50
LATENCY_MS, EARLY_MS = 150, 10
"""How long the provider takes at least for each answer, and how much before that a timer of Node's may fire."""
ANSWER = {"match": {}, "response": {"content": "an answer"}, "latency": LATENCY_MS}
PROMPTS = [f"question {number}" for number in range(MANY)]
FEWER = PROMPTS[:400]


def asked(provider: Mock) -> tuple[list[str], list[int]]:
    """Returns the prompts that the provider was sent, and when."""
    journal = provider.journal()
    return [entry["body"]["messages"][-1]["content"] for entry in journal], [entry["timestamp"] for entry in journal]


def most_at_once(times: Sequence[int]) -> int:
    """Returns the most requests that came within the least time that the provider takes: all of them were open."""
    ordered = sorted(times)
    window = LATENCY_MS - EARLY_MS
    return max(sum(begun <= time < begun + window for time in ordered[first : first + 2 * AT_ONCE])
               for first, begun in enumerate(ordered))  # fmt: skip


def most_written_down(home: Path) -> int:
    """Returns the most attempts that were open at once by the store's own account."""
    open_now, most = 0, 0
    found = rows(home, "SELECT sent_at, ended_at FROM attempts")
    events = sorted([(row["ended_at"], -1) for row in found] + [(row["sent_at"], 1) for row in found])
    for _, change in events:
        open_now += change
        most = max(most, open_now)
    return most


async def ended(front: Client, group: str) -> list[dict[str, int]]:
    """Returns what was told of a group until it ended."""
    told: list[dict[str, int]] = []
    while True:
        result = await call(front, "poll_task", task_id=group, wait_s=1, limit=1)
        told.append(result["counts"])
        if result["status"] != "working":
            return told


async def members(front: Client, group: str, many: int = MANY) -> list[dict[str, Any]]:
    """Returns all members, page by page."""
    lines: list[dict[str, Any]] = []
    while len(lines) < many:
        page = await call(front, "poll_task", task_id=group, offset=len(lines), limit=MANY)
        assert len(str(page).encode()) < 42_000
        shown = page["tasks"] if "offset" not in (page.get("next") or "") else page["tasks"][: _next(page) - len(lines)]
        assert shown
        lines += shown
    return lines


def _next(page: dict[str, Any]) -> int:
    return int(page["next"].partition("offset=")[2].partition(")")[0])


def done(counts: dict[str, int]) -> int:
    return counts["total"] - counts.get("working", 0)


async def test_a_thousand_prompts_are_asked_fifty_at_once(home: Path, environ: dict[str, str], tmp_path: Path) -> None:
    with aimock([ANSWER], tmp_path) as provider:
        async with attached(environ | provider.environ()) as front:
            begun = await call(front, "start_task", prompts=PROMPTS, model="openai/gpt-4o", at_once=AT_ONCE)
            told = await ended(front, begun["task_id"])
            lines = await members(front, begun["task_id"])
        prompts, times = asked(provider)
    assert sorted(prompts) == sorted(PROMPTS)
    assert 1 < most_at_once(times) <= AT_ONCE
    assert AT_ONCE // 2 < most_written_down(home) <= AT_ONCE
    assert [(line["head"], line["status"], line["text"]) for line in lines] == [
        (prompt, "completed", "an answer") for prompt in PROMPTS
    ]
    counted = [done(counts) for counts in told]
    assert counted == sorted(counted)
    assert counted[-1] == MANY
    assert any(0 < count < MANY for count in counted)
    assert {counts["total"] for counts in told} == {MANY}


async def test_a_worker_that_is_killed_in_the_middle_is_followed_by_one_that_asks_the_rest(
    home: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    with aimock([ANSWER], tmp_path) as provider:
        async with attached(environ | provider.environ()) as front:
            begun = await call(front, "start_task", prompts=FEWER, model="openai/gpt-4o", at_once=AT_ONCE)
            group = begun["task_id"]
            await until(lambda: _answered(home) >= len(FEWER) // 4)
            kill(worker_processes(home))
            before = {row["head"] for row in rows(home, "SELECT head FROM tasks JOIN attempts ON task = id")}
            told = await ended(front, group)
            lines = await members(front, group, len(FEWER))
        prompts, times = asked(provider)
    lost = {line["head"] for line in lines if line["status"] == "interrupted"}
    kept = {line["head"] for line in lines if line["status"] == "completed"}
    assert [line["head"] for line in lines] == FEWER
    assert lost | kept == set(FEWER)
    assert 0 < len(lost) <= AT_ONCE
    assert lost < before
    assert len(prompts) == len(set(prompts))  # nothing was sent twice, nor was what might have been
    assert kept <= set(prompts)
    assert most_at_once(times) <= AT_ONCE
    assert told[-1] == {"total": len(FEWER), "completed": len(kept), "interrupted": len(lost)}


def _answered(home: Path) -> int:
    return rows(home, "SELECT count(*) AS n FROM attempts WHERE state = 'answered'")[0]["n"]


def test_more_at_once_than_may_be_would_be_seen() -> None:
    times = [place * 200 for place in range(60) for _ in range(AT_ONCE)]
    assert most_at_once(times) == AT_ONCE
    assert most_at_once([*times, 401]) == AT_ONCE + 1
