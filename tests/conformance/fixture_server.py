"""The server as its factory builds it, and the fixtures that the suite asks for, over HTTP on loopback.

Run with `python -m conformance.fixture_server [a fixture to leave out]`; it prints its URL as the first line.
"""

import os
import socket
import sys

import uvicorn
from conformance.contents import add_contents
from conformance.jobs import FixtureTasks, add_jobs
from conformance.questions import add_questions

from longcall.settings import read_settings
from longcall_server.app import build_server


def main(without: str | None) -> None:
    """Serves until it is killed."""
    tasks = FixtureTasks()
    server = build_server(read_settings(os.environ), tasks=tasks)
    add_contents(server, without)
    add_questions(server)
    add_jobs(server, tasks)
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    served = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), http="h11", log_level="warning"))
    served.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
