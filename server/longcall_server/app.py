"""Builds the server and runs it: the only place where its parts meet."""

import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from inspect import getdoc

from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp_types import ToolAnnotations

from longcall.settings import Settings, SettingsError, here
from longcall_server import code_handler, handlers
from longcall_server.arguments import StrictServer
from longcall_server.listening import TaskListening
from longcall_server.opening import Opening, opening
from longcall_server.prompts import add_prompts
from longcall_server.resources import add_resources, list_recent
from longcall_server.stored_tasks import StoredTasks
from longcall_server.tasks_extension import TasksExtension, TaskSource

INSTRUCTIONS = """\
longcall lets you hand prompts to other models. A call is durable before it is sent: it survives timeouts, this chat \
and this server, and is never sent or paid twice behind your back.
- llm_call asks and waits. Status `completed` has the text. Status `working` means the model needs longer than your \
host waits: call poll_task with the task_id and wait_s=45 until the status changes. Do not repeat the llm_call.
- start_task returns at once; give `prompts` or `models` to fan out. poll_task reads the answers.
- With `conversation` a call goes on where the last one of that name ended, whichever model it asks; a task at work \
in it must end first.
- Say in `validate` what a good answer is and the model is asked again until it gives one; status `needs_review` \
means that you or the user must decide: use the text, or start_task(resume=task_id, guidance=…).
- poll_task without task_id lists recent tasks of this project: look there after a restart, before asking again.
- cancel_task stops the work and the connection to the provider.
- validate_code checks code, yours or another model's: static checks, and runs in a sandbox with `cases` or `tests`.
- list_models shows what has a key here. Status `interrupted` means the answer was lost after it may have been billed: \
ask the user before you pay again."""

_INTERRUPTED = 130


def build_server(
    settings: Settings,
    *,
    tasks: TaskSource | None = None,
    on_open: Callable[[Opening], None] | None = None,
    opens_project: bool = True,
) -> MCPServer[Opening]:
    """Returns the server with its tools, not yet running.

    `tasks` is where the MCP tasks come from; None takes those of the store. `on_open` is handed the task store's
    opening once the server runs. `opens_project` lets whoever asks use the files of the folder that the server runs in.
    """
    source = StoredTasks() if tasks is None else tasks
    bus = InMemorySubscriptionBus()

    @asynccontextmanager
    async def lifespan(_: MCPServer[Opening]) -> AsyncGenerator[Opening]:
        async with opening(settings, opens_project=opens_project) as found:
            if on_open is not None:
                on_open(found)
            yield found

    server = StrictServer[Opening](
        "longcall",
        version=version("longcall"),
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        extensions=[TasksExtension(source)],
        subscriptions=bus,
        middleware=[TaskListening(source, bus), list_recent],
    )
    # A call changes nothing on the user's side, so hosts may run several at once; each new one asks (and pays) anew.
    asking = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
    looking = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    stopping = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
    for tool, title, annotations in (
        (handlers.llm_call, "Ask a model", asking),
        (handlers.start_task, "Begin a task", asking),
        (handlers.poll_task, "Look at a task", looking),
        (handlers.cancel_task, "Stop a task", stopping),
        (code_handler.validate_code, "Check code", asking),
        (handlers.list_models, "List models", looking),
    ):
        server.add_tool(tool, title=title, description=getdoc(tool), annotations=annotations)
    add_resources(server)
    add_prompts(server)
    return server


def serve_stdio() -> None:
    """Serves MCP over stdin and stdout until the host closes them; logs go to stderr."""
    logging.getLogger("mcp").setLevel(logging.WARNING)
    signal.signal(signal.SIGINT, _leave)
    try:
        server = build_server(here())
    except SettingsError as error:
        sys.exit(f"longcall: {error}")
    server.run("stdio")


def _leave(_signal: int, _frame: object) -> None:
    # At once: an orderly end would wait for the thread that reads stdin, and what a front holds is all in the store.
    os._exit(_INTERRUPTED)
