"""The log of a real worker: each line of a task tells which."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.processes import attached, call, until

from longcall.environment import fingerprint, read_salt


async def _logged(home: Path, environ: dict[str, str]) -> tuple[list[str], list[str]]:
    """Returns the lines after two tasks, and the tasks' ids."""
    async with attached(environ) as front:
        echo = await call(front, "llm_call", prompt="SECRET-words", model="demo/echo")
        lost = await call(front, "llm_call", prompt="SECRET-too", model="demo/none")
        log = home / "workers" / f"{fingerprint(environ, read_salt(home))}.log"
        await until(lambda: log.read_text("utf-8").count("↩") == 2)
        lines = log.read_text("utf-8").splitlines()
    return lines, [echo["task_id"], lost["task_id"]]


async def test_as_json_each_line_is_an_object_that_tells_its_task(home: Path, environ: dict[str, str]) -> None:
    lines, (echo, lost) = await _logged(home, environ | {"LONGCALL_LOG_FORMAT": "json"})
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for line in told:
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert (line["level"], line["logger"].split(".")[0]) == ("INFO", "longcall")
    assert "⇡" in [line["message"][0] for line in told if "task" not in line]
    of_echo = [(line["message"][0], line["model"], line.get("attempt")) for line in told if line.get("task") == echo]
    assert of_echo == [("↪", "demo/echo", None), ("↩", "demo/echo", 1)]
    of_lost = [(line["message"][0], line["model"], line.get("attempt")) for line in told if line.get("task") == lost]
    assert of_lost == [("↪", "demo/none", None), ("↩", "demo/none", None)]
    assert "SECRET" not in "".join(lines)


async def test_as_text_each_line_of_a_task_names_it_once(home: Path, environ: dict[str, str]) -> None:
    lines, tasks = await _logged(home, environ)
    for task in tasks:
        assert [line.count(task) for line in lines if task in line] == [1, 1]
    assert all(" INFO " in line and not line.startswith("{") for line in lines)
    assert "SECRET" not in "".join(lines)
