"""Writing an answer to a file: whole or not at all, and over no other file unless that is wanted."""

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from longcall.errors import CallError
from longcall.files.roots import Roots


class FileThereError(CallError):
    """A file is there already and is not to be overwritten."""


def demand_writable(given: str, roots: Roots, *, overwrite: bool) -> Path:
    """Returns where a file would be written.

    Raises:
        FileThereError: it is there already and is not to be overwritten.
        CallError: it may not be there, or is a folder.
    """
    if given.endswith(("/", "\\")) or not given.strip():
        raise CallError(f"`output_file` {given!r} names no file; give it a name, as in out/answer.md.")
    path = roots.resolve(given, must_exist=False)
    if path.is_dir() or path in roots.folders:
        raise CallError(f"`output_file` {given!r} is a folder; name a file in it.")
    if next(folder for folder in path.parents if folder.exists()).is_file():
        raise CallError(
            f"`output_file` {given!r} cannot be written: a part of its path is a file, no folder. Name another path."
        )
    if path.exists() and not overwrite:
        raise FileThereError(f"`output_file` {given!r} is there already; name another file, or say `overwrite`.")
    return path


def write(given: str, text: str, roots: Roots, *, overwrite: bool) -> tuple[Path, int, str]:
    """Writes a file with the folders that it needs; returns its path, its bytes and their SHA-256.

    A file that holds the same text already is as good as written: an earlier worker may have done it.

    Raises:
        CallError: it cannot be written; nothing is left of it then.
    """
    path, data = roots.resolve(given, must_exist=False), text.encode()
    told = (path, len(data), hashlib.sha256(data).hexdigest())
    if _holds(path, data):
        return told
    demand_writable(given, roots, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        roots.resolve(str(path), must_exist=False)  # what was made may lead elsewhere, if somebody put a link there
        _place(path, data, os.replace if overwrite else _link)
    except FileExistsError:
        raise CallError(
            f"`output_file` {given!r} came to be meanwhile; name another file, or say `overwrite`."
        ) from None
    except OSError as error:
        raise CallError(f"`output_file` {given!r} cannot be written: {error.strerror}.") from None
    return told


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _place(path: Path, data: bytes, move: Callable[[Path, Path], None]) -> None:
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.draft")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        move(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _link(draft: Path, path: Path) -> None:
    # A link, unlike a move, fails where a file is; not every file system has links.
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        with path.open("xb") as file:
            file.write(draft.read_bytes())
