"""Where a server listens over HTTP, and under which names it is known there."""

import errno
import ipaddress
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from longcall.errors import CallError

HEALTH = "/health"
WELL_KNOWN = "/.well-known/"
"""Where clients look for an authorization server before they give up on a 401; here they find nothing."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ANY = ("0.0.0.0", "::")  # noqa: S104  # compared with, not bound to
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Binding:
    """What the operator wants of the HTTP server."""

    host: str = "127.0.0.1"
    port: int = 8020
    """0 takes a free one."""
    path: str = "/mcp"
    allow_hosts: list[str] = field(default_factory=list[str])
    """More names, with or without a port, under which clients reach the server."""
    allow_origins: list[str] = field(default_factory=list[str])
    """Origins whose pages may use the server from a browser."""
    require_token: bool = False
    """Whether a token is needed on loopback too; it always is elsewhere."""
    max_request_mb: int = 10

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            CallError: the sentence names the option.
        """
        if not _PATH.fullmatch(self.path) or self.path == HEALTH or self.path.startswith(WELL_KNOWN):
            raise CallError(f"`--path` is {self.path!r}, but must be a path like /mcp, and not {HEALTH}.")
        for host in self.allow_hosts:
            if not _HOST.fullmatch(_bracketed(host)):
                raise CallError(f"`--allow-host` is {host!r}, but must be a name or address, with a port if you like.")
        for origin in self.allow_origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
                or not parts.netloc
            ):
                raise CallError(f"`--allow-origin` is {origin!r}, but must be like https://app.example.com.")

    @property
    def max_request_bytes(self) -> int:
        """The largest body of a request that is read."""
        return self.max_request_mb * 1_000_000

    @property
    def needs_token(self) -> bool:
        """Whether nobody comes in without a token."""
        return self.require_token or not self.is_loopback

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """Where a client on this machine, or one that knows its name, finds the server."""
        name = socket.gethostname() if self.host in _ANY else self.host
        return f"http://{_bracketed(name)}:{self.port}{self.path}"

    def hosts(self) -> list[str]:
        """Returns the Host headers that are ours; `name:*` stands for any port."""
        known = [*_LOOPBACK, _bracketed(self.host)]
        if not self.is_loopback:
            known += [socket.gethostname(), *_addresses()]
        names = [_bracketed(name) for name in (*known, *self.allow_hosts)]
        plain = [name for name in names if not re.search(r":\d+$", name.rpartition("]")[2])]
        return list(dict.fromkeys([*names, *(f"{name}:*" for name in plain)]))

    def origins(self) -> list[str]:
        """Returns the origins whose pages may send requests; see the SDK for the loopback ones."""
        local = [f"http://{name}:*" for name in _LOOPBACK] if self.is_loopback else []
        return [*local, *self.allow_origins]

    def bind(self) -> tuple["Binding", socket.socket]:
        """Takes the port; returns the binding with its number, and the socket.

        Raises:
            CallError: it cannot be had.
        """
        try:
            family, *_, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            both = self.host == "::" and socket.has_dualstack_ipv6()
            bound = socket.create_server(address[:2], family=family, backlog=2048, dualstack_ipv6=both)
        except (OSError, OverflowError) as error:
            reason, other = _reason(error)
            raise CallError(f"Nothing can listen on {self.host} port {self.port} ({reason}). {other}") from error
        # Named TCP, or asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for the client's late ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=bound.detach())
        return replace(self, port=listener.getsockname()[1]), listener


def _reason(error: OSError | OverflowError) -> tuple[str, str]:
    """Returns why nothing can listen there, and what to do instead."""
    port = "Take another port with --port, or --port 0 for a free one."
    if isinstance(error, OverflowError):
        return "there is no such port", port
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or str(error), "Take another name or address with --host."
    # The error's own words repeat the address.
    there_is_none = error.errno == errno.EADDRNOTAVAIL
    return os.strerror(error.errno), "Take an address of this machine with --host." if there_is_none else port


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _addresses() -> list[str]:
    """Returns the addresses by which this machine reaches others; nothing is sent to find them."""
    found: list[str] = []
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(str(probe.getsockname()[0]))
    return found
