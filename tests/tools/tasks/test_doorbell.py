"""The hint on loopback that the store has changed."""

import socket

import anyio
import pytest
from support.processes import PATIENCE_S

from longcall.tasks.doorbell import LOOPBACK, Doorbell, open_doorbell

NEVER_S = 3600.0


async def rung(bell: Doorbell) -> None:
    """Returns when the bell was rung; fails when nobody does."""
    with anyio.fail_after(PATIENCE_S):
        await bell.wait(NEVER_S)


async def silent(bell: Doorbell) -> bool:
    """Whether nobody has rung."""
    with anyio.move_on_after(0.05) as scope:
        await bell.wait(NEVER_S)
    return scope.cancelled_caught


async def test_a_ring_wakes_whoever_waits():
    async with open_doorbell() as front, open_doorbell() as worker:
        front.ring(worker.port)
        await rung(worker)
        assert await silent(front)


async def test_a_ring_is_heard_once():
    async with open_doorbell() as front, open_doorbell() as worker:
        front.ring(worker.port)
        await rung(worker)
        assert await silent(worker)


async def test_a_wait_that_nobody_ends_ends_by_itself():
    async with open_doorbell() as bell:
        with anyio.fail_after(PATIENCE_S):
            await bell.wait(0)
            await bell.wait(0.01)
        assert await silent(bell)


async def test_whoever_rang_is_rung_back():
    async with open_doorbell() as front, open_doorbell() as other, open_doorbell() as worker:
        front.ring(worker.port)
        await rung(worker)
        worker.ring_listeners()
        await rung(front)
        assert await silent(other)


async def test_a_ring_at_the_own_door_wakes_it():
    async with open_doorbell() as bell:
        bell.ring_self()
        await rung(bell)
        assert await silent(bell)


async def test_a_ring_to_nobody_is_harmless():
    async with open_doorbell() as gone:
        port = gone.port
    async with open_doorbell() as front, open_doorbell() as worker:
        for door in (port, port, None):
            front.ring(door)
        front.ring(worker.port)
        await rung(worker)
        worker.ring(front.port)
        await rung(front)


async def test_a_listener_that_has_gone_keeps_no_ring_from_the_others():
    async with open_doorbell() as front, open_doorbell() as worker:
        async with open_doorbell() as gone:
            gone.ring(worker.port)
            await rung(worker)
        front.ring(worker.port)
        await rung(worker)
        for _ in range(3):
            worker.ring_listeners()
            await rung(front)


@pytest.mark.parametrize("junk", [b"", b"\0", b"x" * 9000])
async def test_whatever_comes_through_the_door_is_a_ring_and_no_more(junk: bytes):
    async with open_doorbell() as worker:
        assert worker.port is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(junk, (LOOPBACK, worker.port))
            await rung(worker)
        assert await silent(worker)


async def test_the_door_is_on_loopback_alone():
    async with open_doorbell() as bell:
        assert bell.port is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.2", bell.port))  # it would be taken if the door were open on every address


async def test_without_a_socket_an_end_is_deaf_and_mute_but_works():
    deaf = Doorbell(None)
    assert deaf.port is None
    async with open_doorbell() as worker:
        deaf.ring(worker.port)
        deaf.ring_listeners()
        await deaf.listen()
        assert await silent(worker)
    deaf.ring_self()
    await rung(deaf)
