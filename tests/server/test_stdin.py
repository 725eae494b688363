"""What a host sends is answered, whatever it did to the text."""

import json
import subprocess
import sys

import pytest
from support.processes import facts
from support.wire import wired

from longcall_server.stdin import mended

HALVES = {
    r"cut \ud83e": "cut \ufffd",
    r"\uD800\uDBFF cut twice": "\ufffd\ufffd cut twice",
    r"\udd86 the other half": "\ufffd the other half",
    r"whole \ud83e\udd86": "whole 🦆",
    r"no escape \\ud83e": r"no escape \ud83e",
}
CALL = (
    '{"jsonrpc": "2.0", "id": %d, "method": "tools/call", "params":'
    ' {"name": "llm_call", "arguments": {"prompt": "%s", "model": "demo/echo", "fresh": true}}}'
)


async def test_half_an_emoji_does_not_leave_the_host_without_an_answer(store: dict[str, str]) -> None:
    async with wired(store) as front:
        for number, (sent, answered) in enumerate(HALVES.items(), start=9):
            await front.send_line((CALL % (number, sent)).encode())
            text = (await front.answer(number))["result"]["content"][0]["text"]
            assert facts(text)["status"] == "completed"
            assert text.endswith("\n\n" + answered)


@pytest.mark.parametrize("line", ['{"a": "\\ud83e"', '{"a": 1}\n', "", '{"a": "ud83e"}\n'])
def test_a_line_without_such_a_half_or_without_json_is_left_as_it_is(line: str) -> None:
    assert mended(line) == line


def test_a_mended_line_means_the_same() -> None:
    sent = {"id": 2**70, "ratio": 0.1, "text": "a\nb \ud83e", "deep": [{"ok": None}]}
    assert json.loads(mended(json.dumps(sent) + "\n")) == {**sent, "text": "a\nb �"}


def test_whoever_reads_stdin_beside_the_server_takes_nothing_from_the_wire() -> None:
    reads = "from longcall_server.stdin import open_stdin\nopened = open_stdin()\nimport os\nprint([os.read(0, 9)])"
    ended = subprocess.run([sys.executable, "-c", reads], input=b"wire", capture_output=True, timeout=60, check=True)
    assert ended.stdout == b"[b'']\n"
