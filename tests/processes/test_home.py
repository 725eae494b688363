"""The folder of a store: the user's alone, and made again when somebody removes it under a running system."""

import shutil
from pathlib import Path

from support.processes import attached, call, error_text


def everything_in(home: Path) -> dict[Path, int]:
    """Returns the folder and all below it, with their modes."""
    return {path: path.stat().st_mode for path in (home, *home.rglob("*"))}


async def test_everything_in_it_is_the_users_alone(home: Path, environ: dict[str, str]) -> None:
    async with attached(environ) as front:
        await call(front, "llm_call", prompt="hello", model="demo/echo")
        made = everything_in(home)
    assert {path.suffix for path in made} >= {".sqlite3", ".log", ".err", ".lock"}
    assert [path for path, mode in made.items() if mode & 0o077] == []


async def test_a_store_removed_under_a_running_system_is_begun_anew(home: Path, environ: dict[str, str]) -> None:
    async with attached(environ) as front:
        lost = await call(front, "llm_call", prompt="one", model="demo/echo")
        shutil.rmtree(home)
        said = await error_text(front, "poll_task", task_id=lost["task_id"])
        assert f"No task has the id '{lost['task_id']}'" in said
        assert "its store was removed" in said
        again = await call(front, "llm_call", prompt="one", model="demo/echo", wait_s=45)
        assert (again["status"], again["task_id"] != lost["task_id"]) == ("completed", True)
        assert (await call(front, "poll_task", task_id=again["task_id"]))["text"] == "one"
    async with attached(environ) as other:
        assert (await call(other, "llm_call", prompt="two", model="demo/echo", wait_s=45))["text"] == "two"
