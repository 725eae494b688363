"""Starts the server.

The plugin names this file by its path, since `uv run NAME` may also run a folder of that name where it starts, and here
that is whatever project a user has opened.
"""

from longcall_server.__main__ import main

if __name__ == "__main__":
    main()
