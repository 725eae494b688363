"""The texts of a group's members, read for whoever is told of the group."""

from dataclasses import replace

from longcall.lines import reach
from longcall.models import Task
from longcall.page import Page
from longcall.tasks.store import TaskStore


async def with_texts(group: Task, page: Page, store: TaskStore) -> Task:
    """Returns a group with the texts of those members on the page that have ended, as far as one result may hold them.

    Raises:
        StoreError: they cannot be read.
    """
    last = reach(group.members, page.offset, page.limit) - 1
    texts = await store.texts(group.id, page.offset, last)
    members = tuple(replace(member, text=texts.get(member.id, "")) for member in group.members)
    return replace(group, members=members)
