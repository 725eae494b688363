"""How SQLite keeps what was spent: filled from an older store, read by indexes alone, and salvaged."""

import sqlite3
from pathlib import Path

import pytest
from tools.tasks.samples import WORKER, answered, look, new_task, running
from tools.tasks.test_upgrade import ENDED, RUNNING, id_of, insert, insert_task, made_by

from longcall.money.estimate import Estimate
from longcall.money.toll import Toll
from longcall.settings import TaskCaps
from longcall.tasks.queries import load_queries
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.sqlite_file import set_aside

USAGE = '{"input_tokens": 7, "output_tokens": 3, "cached_input_tokens": 2, "reasoning_tokens": null}'
OLD = {"task": id_of("done"), "model": "m", "sent_at": 2_500, "ended_at": 2_600}
VALUES = {
    "task": "t", "worker": "w", "now": 1_800_000_000_000, "tick": 1, "model": "m", "role": "answer", "request": None,
    "usd": 0.1, "tokens": 1, "days": 7, "state": "answered", "usage": None, "cost_usd": 0.1, "failure": None,
    "text": None, "completion": None, "is_free": False, "environment": "e", "most": 1,
}  # fmt: skip


@pytest.mark.parametrize("edition", [1, 2, 3, 4])
async def test_the_attempts_of_an_older_store_are_what_was_spent(edition: int, tmp_path: Path):
    with made_by(edition, tmp_path) as old:
        insert_task(old, "done", {**ENDED, "state": "failed", "failure": "{}"})
        insert_task(old, "runs", RUNNING)
        rows = [
            {**OLD, "number": 1, "state": "answered", "usage": USAGE, "cost_usd": 0.25},
            {**OLD, "number": 2, "state": "answered", "usage": USAGE, "cost_usd": 0.5},
            {**OLD, "number": 3, "state": "lost"},
            {**OLD, "number": 4, "state": "failed", "failure": "{}"},
            {**OLD, "number": 5, "state": "answered", "model": "other", "ended_at": 90_000_000},
            {**OLD, "number": 1, "state": "sent", "task": id_of("runs"), "ended_at": None},
        ]
        for row in rows:
            insert(old, "attempts", row)
    async with open_sqlite_store(tmp_path / "tasks.sqlite3") as store:
        first, other = await store.spending(100_000)
        assert (first.day, first.model, first.requests, first.unpriced) == ("1970-01-01", "m", 4, 1)
        assert (first.input_tokens, first.output_tokens, first.cached_input_tokens) == (14, 6, 4)
        assert (first.cost_usd, first.counted_usd, first.counted_tokens) == (0.75, 0.75, 20)
        assert (other.day, other.model, other.requests, other.unpriced) == ("1970-01-02", "other", 1, 1)
        # What was under way is booked when it ends.
        assert await store.finish(id_of("runs"), WORKER, answered())
        assert sum(line.requests for line in await store.spending(100_000)) == 6
        assert (await store.spent(id_of("done"), "call")).usd == 0.75


async def test_what_was_under_way_before_its_sums_were_kept_counts_until_it_ends(tmp_path: Path):
    with made_by(6, tmp_path) as old:
        insert_task(old, "runs", RUNNING)
        of = {"task": id_of("runs"), "number": 1, "state": "sent", "ended_at": None}
        insert(old, "attempts", {**OLD, **of, "project": "/project", "counted_usd": 0.5, "counted_tokens": 7})
    async with open_sqlite_store(tmp_path / "tasks.sqlite3") as store:
        for scope in ("day", "project"):
            before = await store.spent(id_of("runs"), scope)
            assert (before.open_usd, before.open_tokens) == (0.5, 7)
        assert await store.finish(id_of("runs"), WORKER, answered())
        after = await store.spent(id_of("runs"), "day")
        assert (after.open_usd, after.open_tokens) == (0, 0)


async def test_what_a_worker_of_an_older_edition_writes_is_booked_too(tmp_path: Path):
    path = tmp_path / "tasks.sqlite3"
    async with open_sqlite_store(path) as store:
        tasks = await running(store, new_task(), new_task())
        with sqlite3.connect(path) as old:
            for task in tasks:
                row = {"task": task, "number": 1, "model": "m", "state": "sent", "sent_at": 1}
                insert(old, "attempts", row)
            end = "UPDATE attempts SET state = ?, ended_at = 5, usage = ?, cost_usd = ? WHERE task = ?"
            old.execute(end, ("answered", USAGE, 0.25, tasks[0]))
            old.execute(end, ("failed", None, None, tasks[1]))
        [line] = await store.spending(100_000)
        assert (line.requests, line.unpriced, line.counted_usd, line.counted_tokens) == (2, 0, 0.25, 10)


SEARCHED = (
    "mark_sent",
    "end_attempt",
    "spent_by_call",
    "spent_by_day",
    "spent_by_project",
    "spending",
    "orphans",
    "claim",
)


@pytest.mark.parametrize("name", SEARCHED)
async def test_no_statement_on_the_way_of_a_request_reads_a_whole_table(name: str, tmp_path: Path):
    plan = await planned(tmp_path, load_queries()[name])
    scanned = [step for step in plan if step.startswith("SCAN")]
    assert [step for step in scanned if "attempts" in step or "spending" in step or "tasks" in step] == []


async def test_a_table_that_is_read_whole_is_told(tmp_path: Path):
    plan = await planned(tmp_path, "SELECT sum(cost_usd) FROM attempts")
    assert [step for step in plan if step.startswith("SCAN") and "attempts" in step]


async def planned(folder: Path, statement: str) -> list[str]:
    """Returns how SQLite reads for a statement."""
    path = folder / "tasks.sqlite3"
    async with open_sqlite_store(path):
        pass
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", VALUES)
        return [str(row[3]) for row in rows]
    finally:
        connection.close()


async def test_the_sums_come_from_indexes_that_hold_all_they_need(tmp_path: Path):
    queries = load_queries()
    day, project = [await planned(tmp_path, queries[f"spent_by_{scope}"]) for scope in ("day", "project")]
    assert [step for step in day if "spending USING PRIMARY KEY (day=?)" in step]
    assert [step for step in day if step == "SCAN under_way"]  # a row for each project
    assert [step for step in project if "COVERING INDEX spending_by_project (project=?)" in step]
    assert [step for step in project if "under_way USING PRIMARY KEY (project=?)" in step]


async def test_what_was_spent_is_salvaged_from_a_broken_file(tmp_path: Path):
    path = tmp_path / "tasks.sqlite3"
    async with open_sqlite_store(path) as store:
        [task] = await running(store, new_task())
        toll = Toll("m", Estimate(1, 1, 0.5), TaskCaps(day_usd=1))
        await store.mark_sent(task, WORKER, "m", toll=toll)
        await store.finish(task, WORKER, answered())
        before = await store.spending(1)
    found = path.stat()
    set_aside(path, (found.st_dev, found.st_ino))
    async with open_sqlite_store(path) as store:
        assert await store.spending(1) == before
        assert (await look(store, task)).attempts[0].cost_usd == 0.25
