"""Starting a worker: one for each environment, whoever asks."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from support.processes import kill, until, worker_processes

from longcall.errors import WorkerStartError
from longcall.settings import Settings, read_settings
from longcall.tasks.launch import ensure_worker, err_path, log_path, worker_environ
from longcall.tasks.lock import held, is_alive, lock_path

HERE = "e" * 16
ELSEWHERE = "f" * 16
ENSURES = """
import os, sys
from longcall.settings import read_settings
from longcall.tasks.launch import ensure_worker
print("ready", flush=True)
sys.stdin.readline()
ensure_worker(read_settings(os.environ), sys.argv[1], os.environ)
"""


@pytest.fixture
def settings(home: Path) -> Settings:
    """Returns the settings of the test's store, with its folders."""
    found = read_settings(os.environ)
    found.workers_path.mkdir(parents=True, mode=0o700)
    assert found.home == home
    return found


def test_processes_that_ask_at_the_same_instant_get_one_worker(settings: Settings, environ: dict[str, str]):
    with ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for _ in range(3):
            command = [sys.executable, "-c", ENSURES, HERE]
            process = subprocess.Popen(
                command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 3
        assert [process.returncode for process in processes] == [0] * 3
    assert is_alive(settings.workers_path, HERE)
    assert len(worker_processes(settings.home)) == 1
    assert log_path(settings, HERE).read_text("utf-8").count("⇡ worker") <= 1


async def test_a_worker_is_started_for_each_environment_and_again_after_its_death(settings: Settings):
    for environment in (HERE, ELSEWHERE, HERE):
        ensure_worker(settings, environment, os.environ)
    first = worker_processes(settings.home)
    assert sorted(worker.cmdline()[-1] for worker in first) == [HERE, ELSEWHERE]
    kill([worker for worker in first if worker.cmdline()[-1] == HERE])
    await until(lambda: not is_alive(settings.workers_path, HERE))
    ensure_worker(settings, HERE, os.environ)
    second = worker_processes(settings.home)
    assert len(second) == 2
    assert len({*first, *second}) == 3


def test_no_worker_is_started_where_one_lives(settings: Settings):
    with held(lock_path(settings.workers_path, HERE)):
        ensure_worker(settings, HERE, os.environ)
    assert worker_processes(settings.home) == []


def test_a_worker_outlives_whoever_started_it_in_a_session_of_its_own(settings: Settings, environ: dict[str, str]):
    command = [sys.executable, "-c", ENSURES, HERE]
    subprocess.run(command, env=environ, input="now\n", capture_output=True, text=True, check=True, timeout=60)
    [worker] = worker_processes(settings.home)
    assert os.getsid(worker.pid) == worker.pid != os.getsid(0)
    assert worker.cwd() == str(settings.home)
    assert worker.is_running()


def test_a_worker_that_cannot_start_names_the_file_with_what_it_said(settings: Settings):
    with pytest.raises(WorkerStartError) as error:
        ensure_worker(settings, HERE, {**os.environ, "LONGCALL_WORKER_IDLE_S": "nonsense"})
    said = err_path(settings, HERE)
    assert str(said) in str(error.value)
    assert "exit code 1" in str(error.value)
    assert "LONGCALL_WORKER_IDLE_S is 'nonsense'" in said.read_text("utf-8")
    assert not is_alive(settings.workers_path, HERE)
    ensure_worker(settings, HERE, os.environ)
    assert is_alive(settings.workers_path, HERE)


def test_a_workers_variables_are_its_fronts_without_the_empty_ones(settings: Settings):
    given = {"OPENAI_API_KEY": "", "A": "b", "PATH": "/bin", "LONGCALL_HTTP_TOKEN": "the operator's"}
    assert worker_environ(given) == {"A": "b", "PATH": "/bin"}
    ensure_worker(settings, HERE, {**os.environ, "OPENAI_API_KEY": "", "SOME_API_KEY": "mock"})
    [worker] = worker_processes(settings.home)
    variables = psutil.Process(worker.pid).environ()
    assert "OPENAI_API_KEY" not in variables
    assert variables["SOME_API_KEY"] == "mock"
    assert variables["LONGCALL_HOME"] == str(settings.home)
