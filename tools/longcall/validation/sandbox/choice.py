"""Which sandbox runs code here: the first that proves itself. The proof is given once in each process."""

import os
from collections.abc import Sequence

import anyio
from anyio.lowlevel import RunVar

from longcall.validation.sandbox import Sandbox
from longcall.validation.sandbox.bubblewrap import Bubblewrap, find_bwraps
from longcall.validation.sandbox.container import Container
from longcall.validation.sandbox.probes import Proof, prove
from longcall.validation.sandbox.sandlock import Sandlock
from longcall.validation.sandbox.seatbelt import Seatbelt
from longcall.validation.sandbox.unsandboxed import Unsandboxed

_proofs: dict[tuple[object, ...], Proof] = {}
_lock: RunVar[anyio.Lock] = RunVar("longcall_sandbox_choice")


def backends() -> Sequence[Sandbox]:
    """Returns every sandbox that may be tried here, in the order of preference."""
    wrapped = [Bubblewrap(path) for path in find_bwraps()] or [Bubblewrap(None)]
    everything: list[Sandbox] = [Container(), *wrapped, Sandlock(), Seatbelt()]
    only = os.environ.get("LONGCALL_SANDBOX", "").strip()
    return [backend for backend in everything if not only or backend.name == only]


async def proofs() -> list[Proof]:
    """Returns the proof of every backend, for a doctor to show."""
    return [await _proof(backend) for backend in backends()]


async def choose() -> tuple[Sandbox | None, str]:
    """Returns the sandbox to use, or None, and why: nothing is run where none proved itself.

    Without any, an operator's LONGCALL_UNSANDBOXED=1 lets code run as it is.
    """
    failed: list[str] = []
    for backend in backends():
        proof = await _proof(backend)
        if proof.trusted:
            return backend, proof.detail
        failed.append(f"{proof.backend}: {proof.detail}")
    bare = Unsandboxed()
    if bare.missing() is None:
        return bare, "the operator allows to run code without a sandbox"
    return None, "; ".join(failed)


async def _proof(backend: Sandbox) -> Proof:
    key = _key(backend)
    try:
        lock = _lock.get()
    except LookupError:
        lock = anyio.Lock()
        _lock.set(lock)
    async with lock:
        if key not in _proofs:
            _proofs[key] = await prove(backend)
        return _proofs[key]


def _key(backend: Sandbox) -> tuple[object, ...]:
    told = ("LONGCALL_SANDBOX_PYTHON", "LONGCALL_CONTAINER", "LONGCALL_CONTAINER_PYTHON")
    return backend.name, getattr(backend, "path", None), os.getpid(), *(os.environ.get(name) for name in told)


def forget_proofs() -> None:
    """Has every sandbox prove itself anew before its next use."""
    _proofs.clear()
