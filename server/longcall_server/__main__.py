"""`longcall`: alone it serves MCP over stdio, with a command it is the command line."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer

_INTERRUPTED = 130


def main() -> None:
    """Serves, or runs the command that the arguments name."""
    try:
        if len(sys.argv) == 1:
            from longcall_server.app import serve_stdio  # noqa: PLC0415  # a command needs no server, a server no command

            serve_stdio()
        else:
            from longcall.cli import main as run  # noqa: PLC0415  # as above

            command_line()
            run()
    except KeyboardInterrupt:  # hosts send it to end a server, also while it starts
        sys.exit(_INTERRUPTED)


def command_line() -> "Typer":
    """Returns the command line with the commands that serve; to be called once."""
    from longcall.cli import app  # noqa: PLC0415  # as above
    from longcall_server.proxy.command import proxy  # noqa: PLC0415  # as above
    from longcall_server.serve import serve  # noqa: PLC0415  # as above

    app.command()(serve)  # here, since the library does not know the server
    app.command()(proxy)
    return app


if __name__ == "__main__":
    main()
