"""A server that its host ends leaves quietly."""

import signal

import pytest
from support.wire import wired


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_server_ended_by_a_signal_says_nothing_of_it(
    environ: dict[str, str], sent: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    async with wired(environ) as front:
        front.process.send_signal(sent)
        await front.process.wait()

    assert front.process.returncode == (130 if sent == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in capfd.readouterr().err
