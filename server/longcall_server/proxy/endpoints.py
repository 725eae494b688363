"""What the proxy answers, one method for each path."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.metadata import version
from typing import Any

import anyio
import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from longcall import Session
from longcall.catalog import Model, proxied_models
from longcall.models import Task
from longcall.routing import Route, route
from longcall.settings import Settings, keyed
from longcall_server.connection import while_connected
from longcall_server.opening import Opening
from longcall_server.principal import owner_of
from longcall_server.proxy.answers import completion_of, line_of, status_of
from longcall_server.proxy.asked import VIA, Asked, read_asked
from longcall_server.proxy.problems import TASK_HEADER, ProblemError, problem_with, status_path, still_working
from longcall_server.proxy.streamed import LOOK_S, Streamed

_LOOK_S = 2.0
"""Seconds between looks for whoever wants the whole answer: its end is told without any."""
_BEGUN = "Task submitted for background execution"


class Endpoints:
    """The proxy's answers; `opened` must be called before the first that needs a task."""

    def __init__(self, settings: Settings, max_bytes: int) -> None:
        self._settings = settings
        self._max_bytes = max_bytes
        self._version = version("longcall")
        self._opening: Opening
        self._waiting = 0

    def opened(self, opening: Opening) -> None:
        """Takes the task store's opening."""
        self._opening = opening

    async def health(self, _: Request) -> Response:
        """Tells that the proxy is here, from memory alone, whatever runs: it looks at no store and no worker."""
        facts = {"status": "ok", "service": "longcall proxy", "version": self._version}
        return JSONResponse({**facts, "polling_support": True, "mcp_support": True, "waiting": self._waiting})

    async def complete(self, request: Request) -> Response:
        """Answers a chat completion, by a task that outlives the request."""
        passed_on = VIA in request.headers.get("via", "")
        asked = read_asked(await self._body(request), passed_on=passed_on)
        if passed_on:
            self._demand_no_circle(asked)
        session = await self._session(request)
        key = request.headers.get("idempotency-key") or None
        added = await session.begin(asked.prompt, fresh=asked.fresh, idempotency_key=key, **asked.question)
        request.state.task_id = added.id
        named, attached = {TASK_HEADER: added.id}, added.attached
        if asked.polling:
            told = {"task_id": added.id, "status": "pending", "message": _BEGUN, "polling_url": status_path(added.id)}
            return JSONResponse(told, headers=named)
        self._waiting += 1
        try:
            if asked.stream:
                return await self._stream(request, session, asked, added.id, attached)
            task = await self._ended(request, session, added.id, asked.wait_s)
        finally:
            self._waiting -= 1
        handed = _handed(session, task)
        if problem := problem_with(task):
            answer = problem.response(task.id)
            answer.background = handed
            return answer
        body = completion_of(task, json_alone=asked.json_alone, attached=attached)
        return JSONResponse(body, headers=named, background=handed)

    async def _ended(self, request: Request, session: Session, task_id: str, wait_s: float | None) -> Task:
        async with while_connected(request.scope, request.receive), aclosing(session.follow(task_id, _LOOK_S)) as tasks:
            with anyio.move_on_after(wait_s):
                async for task in tasks:
                    if task.state.is_final:
                        return task
        raise still_working(task_id, wait_s)

    async def _stream(
        self, request: Request, session: Session, asked: Asked, task_id: str, attached: str | None
    ) -> Response:
        tasks = session.follow(task_id, LOOK_S)
        streamed = Streamed(tasks, asked, request.scope, attached)
        try:
            await streamed.begin(request.receive)
        except BaseException:
            await tasks.aclose()
            raise

        async def events() -> AsyncGenerator[str]:
            self._waiting += 1
            try:
                async with aclosing(tasks), aclosing(streamed.events()) as told:
                    async for event in told:
                        yield event
                if streamed.task is not None:
                    session.client.delivered(streamed.task)  # only now has its last word been sent
            finally:
                self._waiting -= 1

        headers = {TASK_HEADER: task_id, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(events(), headers=headers, media_type="text/event-stream")

    async def models(self, _: Request) -> Response:
        """Lists the models that can be asked here, Claude's own first."""
        found = await anyio.to_thread.run_sync(proxied_models, keyed())
        return JSONResponse({"object": "list", "data": [_model(model) for model in found]})

    async def model(self, request: Request) -> Response:
        """Tells of one model that is listed."""
        name = request.path_params["name"]
        found = await anyio.to_thread.run_sync(proxied_models, keyed())
        for model in found:
            if model.name == name:
                return JSONResponse(_model(model))
        message = f"The model {name!r} is not listed here; any LiteLLM name provider/model can be asked all the same."
        raise ProblemError(404, message, param="model", code="model_not_found")

    async def status(self, request: Request) -> Response:
        """Tells of a task; a final answer counts as handed over with it."""
        session = await self._session(request)
        task = await session.look(request.path_params["task_id"])
        named = {TASK_HEADER: task.id}
        return JSONResponse(status_of(task), headers=named, background=_handed(session, task))

    async def cancel(self, request: Request) -> Response:
        """Stops a task, down to its connection to the provider."""
        session = await self._session(request)
        task = await session.look(request.path_params["task_id"])
        if task.state.is_final:
            raise ProblemError(
                404, f"The task {task.id} cannot be cancelled: it has ended as {task.state}.", code="ended"
            )
        result = await session.cancel_task(task.id)
        told = {"message": f"Task {task.id} {result.status}", "task_id": task.id, "status": result.status}
        return JSONResponse(told, headers={TASK_HEADER: task.id})

    async def active(self, request: Request) -> Response:
        """Lists the tasks that have not ended, whatever process began them."""
        tasks = await (await self._session(request)).active()
        return JSONResponse({"active_tasks": [line_of(task) for task in tasks], "count": len(tasks)})

    async def _session(self, request: Request) -> Session:
        return (await self._opening.session()).as_principal(owner_of(request.scope))

    async def _body(self, request: Request) -> Any:
        read = bytearray()
        async for piece in request.stream():
            read += piece
            if len(read) > self._max_bytes:
                message = f"The request has more than {self._max_bytes:,} bytes; the operator's --max-request-mb allows"
                raise ProblemError(413, f"{message} no more.", headers={"Connection": "close"})
        try:
            return json.loads(read)
        except (ValueError, RecursionError):
            raise ProblemError(
                400, "The body of the request is no JSON; send a JSON object with `model` and `messages`."
            ) from None

    def _demand_no_circle(self, asked: Asked) -> None:
        model = asked.question.get("model") or self._settings.model or ""
        if self._settings.claude_proxy_url and route(model) is Route.CLAUDE:
            raise ProblemError(
                400,
                "Another longcall passed this call on, and LONGCALL_CLAUDE_PROXY_URL would have it passed on again:"
                " unset it where the command line is.",
                code="circle",
            )


def _handed(session: Session, task: Task) -> BackgroundTask:
    """Returns what is to be done once the answer has been sent."""

    async def note() -> None:  # a plain function would run in a thread
        session.client.delivered(task)

    return BackgroundTask(note)


def _model(model: Model) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.provider}
