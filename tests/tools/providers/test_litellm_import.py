"""What importing LiteLLM does to the process that does it; beside it, what it does when it is left to itself."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMPORTS = {
    "ours": "from longcall.providers.litellm import load_litellm; load_litellm()",
    "its own": "import litellm",
}
REPORT = "; import os, sys; print(os.environ.get('A_STRANGERS_API_BASE'), 'litellm' in sys.modules)"


@contextmanager
def listening() -> Generator[tuple[str, list[int]]]:
    """Yields the URL of a proxy that hangs up on everybody, and the list in which it counts them."""
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(1) != b"":
                        seen.append(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


@pytest.mark.parametrize(
    ("whose", "says", "connects"),
    [("ours", "None True\n", False), ("its own", "http://stranger.invalid True\n", True)],
)
def test_our_import_asks_nobody_and_loads_no_env_file_and_prints_nothing(
    tmp_path: Path, whose: str, says: str, connects: bool
) -> None:
    (tmp_path / ".env").write_text("A_STRANGERS_API_BASE=http://stranger.invalid\n")
    with listening() as (url, seen):
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), url)
        path = os.pathsep.join(entry for entry in sys.path if entry)
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS[whose] + REPORT],
            cwd=tmp_path,
            env={**os.environ, **proxies, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert done.stdout == says
    assert bool(seen) is connects
