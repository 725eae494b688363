"""The seccomp filter: a small program for the kernel that refuses system calls no submission needs.

Namespaces keep files, processes and the network away; this takes away what namespaces leave in reach: keyrings,
debuggers, BPF, io_uring, the mount calls, namespaces within, and sockets of every family but IP and Unix. Numbers are
data, in `seccomp.json`, one list for each architecture.
"""

import json
import platform
import struct
from functools import cache
from pathlib import Path
from typing import Any

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NUMBER_AT, _ARCH_AT, _FIRST_AT, _SECOND_AT = 0, 4, 16, 24
"""Offsets in the kernel's struct seccomp_data; of an argument, its low half (both architectures are little-endian)."""
_NEW_NAMESPACES = 0x7E020080
"""Every CLONE_NEW… flag."""


class UnknownArchitectureError(LookupError):
    """There is no list of numbers for this machine."""


@cache
def program(machine: str | None = None) -> bytes:
    """Returns the filter as the bytes that `bwrap --seccomp` and seccomp(2) take.

    Raises:
        UnknownArchitectureError: there is no list of numbers for this machine.
    """
    tables: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("seccomp.json").read_text("utf-8"))
    name = machine or platform.machine()
    name = {"arm64": "aarch64", "AMD64": "x86_64"}.get(name, name)
    if name not in tables:
        raise UnknownArchitectureError(name)
    return b"".join(struct.pack("<HBBI", *step) for step in _steps(tables[name]))


def _steps(table: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    numbers: dict[str, int] = table["numbers"]
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, table["audit_arch"]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        # The x32 calls of x86-64 have numbers of their own, and would walk round every line below.
        (_AT_LEAST, 0, 1, 0x40000000),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    steps += _refused(numbers["clone3"], _ENOSYS)  # its flags lie in memory; the C library falls back to clone
    for number in table["refused"]:
        steps += _refused(numbers[number], _EPERM)
    steps += _clone(numbers["clone"])
    for call in ("socket", "socketpair"):
        steps += _socket(numbers[call])
    steps += _ioctl(numbers["ioctl"])
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _refused(number: int, error: int) -> list[tuple[int, int, int, int]]:
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]


def _clone(number: int) -> list[tuple[int, int, int, int]]:
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_AT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _socket(number: int) -> list[tuple[int, int, int, int]]:
    unix, ip4, ip6 = 1, 2, 10
    return [
        (_EQUAL, 0, 6, number),
        (_LOAD, 0, 0, _FIRST_AT),
        (_EQUAL, 3, 0, unix),
        (_EQUAL, 2, 0, ip4),
        (_EQUAL, 1, 0, ip6),
        (_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _ioctl(number: int) -> list[tuple[int, int, int, int]]:
    push_input, console = 0x5412, 0x541C  # TIOCSTI and TIOCLINUX type on a terminal in another's name
    return [
        (_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _SECOND_AT),
        (_EQUAL, 1, 0, push_input),
        (_EQUAL, 0, 1, console),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
