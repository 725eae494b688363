"""Named tokens that let programs in over HTTP. Only their SHA-256 is kept: nobody can read a token from the file."""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from longcall.errors import CallError, LongcallError
from longcall.tasks.lock import held

OPERATOR = "operator"
"""The name that stands for LONGCALL_HTTP_TOKEN."""
VARIABLE = "LONGCALL_HTTP_TOKEN"
SHORTEST = 16
"""Characters that a token of the operator's own has at least."""
_PREFIX = "longcall_"
"""By this, scanners for leaked secrets know a token."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LOCK_S = 10.0


class TokenFileError(LongcallError):
    """The file of tokens cannot be used."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept."""

    name: str
    sha256: str
    """Hexadecimal."""
    created: str
    """UTC, ISO 8601."""


class TokenFile:
    """The tokens of one store, in `tokens.json` of its folder; changes by other processes are seen at once."""

    def __init__(self, home: Path) -> None:
        self._path = home / "tokens.json"
        self._seen: tuple[int, ...] | None = None
        self._tokens: list[Token] = []

    def tokens(self) -> list[Token]:
        """Returns the tokens by age, the oldest first; none when there is no file.

        Raises:
            TokenFileError: the file cannot be read.
        """
        with self._sentence("read"):
            found = self._stamp()
            if found is None:
                self._tokens = []
            elif found != self._seen:
                self._tokens = _parsed(self._path.read_text("utf-8"))
            self._seen = found
        return self._tokens

    def owner(self, presented: str) -> str | None:
        """Returns the name of a token that somebody presents; None when it is none of these.

        Raises:
            TokenFileError: the file cannot be read.
        """
        return match(presented, ((token.name, token.sha256) for token in self.tokens()))

    def add(self, name: str) -> str:
        """Makes a token and returns it; it can never be shown again.

        Raises:
            CallError: the name is taken, or cannot be one.
            TokenFileError: the file cannot be read or written.
        """
        if not _NAME.fullmatch(name):
            raise CallError(
                f"A token cannot be named {name!r}: take up to 64 of the characters A-Z a-z 0-9 . _ -, a letter or"
                " digit first."
            )
        if name == OPERATOR:
            raise CallError(f"The name {OPERATOR!r} stands for {VARIABLE}; take another.")
        token = _PREFIX + secrets.token_urlsafe(32)
        with self._changing() as tokens:
            if any(name == other.name for other in tokens):
                raise CallError(f"There is a token named {name!r} already; remove it first, or take another name.")
            tokens.append(Token(name, digest(token), datetime.now(UTC).isoformat(timespec="seconds")))
        return token

    def remove(self, name: str) -> None:
        """Takes a token away; whoever has it is turned away from then on.

        Raises:
            CallError: there is no such token.
            TokenFileError: the file cannot be read or written.
        """
        with self._changing() as tokens:
            kept = [token for token in tokens if token.name != name]
            if len(kept) == len(tokens):
                raise CallError(f"There is no token named {name!r}; `longcall token list` tells which there are.")
            tokens[:] = kept

    @contextmanager
    def _changing(self) -> Generator[list[Token]]:
        """Yields the tokens to be changed; nobody else changes them meanwhile."""
        with self._sentence("written"), held(self._path.with_suffix(".lock"), timeout=_LOCK_S) as ours:
            if not ours:
                raise TokenFileError(f"Another process has been changing {self._path} for {_LOCK_S:g} s; try again.")
            tokens = list(self.tokens())
            yield tokens
            self._write(tokens)

    def _write(self, tokens: list[Token]) -> None:
        draft = self._path.with_name(f".tokens-{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump({"tokens": [asdict(token) for token in tokens]}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()

    def _stamp(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _sentence(self, done: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise TokenFileError(f"The file of tokens {self._path} cannot be {done} ({error.strerror}).") from error
        except (ValueError, TypeError, KeyError) as error:
            raise TokenFileError(
                f"The file of tokens {self._path} is broken; remove it and make the tokens anew with"
                " `longcall token add NAME`."
            ) from error


def _parsed(text: str) -> list[Token]:
    return [Token(str(kept["name"]), str(kept["sha256"]), str(kept["created"])) for kept in json.loads(text)["tokens"]]


def digest(token: str) -> str:
    """Returns the SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def match(presented: str, candidates: Iterable[tuple[str, str]]) -> str | None:
    """Returns which of the candidates (name, SHA-256) was presented, in a time that does not depend on it."""
    found, looked_for = None, digest(presented)
    for name, sha256 in candidates:
        if hmac.compare_digest(looked_for.encode(), sha256.encode()):
            found = name
    return found
