"""The seam between conversations and where they are kept: the part of a TaskStore that keeps what was said.

What is said comes in with the end of a task alone: one that is completed adds its messages and its answer in the same
transaction, and any other end adds nothing.
"""

from typing import Protocol

from longcall.conversation import Conversation, History, Turn
from longcall.errors import LongcallError


class ConversationMovedError(LongcallError):
    """More was said in a conversation than was heard of it, or it is gone: it is to be read again."""


class ConversationStore(Protocol):
    """Where conversations are kept. Every method may raise StoreError."""

    async def conversation(self, conversation: str) -> Conversation | None:
        """Returns the conversation of that id."""
        ...

    async def named_conversation(self, principal: str, project: str, name: str) -> Conversation | None:
        """Returns the conversation of that name that belongs to a principal and a project."""
        ...

    async def conversations(self, project: str | None, principal: str | None) -> list[Conversation]:
        """Returns those of one project or of all, of one principal or of all; the last used first."""
        ...

    async def history(self, conversation: Conversation) -> History:
        """Returns how large the turns of a conversation are."""
        ...

    async def turns(self, conversation: str) -> list[Turn]:
        """Returns all that was said in a conversation."""
        ...

    async def delete_conversation(self, conversation: str) -> None:
        """Deletes a conversation, if it is there; its tasks stay.

        Raises:
            ConversationBusyError: a task is at work in it, or has an answer that needs review.
        """
        ...
