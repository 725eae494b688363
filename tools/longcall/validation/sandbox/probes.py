"""The proof that a sandbox must give before anything of a stranger's runs in it.

What must work works, and nothing of what must not be possible is. Whatever is reached for is on
this machine and made for the purpose.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longcall.validation.sandbox import Job, Limits, Sandbox, SandboxError

_LIMITS = Limits(wall_s=20.0, cpu_s=10.0, memory_mb=256, processes=24)
PROBE = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "probe", "{spec}", "{in}/config", "{result}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the probes of one sandbox came to."""

    backend: str
    trusted: bool
    detail: str
    """One sentence: why not, or what was shown."""


async def prove(sandbox: Sandbox) -> Proof:
    """Probes a sandbox. An error of its own is a failed proof."""
    if reason := sandbox.missing():
        return Proof(sandbox.name, trusted=False, detail=reason)
    with tempfile.TemporaryDirectory(prefix="longcall-probe-") as outer:
        try:
            told = await _probe(sandbox, Path(outer))
        except SandboxError as error:
            return Proof(sandbox.name, trusted=False, detail=str(error))
    if not told.get("works"):
        return Proof(sandbox.name, trusted=False, detail=f"ordinary code does not run in it: {told.get('said', '')}")
    if told["through"]:
        return Proof(sandbox.name, trusted=False, detail=f"these got out: {', '.join(told['through'])}")
    return Proof(sandbox.name, trusted=True, detail="all probes were held")


async def _probe(sandbox: Sandbox, outer: Path) -> dict[str, Any]:
    with _outside(outer) as config:
        folder = outer / "in"
        folder.mkdir(mode=0o755)
        (folder / "config").write_text(repr(config), "utf-8")
        outcome = await sandbox.run(Job(PROBE, folder, _LIMITS))
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in outcome.result.splitlines()]
        return {"works": lines[0]["works"], "through": [name for line in lines for name in line["through"]]}
    except (ValueError, IndexError):
        said = (outcome.stderr.strip() or outcome.stdout.strip())[-300:]
        return {"works": False, "said": f"{said} (exit {outcome.exit}, signal {outcome.signal}, {outcome.ended_by})"}


@contextmanager
def _outside(outer: Path) -> Generator[dict[str, Any]]:
    """Puts up what the probes reach for, and takes it down."""
    marker = secrets.token_hex(16)
    name = f"longcall-{secrets.token_hex(8)}"
    (outer / "secret").write_text(marker, "utf-8")
    (outer / "secret").chmod(0o644)
    bystander = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={"LONGCALL_PROBE_MARKER": marker},
    )
    before = os.environ.get("LONGCALL_PROBE_MARKER")
    os.environ["LONGCALL_PROBE_MARKER"] = marker
    listeners = [_listen(socket.AF_INET, ("127.0.0.1", 0))]
    if sys.platform == "linux":
        listeners.append(_listen(socket.AF_UNIX, f"\0{name}"))
    try:
        yield {
            "tcp": listeners[0].getsockname()[1],
            "unix": name,
            "secret": str(outer / "secret"),
            "marker": marker,
            "pid": bystander.pid,
            "processes": _LIMITS.processes,
            "memory_mb": _LIMITS.memory_mb,
        }
    finally:
        for listener in listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        bystander.kill()
        bystander.communicate()
        os.environ.pop("LONGCALL_PROBE_MARKER", None)
        if before is not None:
            os.environ["LONGCALL_PROBE_MARKER"] = before


def _listen(family: int, address: Any) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen()
    threading.Thread(target=_answer, args=(listener,), daemon=True).start()
    return listener


def _answer(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"outside")
