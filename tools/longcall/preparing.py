"""From what a caller asks to calls that stand for themselves: files are read here, and never again."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from pydantic import ValidationError

from longcall.aliases import named, with_aliases
from longcall.call import Call
from longcall.calling import demand_served, new_call
from longcall.code_task import check_call
from longcall.conversation import History
from longcall.errors import CallError
from longcall.fan_out import FanOut, Wanted, combining_call
from longcall.files.roots import Roots, usable
from longcall.question import Question
from longcall.result import Result
from longcall.routing import may_batch
from longcall.settings import ModelSettings, Settings, TaskCaps, task_caps
from longcall.settings.task_caps import ARGUMENT

Pairs = Sequence[tuple[str | None, str | None]]
"""Prompts, each with the model that is asked."""
_BATCH_TIMEOUT_S = 90_000.0
"""Seconds that a call in a batch is given unless it says otherwise: providers take up to 24 h, and it waits besides."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where calls are made ready: with the operator's defaults, and the folders that they may use."""

    settings: Settings
    environ: Mapping[str, str]
    roots: tuple[str, ...]
    is_operator: bool = False
    folder: Path | None = None
    """The project's, whose file may lower what may be spent."""

    async def calls(self, pairs: Pairs, question: Question) -> list[Call]:
        """Returns a call for each pair of prompt and model, files included.

        Raises:
            CallError: it cannot be asked so.
        """
        files, calls = question.get("files"), self._plain(pairs, question)
        if not files:
            return calls
        return await anyio.to_thread.run_sync(self._attached, calls, files)

    async def fan_out(self, wanted: Wanted, question: Question) -> tuple[list[Call], FanOut]:
        """Returns the calls, files included, and how their group is run.

        Raises:
            CallError: it cannot be asked so.
        """
        calls = await self.calls(wanted.pairs, question)
        combiner = None
        if wanted.combine is not None and len(calls) > 1:
            models = {model for _, model in wanted.pairs}
            judge = self.settings.model if len(models) > 1 else calls[0].model
            combiner = self._meant(combining_call(calls, wanted.combine, judge))
        return calls, FanOut(wanted.at_once, wanted.keys, combiner)

    async def code(
        self, request: Mapping[str, Any], paths: Sequence[str], *, timeout_s: float | None, **judging: Any
    ) -> Call:
        """Returns a task that checks code; files are read now.

        Raises:
            CallError: it cannot be checked so.
        """
        if paths and (request.get("code") is not None or request.get("files")):
            raise CallError("Give either `code` or files, not both.")
        given = dict(request)
        if paths:
            given["files"] = await anyio.to_thread.run_sync(self._texts, paths)
        make = partial(check_call, given, timeout_s=timeout_s or self.settings.timeout_s, **judging)
        call = self._meant(await anyio.to_thread.run_sync(make))
        self._demand_allowed(call)
        return call.model_copy(update={"caps": self._caps(None)})

    def _caps(self, max_cost_usd: float | None) -> TaskCaps | None:
        try:
            return task_caps(self.settings, max_cost_usd, self.environ, self.folder)
        except ValidationError:
            raise CallError(f"`{ARGUMENT}` must be US dollars, 0 or more.") from None

    def _demand_allowed(self, call: Call) -> None:
        if call.names_commands and not self.is_operator:
            raise CallError("`mcp_config` names commands to run, which no tool argument may; name `servers` instead.")

    def _texts(self, paths: Sequence[str]) -> dict[str, str]:
        from longcall.files.gathering import gather  # noqa: PLC0415  # most calls have no files

        roots = Roots.of(self.roots)
        shown = [one for one in gather(paths, roots).shown if one.kind == "text"]
        if not shown:
            raise CallError("None of the files is a text.")
        return {one.path.rpartition("/")[2] if one.path.startswith("/") else one.path: one.text for one in shown}

    async def dry_run(self, pairs: Pairs, question: Question, history: History | None = None) -> Result:
        """Tells what the calls would send, after `history` where there is one; stores nothing.

        Raises:
            CallError: it could not be asked so.
        """
        calls, files = self._plain(pairs, question), question.get("files")
        if calls[0].obstacle is not None:
            raise CallError(calls[0].obstacle)
        return await anyio.to_thread.run_sync(self._told, calls, files or (), history)

    def _plain(self, pairs: Pairs, question: Question) -> list[Call]:
        given: dict[str, Any] = {name: value for name, value in question.items() if value is not None}
        files = given.pop("files", None)
        if files is not None and (isinstance(files, str) or not all(isinstance(entry, str) for entry in files)):
            raise CallError("`files` must be a list of paths.")
        caps = self._caps(given.pop(ARGUMENT, None))
        return [
            self._placed(self._new(prompt, model or self.settings.model, {**given, "caps": caps}))
            for prompt, model in pairs
        ]

    def _new(self, prompt: str | None, model: str | None, given: Mapping[str, Any]) -> Call:
        """Returns the call with what the operator has set for its model."""
        settings = self.settings
        name = model and named(model, settings.aliases)
        own = settings.models.get(model or "") or settings.models.get(name or "") or ModelSettings()
        defaults: dict[str, Any] = {
            "timeout_s": own.timeout_s or settings.timeout_s,
            "first_byte_s": own.first_byte_s or settings.first_byte_s,
            "idle_s": own.idle_s or settings.idle_s,
            "fallbacks": own.fallbacks or settings.fallbacks,
            "long_running": own.long_running,
            "poll_s": own.poll_s,
            "on_interrupt": settings.on_interrupt,
        }
        if given.get("urgency") == "batch":
            defaults |= _for_batches(defaults["fallbacks"], settings.aliases)
        return self._meant(new_call(prompt=prompt, model=name, **{**defaults, **given}))

    def _meant(self, call: Call) -> Call:
        """Returns the call with the models that its names stand for, each of which can be asked."""
        meant = with_aliases(call, self.settings.aliases)
        if meant is not call:  # who made the call has seen to the names in it
            demand_served(meant)
        return meant

    def _placed(self, call: Call) -> Call:
        """Returns the call with the folders that it may use, if it uses any."""
        self._demand_allowed(call)
        if call.output is not None:
            from longcall.files.writing import FileThereError, demand_writable  # noqa: PLC0415  # most calls write nothing

            try:
                demand_writable(call.output.path, Roots.of(self.roots), overwrite=call.output.overwrite)
            except FileThereError as error:  # it may be the answer to this very call
                call = call.model_copy(update={"obstacle": str(error)})
        stage = call.policy.tool_stage
        named = [call.servers, stage and stage.servers, *(judge.servers for judge in call.judges)]
        return call.model_copy(update={"roots": self.roots}) if call.output or any(named) else call

    def _attached(self, calls: Sequence[Call], files: Sequence[str]) -> list[Call]:
        from longcall.attaching import attach, demand_fits  # noqa: PLC0415  # most calls have no files
        from longcall.files.gathering import gather  # noqa: PLC0415  # as above

        gathered = gather(files, Roots.of(self.roots))
        for call in calls:
            demand_fits(call, gathered, self.environ, self.settings.prices)
        return [attach(call, gathered) for call in calls]

    def _told(self, calls: Sequence[Call], files: Sequence[str], history: History | None) -> Result:
        from longcall.attaching import dry_run  # noqa: PLC0415  # as above
        from longcall.catalog import price_list  # noqa: PLC0415  # as above
        from longcall.files.gathering import Gathered, gather  # noqa: PLC0415  # as above
        from longcall.money.prices import Prices  # noqa: PLC0415  # as above

        prices = Prices(self.settings.prices, cache(price_list), bills_claude=self.settings.claude_api_key)
        gathered = gather(files, Roots.of(self.roots)) if files else Gathered()
        return dry_run(calls, gathered, self.environ, prices, history)


def _for_batches(fallbacks: Sequence[str], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Returns the defaults of a call that can wait: no haste, and no fallback that takes no batches."""
    able = tuple(model for model in fallbacks if may_batch(named(model, aliases)))
    return {"timeout_s": _BATCH_TIMEOUT_S, "first_byte_s": None, "idle_s": None, "fallbacks": able}


def roots_of(settings: Settings, project: Path | None) -> tuple[str, ...]:
    """Returns the folders that calls may use: the project's, where it is one, and the operator's."""
    folders = [project] if project is not None and usable(project) else []
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in (*folders, *settings.roots)))
