"""What lies outside a sandbox, for attempts to reach: listeners on loopback, a file, a process."""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def outside(folder: Path) -> Generator[dict[str, Any]]:
    """Yields how to reach everything."""
    marker, name = secrets.token_hex(16), f"longcall-{secrets.token_hex(8)}"
    (folder / "secret").write_text(marker, "utf-8")
    (folder / "secret").chmod(0o666)
    bystander = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()", name],
        stdin=subprocess.PIPE,
        env={"MARKER": marker},
    )
    listeners = {
        "tcp4": listen(socket.AF_INET, ("127.0.0.1", 0)),
        "tcp6": listen(socket.AF_INET6, ("::1", 0)),
        "abstract": listen(socket.AF_UNIX, f"\0{name}"),
        "unix": listen(socket.AF_UNIX, str(folder / "socket")),
    }
    (folder / "socket").chmod(0o666)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    threading.Thread(target=echo, args=(udp,), daemon=True).start()
    try:
        yield {
            "tcp4": listeners["tcp4"].getsockname()[1],
            "tcp6": listeners["tcp6"].getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": name,
            "unix": str(folder / "socket"),
            "secret": str(folder / "secret"),
            "new": str(folder / "new"),
            "marker": marker,
            "bystander": name,
            "pid": bystander.pid,
        }
    finally:
        for listener in listeners.values():
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with suppress(OSError):
            udp.sendto(b"end", udp.getsockname())
        bystander.kill()
        bystander.communicate()


def listen(family: int, address: Any) -> socket.socket:
    """Returns a listener that says `outside` to whoever comes."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen()

    def answer() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"outside")

    threading.Thread(target=answer, daemon=True).start()
    return listener


def echo(udp: socket.socket) -> None:
    """Answers datagrams until one says `end`."""
    with udp:
        while True:
            said, sender = udp.recvfrom(16)
            if said == b"end":
                return
            udp.sendto(b"outside", sender)


def is_alive(pid: int) -> bool:
    """Whether a process of ours is there."""
    with suppress(OSError):
        os.kill(pid, 0)
        return True
    return False
