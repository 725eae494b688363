"""Claude through its own command line: `max/…`, one process a call, on the subscription that it is logged in to.

ANTHROPIC_API_KEY, which is there for LiteLLM, is not passed on: the command line would bill it instead of the
subscription. LONGCALL_CLAUDE_API_KEY=1 passes it on. What a call costs is told at the API's list price, as the command
line reckons it, whoever pays. Its session is not kept; its id is in the worker's log.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from longcall.call import Call
from longcall.files.roots import Roots
from longcall.mcp_client.filesystem import NAME, READING, stand_in
from longcall.providers import Event, Provider, Sending
from longcall.providers.claude_config import allowed_tools, claude_command, claude_environ, gathers, left_out
from longcall.providers.claude_errors import cannot_keep, cannot_start, failure, no_result, not_installed
from longcall.providers.claude_names import PATH_VARIABLES, find_cli, who
from longcall.providers.claude_process import Folder, Running, make_folder, run
from longcall.providers.claude_stream import Heard
from longcall.providers.claude_turns import turns
from longcall.servers import Servers, chosen_servers, given_servers, server_names
from longcall.settings import Settings


@dataclass(frozen=True, slots=True)
class _Run:
    """What is started for a call."""

    command: list[str]
    prompt: Path
    environ: dict[str, str]
    streams: bool
    notes: list[str]


class ClaudeCLIProvider(Provider):
    """Answers `max/…` models; see `longcall.providers.Provider`."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._room = anyio.CapacityLimiter(settings.claude_at_once)

    async def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Runs the command line once and yields the answer; closing the generator ends it and all it started.

        Raises:
            CallError: it cannot be asked so: an unknown server, or a part of a message that is no text and no image.
            ProviderError: `not_installed`, `not_logged_in`, `usage_limit` and others of `claude_errors`.
        """
        cli = await anyio.to_thread.run_sync(self._find)
        turn = object()
        await self._room.acquire_on_behalf_of(turn)
        try:
            folder = await anyio.to_thread.run_sync(make_folder)
            try:
                planned = await anyio.to_thread.run_sync(self._plan, cli, call, folder)
                await sending()
                async with aclosing(_answer(call, planned, folder)) as events:
                    async for event in events:
                        yield event
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(folder.remove)
        finally:
            self._room.release_on_behalf_of(turn)

    def _find(self) -> Path:
        cli = find_cli(self._environ)
        if cli is None:
            raise not_installed(next((self._environ[name] for name in PATH_VARIABLES if self._environ.get(name)), None))
        return cli

    def _plan(self, cli: Path, call: Call, folder: Folder) -> _Run:
        if call.background:
            raise cannot_keep(call.model)
        settings, asked = self._settings, who(call.model, self._settings.claude_labels)
        servers, allowed = self._servers(call, every=asked.every_server)
        said = turns(call, asked.system)
        command, prompt = claude_command(
            cli,
            call,
            said,
            folder,
            model=asked.model,
            servers=servers,
            allowed=allowed,
            skip_permissions=settings.claude_skip_permissions,
            bills=settings.claude_api_key,
        )
        environ = claude_environ(self._environ, folder, api_key=settings.claude_api_key, servers=servers)
        return _Run(command, prompt, environ, not gathers(call, servers), left_out(call, said))

    def _servers(self, call: Call, *, every: bool) -> tuple[Servers, list[str]]:
        """Returns the servers of a call, and their tools that may be used as the command line names them."""
        given, config = given_servers(call.mcp_config), self._settings.mcp_config
        own = server_names(config)
        names = call.servers or (own if every and not given else ())
        servers = {
            **chosen_servers([name for name in names if name in own or name != NAME], config, self._environ),
            **given,
        }
        reading: frozenset[str] | None = None
        if NAME in names and NAME not in servers:
            # The stand-in, since nobody stands between Claude and a server to refuse secrets; and it needs no Node.
            servers[NAME] = {"type": "stdio", **stand_in(_roots(call))}
            reading = None if NAME in self._settings.writable_servers else READING
        return servers, allowed_tools(servers, call.tools, {NAME: reading} if reading is not None else {})


def _roots(call: Call) -> tuple[str, ...]:
    if not call.roots:
        Roots(()).resolve(".")  # says what is missing
    return call.roots


async def _answer(call: Call, planned: _Run, folder: Folder) -> AsyncGenerator[Event]:
    try:
        running = await run(planned.command, folder, planned.prompt, planned.environ)
    except OSError as error:
        raise cannot_start(error) from error
    try:
        heard = Heard(call, streams=planned.streams)
        async with aclosing(running.lines()) as lines:
            async for line in lines:
                for text in heard.take(line):
                    yield text
                if call.is_watched:
                    yield ""  # it lives, though it only thinks or uses tools
                if heard.result is not None:
                    break
        await _check(call, heard, running)
        if rest := heard.rest():
            yield rest
        yield heard.completion(planned.notes)
    finally:
        await running.stop()


async def _check(call: Call, heard: Heard, running: Running) -> None:
    """Waits until it has left, with its servers; raises what it has told when that is no answer."""
    exit_code = await running.exit_code()
    if heard.result is None:
        raise no_result(call.model, heard, exit_code, running.last_words())
    if not heard.is_answer():
        raise failure(call.model, heard)
