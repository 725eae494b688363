"""Runs one command under sandlock, as a process of its own: `python -I sandlock_runner.py POLICY COMMAND …`.

sandlock closes every descriptor but the three standard ones, so that what the command tells comes through a named pipe
in its folder, and is passed on to the descriptor that POLICY names as `result`. Whatever the command leaves behind
falls to this process, and ends with it.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import sandlock  # pyright: ignore[reportMissingTypeStubs]

_SUBREAPER = 36


def main() -> int:
    """Returns the command's exit code, or 128 and the number of the signal that ended it."""
    policy = json.loads(sys.argv[1])
    descriptor = int(policy.pop("result"))
    os.set_inheritable(descriptor, False)  # noqa: FBT003  # it takes it so alone
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    pipe = os.open(policy.pop("pipe"), os.O_RDWR | os.O_NONBLOCK)
    done = threading.Event()
    relay = threading.Thread(target=_relay, args=(pipe, descriptor, done))
    relay.start()
    try:
        result = _wait(sandlock.Sandbox(**policy))
    finally:
        _end_children()
        done.set()
        relay.join()
    return 128 + result.signal if result.signal > 0 else result.exit_code


def _wait(box: Any) -> Any:
    return box.popen(sys.argv[2:]).wait()


def _relay(pipe: int, descriptor: int, done: threading.Event) -> None:
    while True:
        last = done.wait(0.002)
        try:
            while chunk := os.read(pipe, 65536):
                os.write(descriptor, chunk)
        except BlockingIOError:
            if last:
                return


def _end_children() -> None:
    for _ in range(50):
        own = [thread / "children" for thread in Path("/proc/self/task").iterdir()]
        children = [int(child) for path in own for child in path.read_text("ascii").split()]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    sys.exit(main())
