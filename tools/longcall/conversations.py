"""Conversations at every door: begun, gone on with, listed, shown and deleted, by the operator or by one principal."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import anyio.to_thread

from longcall.call import Call
from longcall.conversation import Conversation, Heard, History, Turn, is_id, name_of
from longcall.errors import CallError, UnknownConversationError
from longcall.fan_out import FanOut
from longcall.models import new_task_id
from longcall.preparing import Desk
from longcall.tasks.added import Added
from longcall.tasks.client import TaskClient
from longcall.tasks.conversation_store import ConversationMovedError
from longcall.telemetry.context import traced


class Conversations:
    """The conversations of one project folder, as the operator (`principal` None) or one principal sees them.

    The operator sees everybody's, and goes on with those of the user of this machine (""). To a principal another's is
    unknown. Every method may raise StoreError.
    """

    def __init__(self, client: TaskClient, desk: Desk, project: str, principal: str | None) -> None:
        self._store = client.store
        self._client = client
        self._desk = desk
        self._project = project
        self._principal = principal

    async def all(self, *, everywhere: bool = False) -> list[Conversation]:
        """Returns those of this project folder, or of all; the last used first."""
        return await self._store.conversations(None if everywhere else self._project, self._principal)

    async def find(self, said: str) -> Conversation:
        """Returns the conversation of a name in this project, or of an id.

        Raises:
            UnknownConversationError: there is none.
        """
        found = await self._find(said, self._principal)
        if found is None:
            raise UnknownConversationError(said)
        return found

    async def turns(self, said: str) -> list[Turn]:
        """Returns all that was said in a conversation.

        Raises:
            UnknownConversationError: there is none of that name or id.
        """
        return await self._store.turns((await self.find(said)).id)

    async def delete(self, said: str) -> Conversation:
        """Deletes a conversation, and returns what it was; its tasks stay for as long as tasks are kept.

        Raises:
            ConversationBusyError: a task of it has not come to its end.
            UnknownConversationError: there is none of that name or id.
        """
        found = await self.find(said)
        await self._store.delete_conversation(found.id)
        return found

    async def history(self, said: str | None, asked: int = 1) -> History | None:
        """Returns what a call that names a conversation goes on with; None for a call that names none.

        Raises:
            CallError: it cannot be a name, or there are several calls, `asked`.
            UnknownConversationError: it is an id that no conversation of theirs has.
        """
        if said is None:
            return None
        if asked > 1:
            raise CallError(
                "A conversation goes on with one prompt and one model: leave `conversation` out to ask a group."
            )
        owner = self._principal or ""
        found = await self._find(said, owner)
        if found is None and is_id(said.strip()):
            raise UnknownConversationError(said)
        if found is None:
            return History(Conversation(new_task_id(), name_of(said), owner, self._project))
        return await self._store.history(found)

    async def start(
        self,
        said: str | None,
        calls: Sequence[Call],
        *,
        fresh: bool,
        idempotency_key: str | None,
        fan_out: FanOut | None = None,
    ) -> Added:
        """Begins the tasks of calls; one that names a conversation goes on with it.

        Raises:
            CallError: it cannot be gone on with so; nothing was stored.
        """
        start = partial(
            self._client.start, traced(calls), self._project, principal=self._principal or "", fresh=fresh,
            idempotency_key=idempotency_key, fan_out=fan_out,
        )  # fmt: skip
        while (history := await self.history(said, len(calls))) is not None:
            with suppress(ConversationMovedError):  # another process has said something meanwhile: heard anew
                return await start(heard=await self._heard(history, calls[0]))
        return await start()

    async def _heard(self, history: History, call: Call) -> Heard:
        from longcall.trimming import hear  # noqa: PLC0415  # most calls go on with nothing

        return await anyio.to_thread.run_sync(hear, history, call, self._desk.environ)

    async def _find(self, said: str, owner: str | None) -> Conversation | None:
        if is_id(said.strip()):
            found = await self._store.conversation(said.strip())
            return found if found is not None and owner in (None, found.principal) else None
        return await self._store.named_conversation(owner or "", self._project, name_of(said))
