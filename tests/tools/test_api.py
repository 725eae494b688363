"""The Python API with real workers and the demo models, from end to end."""

import os
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from support.processes import PATIENCE_S, kill, rows, worker_processes

import longcall
from longcall import Result, Session
from longcall.models import TaskState
from longcall.page import Page

SECRET = "sk-mock-9f8e7d6c5b4a"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns a store that the tests of this file share, with its worker; the worker is killed afterwards."""
    path = tmp_path_factory.mktemp("api") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture(autouse=True)
def project(shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a project folder of the test's own, on the shared store."""
    monkeypatch.setenv("LONGCALL_HOME", str(shared_home))
    monkeypatch.setenv("LONGCALL_WORKER_IDLE_S", "30")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def id_of(result: Result) -> str:
    """Returns the id of a result's task."""
    assert result.task_id is not None
    return result.task_id


async def ended(task_id: str) -> Result:
    """Returns a task once it has ended."""
    with anyio.fail_after(PATIENCE_S):
        return await longcall.poll_task(task_id, wait_s=None)


async def test_a_call_is_answered():
    with anyio.fail_after(PATIENCE_S):
        result = await longcall.llm_call("žluťoučký kůň 🐎", model="demo/echo", system="Be brief.")
    assert (result.status, result.text, result.model) == ("completed", "žluťoučký kůň 🐎", "demo/echo")
    assert (result.attempts, result.cost_usd, result.error) == (1, 0, None)


async def test_the_model_is_the_configured_one_unless_the_call_names_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONGCALL_MODEL", "demo/echo")
    with anyio.fail_after(PATIENCE_S):
        assert (await longcall.llm_call("why?")).model == "demo/echo"
        assert (await longcall.llm_call("why?", model="demo/slow-0")).model == "demo/slow-0"


async def test_a_failure_is_a_result_and_not_an_error():
    with anyio.fail_after(PATIENCE_S):
        result = await longcall.llm_call("why?", model="demo/unheard-of")
    assert result.status == "failed"
    assert result.error is not None
    assert result.error["code"] == "unknown_model"


async def test_the_end_of_the_waiting_leaves_the_work_going_on():
    result = await longcall.llm_call("one two three four", model="demo/stall", wait_s=0.01)
    assert (result.status, result.text) == ("working", None)
    assert (await longcall.poll_task(id_of(result))).status == "working"
    with anyio.fail_after(PATIENCE_S):
        cancelled = await longcall.cancel_task(id_of(result))
    assert cancelled.status == "cancelled"


async def test_progress_is_told_while_waiting():
    told: list[Result] = []

    async def on_progress(result: Result) -> None:
        told.append(result)

    with anyio.fail_after(PATIENCE_S):
        result = await longcall.llm_call("why?", model="demo/slow-3", on_progress=on_progress)
    assert result.status == "completed"
    assert told
    assert {(report.status, report.task_id) for report in told} == {("working", result.task_id)}
    assert all(report.progress for report in told)


async def test_a_group_is_every_prompt_with_every_model():
    result = await longcall.start_task(prompts=["one", "two"], models=["demo/echo", "demo/slow-0"])
    assert result.status == "working"
    group = await ended(id_of(result))
    assert group.status == "completed"
    assert group.tasks is not None
    assert [(line.head, line.model) for line in group.tasks] == [
        ("one", "demo/echo"), ("one", "demo/slow-0"), ("two", "demo/echo"), ("two", "demo/slow-0"),
    ]  # fmt: skip
    assert (await longcall.poll_task(group.tasks[2].task_id)).text == "two"


async def test_a_started_task_is_durable_and_runs_without_its_starter():
    result = await longcall.start_task("why?", model="demo/echo")
    assert (await ended(id_of(result))).text == "why?"


async def test_a_long_answer_is_read_in_pages():
    text = "".join(f"{number} " for number in range(3_000))
    with anyio.fail_after(PATIENCE_S):
        task = id_of(await longcall.llm_call(text, model="demo/echo", wait_s=None))
    pages: list[str] = []
    async with longcall.connect() as session:
        for offset in range(0, len(text), 4_000):
            page = await session.poll_task(task, page=Page(offset, 4_000))
            assert (page.offset, page.total_chars) == (offset, len(text))
            pages.append(page.text or "")
    assert "".join(pages) == text
    assert (await longcall.poll_task(task, offset=len(text) - 5)).text == text[-5:]


async def test_a_cancelled_task_stops_and_an_ended_one_keeps_its_answer():
    stalling = id_of(await longcall.start_task("one two three four", model="demo/stall"))
    with anyio.fail_after(PATIENCE_S):
        while (await longcall.poll_task(stalling)).text != "one two three ":  # noqa: ASYNC110  # another process's doing
            await anyio.sleep(0.01)
        result = await longcall.cancel_task(stalling)
        assert (result.status, result.text) == ("cancelled", "one two three ")
        answer = await longcall.llm_call("why?", model="demo/echo")
        assert (await longcall.cancel_task(id_of(answer))).text == "why?"


async def test_a_cancelled_group_stops_every_member():
    group = id_of(await longcall.start_task(prompts=["one", "two three four five"], model="demo/stall"))
    with anyio.fail_after(PATIENCE_S):
        await longcall.cancel_task(group)
    result = await ended(group)
    assert result.tasks is not None
    assert result.tasks[1].status == "cancelled"


async def test_the_tasks_of_a_folder_are_listed_newest_first(project: Path, shared_home: Path):
    first = id_of(await longcall.start_task("first", model="demo/echo"))
    second = id_of(await longcall.start_task("second", model="demo/echo"))
    listed = await longcall.list_tasks()
    assert listed.tasks is not None
    assert [line.task_id for line in listed.tasks] == [second, first]
    assert [line.task_id for line in (await longcall.list_tasks(most=1)).tasks or ()] == [second]
    async with longcall.connect(shared_home) as elsewhere:
        assert (await elsewhere.list_tasks()).tasks == []
        everywhere = (await elsewhere.list_tasks(everywhere=True)).tasks
    assert everywhere is not None
    assert {first, second} <= {line.task_id for line in everywhere}
    assert rows(shared_home, "SELECT project FROM tasks WHERE id = ?", first) == [{"project": str(project)}]


async def test_a_config_of_the_predecessor_is_a_call():
    config = {"model": "demo/echo", "question": "why?", "wait_for_completion": True, "timeout": 60}
    with anyio.fail_after(PATIENCE_S):
        assert (await longcall.llm_call(config)).text == "why?"
        assert (await longcall.llm_call(config, model="demo/slow-0")).model == "demo/slow-0"
        assert (await ended(id_of(await longcall.start_task(config)))).text == "why?"
    assert config == {"model": "demo/echo", "question": "why?", "wait_for_completion": True, "timeout": 60}


async def test_a_connection_is_shared_by_many_calls_at_once():
    answers: dict[str, str | None] = {}

    async def ask(session: Session, prompt: str) -> None:
        answers[prompt] = (await session.llm_call(prompt, model="demo/echo")).text

    with anyio.fail_after(PATIENCE_S):
        async with longcall.connect() as session, anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(ask, session, str(number))
    assert answers == {str(number): str(number) for number in range(40)}


async def test_what_cannot_be_asked_is_turned_away_and_not_stored(shared_home: Path):
    await longcall.list_tasks()
    before = rows(shared_home, "SELECT count(*) AS tasks FROM tasks")
    for given in (
        {},
        {"prompt": "why?", "prompts": ["x"], "model": "m"},
        {"prompt": "x", "model": "m", "models": ["n"]},
    ):
        with pytest.raises(longcall.CallError):
            await longcall.start_task(**given)  # pyright: ignore[reportArgumentType]  # that it is wrong is tested
    with pytest.raises(longcall.CallError, match="colour"):
        await longcall.llm_call({"model": "m", "question": "why?", "colour": "red"})
    assert rows(shared_home, "SELECT count(*) AS tasks FROM tasks") == before


async def test_an_unknown_task_is_told():
    for ask in (longcall.poll_task, longcall.cancel_task):
        with pytest.raises(longcall.UnknownTaskError, match="No task has the id"):
            await ask("0" * 32)


async def test_a_bad_setting_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONGCALL_WAIT_S", "soon")
    with pytest.raises(longcall.SettingsError, match="LONGCALL_WAIT_S"):
        await longcall.list_tasks()


async def test_a_worker_that_cannot_start_is_told_and_the_task_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LONGCALL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))
    with anyio.fail_after(PATIENCE_S), pytest.raises(longcall.WorkerStartError, match=r"\.err"):
        await longcall.llm_call("why?", model="demo/echo")
    assert rows(tmp_path / "home", "SELECT state FROM tasks") == [{"state": TaskState.QUEUED}]


async def test_a_key_is_in_no_file_of_the_store(monkeypatch: pytest.MonkeyPatch, shared_home: Path):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with anyio.fail_after(PATIENCE_S):
        assert (await longcall.llm_call("in plain sight", model="demo/echo")).status == "completed"
        assert (await longcall.llm_call("why?", model="demo/fail")).status == "failed"
    contents = [file.read_bytes() for file in await files_of(shared_home)]
    assert any(b"in plain sight" in content for content in contents)
    assert not any(SECRET.encode() in content for content in contents)


async def files_of(home: Path) -> list[Path]:
    """Returns every file of a store."""
    return [Path(file) async for file in anyio.Path(home).rglob("*") if await file.is_file()]


async def test_another_key_is_another_environment_with_a_worker_of_its_own(
    monkeypatch: pytest.MonkeyPatch, shared_home: Path
):
    with anyio.fail_after(PATIENCE_S):
        ours = await longcall.llm_call("why?", model="demo/echo")
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        theirs = await longcall.llm_call("why?", model="demo/echo")
    sql = "SELECT environment FROM tasks WHERE id IN (?, ?)"
    environments = {row["environment"] for row in rows(shared_home, sql, ours.task_id, theirs.task_id)}
    workers = {worker.cmdline()[-1] for worker in worker_processes(shared_home)}
    assert len(environments) == 2
    assert environments <= workers
    assert os.environ["OPENAI_API_KEY"] == SECRET


async def test_a_folder_whose_name_is_no_unicode_can_be_asked_from(tmp_path: Path):
    async with longcall.connect(tmp_path / os.fsdecode(b"\xff")) as session:
        with anyio.fail_after(PATIENCE_S):
            assert (await session.llm_call("why?", model="demo/echo")).text == "why?"


async def test_an_id_that_is_no_unicode_is_unknown():
    with pytest.raises(longcall.UnknownTaskError):
        await longcall.poll_task("\ud800")
