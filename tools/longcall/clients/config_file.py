"""A client's config file on the disk: read with care, and replaced whole or not at all."""

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from longcall.clients.formats import ConfigError

_MARK = "\ufeff"
"""Some editors begin a file with it; it is kept."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file as it was found."""

    path: Path
    """Where it really is: a link is followed, and stays."""
    found: bytes | None
    """What was in it; None: it was not there."""

    @property
    def text(self) -> str:
        """Its text.

        Raises:
            ConfigError: it is no UTF-8.
        """
        try:
            return (self.found or b"").decode().removeprefix(_MARK)
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{self.path} is no text in UTF-8 (byte {error.start}). It was left as it is; save it as UTF-8 first."
            ) from None

    def replace(self, text: str, *, private: bool) -> Path | None:
        """Replaces it in one step, with its mode; returns the copy that was made of it before, if there was one.

        Args:
            text: the new text.
            private: whether a new file is for its user's eyes alone.

        Raises:
            ConfigError: it was changed meanwhile, or cannot be written.
        """
        try:
            return self._replace(text, private=private)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror}. It was left as it is.") from None

    def _replace(self, text: str, *, private: bool) -> Path | None:
        marked = self.found is not None and self.found.startswith(_MARK.encode())
        new = ((_MARK if marked else "") + text).encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        backup = None
        if self.found is not None:
            backup = self.path.with_name(
                f"{self.path.name}.{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}.bak"
            )
            _write(backup, self.found, like=self.path, private=True)
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            _write(draft, new, like=self.path if self.found is not None else None, private=private)
            self._check()
            draft.replace(self.path)
        except BaseException:
            for made in (draft, backup):
                if made is not None:
                    made.unlink(missing_ok=True)
            raise
        _settle(self.path.parent)
        return backup

    def _check(self) -> None:
        if read(self.path).found != self.found:
            raise ConfigError(f"{self.path} was changed by another program meanwhile. It was left so; run this again.")


def read(path: Path) -> ConfigFile:
    """Reads a file; one that is not there holds nothing.

    Raises:
        ConfigError: it cannot be read.
    """
    real = Path(os.path.realpath(path))
    try:
        return ConfigFile(real, real.read_bytes())
    except FileNotFoundError:
        return ConfigFile(real, None)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None


def _write(path: Path, data: bytes, *, like: Path | None, private: bool) -> None:
    # Made with no more than its mode in the end, so that a key in it is never readable by others.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if like is not None or private else 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if like is not None:
            found = like.stat()
            path.chmod(found.st_mode & 0o7777)
            if hasattr(os, "chown"):
                with suppress(PermissionError):  # whoever runs this as another user keeps the owner
                    os.chown(path, found.st_uid, found.st_gid)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Makes the new name durable where folders can be synced."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
