"""Starts the server in a desktop bundle with what the user configured.

What a user leaves empty reaches a server as nothing, as an empty string, or as the manifest's own `${user_config.…}`,
depending on the host. All three must mean the same.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from longcall_server.__main__ import main

_UNFILLED = re.compile(r"\$\{user_config\.\w+\}")


def configure(folders: list[str]) -> None:
    """Drops unfilled variables, and makes `folders` the roots; the first that exists becomes the project's folder.

    Without any, calls see no files: the folder in which a host starts a bundle is never the user's choice.
    """
    for name in [name for name, value in os.environ.items() if _UNFILLED.fullmatch(value)]:
        del os.environ[name]
    chosen = [folder for folder in folders if folder and not _UNFILLED.fullmatch(folder)]
    if chosen:
        os.environ["LONGCALL_ROOTS"] = os.pathsep.join(chosen)
    for folder in [*chosen, Path.home()]:
        with suppress(OSError):  # a disk that is not there today
            os.chdir(folder)
            return


if __name__ == "__main__":
    configure(sys.argv[1:])
    sys.argv = sys.argv[:1]
    main()
