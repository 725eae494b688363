"""The way to a Session: an open task store, seen from one project folder."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from longcall.preparing import Desk, roots_of
from longcall.result import Fit, result_of
from longcall.session import Session
from longcall.settings import Settings
from longcall.tasks.client import open_client
from longcall.text import clean


@asynccontextmanager
async def open_session(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    project: Path | None = None,
    fit: Fit = result_of,
    is_operator: bool = False,
    opens_project: bool = True,
) -> AsyncGenerator[Session]:
    """Opens the task store, seen from one project folder (None: the current one).

    Only a session of the operator (the command line, a program of the user's own) takes calls that name commands.
    `opens_project` lets calls use the files in that folder, besides those in the operator's roots.

    Raises:
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    folder = project or Path.cwd()
    desk = Desk(settings, environ, roots_of(settings, folder if opens_project else None), is_operator, folder)
    async with open_client(settings, environ) as client:
        yield Session(client, clean(str(folder)), desk, fit)
