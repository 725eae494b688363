import json
import signal
from typing import TYPE_CHECKING

from support.processes import PATIENCE_S, until

if TYPE_CHECKING:
    from conftest import CommandLine


def lives(cli: "CommandLine") -> list[bool]:
    """Returns for each environment of the store whether a worker lives."""
    return [found["lives"] for found in json.loads(cli.run("worker", "status", "--json").out)]


def test_status_tells_which_workers_live(lone_cli: "CommandLine") -> None:
    before = lone_cli.run("worker")
    assert (before.code, before.out) == (0, "")
    assert "No worker has run yet" in before.err
    lone_cli.run("call", "hello", "-m", "demo/echo")
    environment, word, log = lone_cli.run("worker", "status").out.strip().split("\t")
    assert (word, log.endswith(f"{environment}.log")) == ("lives", True)


async def test_a_worker_runs_in_the_foreground_until_ctrl_c(lone_cli: "CommandLine") -> None:
    with lone_cli.begun("worker", "run") as process:
        await until(lambda: lives(lone_cli) == [True])
        assert lone_cli.run("call", "hello", "-m", "demo/echo").out == "hello\n"
        second = lone_cli.run("worker", "run")
        assert second.code == 3
        assert "already lives" in second.err
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert b"Traceback" not in told
    assert lives(lone_cli) == [False]
