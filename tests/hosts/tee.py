"""Runs the server over stdio, and keeps what it writes in the file that the first argument names."""

import subprocess
import sys
from pathlib import Path

with (
    Path(sys.argv[1]).open("ab", buffering=0) as kept,
    subprocess.Popen([sys.executable, "-m", "longcall_server"], stdout=subprocess.PIPE) as server,
):
    assert server.stdout is not None
    for line in server.stdout:
        kept.write(line)
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
