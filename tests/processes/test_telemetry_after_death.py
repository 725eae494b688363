"""What a worker tells of the tasks of the one before it, which was killed."""

from pathlib import Path
from typing import Any

from support.collector import Collector, collector
from support.processes import attached, call, kill, rows, until, worker_processes
from support.responses import responses_endpoint_process
from support.responses_endpoint import TEXT


async def _metric(told: Collector, name: str) -> list[tuple[dict[str, Any], float]]:
    found = await until(lambda: told.metric(name))
    return [(dict(names), value) for names, value in found.items()]


async def test_a_task_whose_answer_is_lost_is_counted_as_interrupted(home: Path, environ: dict[str, str]) -> None:
    with collector() as told:
        async with attached(environ | told.environ()) as front:
            started = await call(front, "start_task", prompt="one two three four", model="demo/stall")
            await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", started["task_id"]))
            kill(worker_processes(home))
            ended = await call(front, "poll_task", task_id=started["task_id"], wait_s=45)
            assert ended["status"] == "interrupted"
            await call(front, "llm_call", prompt="next", model="demo/echo")
        await until(lambda: told.spans("longcall.task"))
        counted = {names["longcall.task.state"]: value for names, value in await _metric(told, "longcall.tasks")}
        assert counted == {"interrupted": 1, "completed": 1}
        assert len(told.spans("longcall.task")) == 1  # that of the killed worker died with it


async def test_an_answer_that_is_fetched_is_told_as_a_request_of_the_worker_that_fetches_it(
    home: Path, environ: dict[str, str]
) -> None:
    with collector() as told, responses_endpoint_process() as endpoint:
        async with attached(environ | told.environ() | endpoint.environ()) as front:
            begun = await call(front, "start_task", prompt="kept", model="openai/kept", background=True)
            held = "SELECT handle FROM attempts WHERE task = ? AND handle IS NOT NULL"
            await until(lambda: rows(home, held, begun["task_id"]))
            kill(worker_processes(home))
            endpoint.release("kept")
            fetched = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
            while fetched["status"] == "working":
                fetched = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
            assert fetched["text"] == TEXT
        [task] = await until(lambda: told.spans("longcall.task"))
        assert "longcall.task.waited_s" not in task.attributes
        [request] = told.spans("chat ")
        assert request.attributes["longcall.attempt.fetched"] is True
        assert "longcall.attempt.number" not in request.attributes
        assert (request.attributes["longcall.attempt.state"], request.parent) == ("answered", task.span)
