"""`longcall`: alone it serves MCP over stdio, with a command it is the command line."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Serves, or runs the command that the arguments name."""
    try:
        if len(sys.argv) == 1:
            from longcall_server.app import serve_stdio  # noqa: PLC0415  # a command needs no server, a server no command

            serve_stdio()
        else:
            from longcall.cli import main as run_command  # noqa: PLC0415

            run_command()
    except KeyboardInterrupt:  # hosts send it to end a server, also while it starts
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
