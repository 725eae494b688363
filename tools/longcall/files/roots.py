"""The folders below which files may be read and written. Every file is found through here."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from longcall.errors import CallError
from longcall.files.secrets import secret_part

_NEVER = tuple(Path(folder) for folder in ("/proc", "/sys", "/dev"))
"""What is in there are no files, whatever the roots are: /proc/self/environ holds the keys."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Roots:
    """Folders, resolved; relative paths begin at the first one."""

    folders: tuple[Path, ...]

    @classmethod
    def of(cls, folders: Sequence[str]) -> "Roots":
        """Returns the roots that a task carries; those that are no folders any more are left out."""
        return cls(tuple(Path(folder).resolve() for folder in folders if Path(folder).is_dir()))

    def resolve(self, given: str, *, must_exist: bool = True) -> Path:
        """Returns where `given` really is, symlinks followed.

        Raises:
            CallError: it is outside the roots, there are none, it is refused by name, or is not there.
        """
        if not self.folders:
            raise CallError(
                f"{given!r} cannot be used: there is no folder in which files may be read or written. Run the server"
                " in the project's folder (not in / or your home), or name folders in LONGCALL_ROOTS."
            )
        if "\0" in given:
            raise CallError(f"The path {given!r} holds the character NUL, which no path may; leave it out.")
        try:
            path = Path(os.path.realpath(self.folders[0] / Path(given).expanduser(), strict=must_exist))
        except (OSError, RuntimeError, ValueError) as error:
            self._demand_inside(given, Path(os.path.realpath(self.folders[0] / given)))
            reason = error.strerror if isinstance(error, OSError) else None
            if isinstance(error, FileNotFoundError):
                reason = f"there is no such file; relative paths begin at {self.folders[0]}"
            raise CallError(f"{given!r} cannot be used: {reason or 'it is no path'}.") from None
        self._demand_inside(given, path)
        return path

    def _demand_inside(self, given: str, path: Path) -> None:
        if not self.holds(path):
            allowed = ", ".join(str(folder) for folder in self.folders)
            raise CallError(
                f"{given!r} is outside the folders that may be used: {allowed}. Name a path in there, or have its"
                " folder added to LONGCALL_ROOTS."
            )
        for tried in (path, Path(given)):
            if part := secret_part(self.relative(tried)):
                raise CallError(f"{given!r} is refused for its name ({part}): such files hold secrets. Leave it out.")

    def holds(self, path: Path) -> bool:
        """Whether a resolved path is in one of the folders."""
        if any(path.is_relative_to(folder) for folder in _NEVER):
            return False
        return any(path.is_relative_to(folder) for folder in self.folders)

    def relative(self, path: Path) -> Path:
        """Returns the part of a path below the root that holds it, or the path itself."""
        return next((path.relative_to(folder) for folder in self.folders if path.is_relative_to(folder)), path)

    def shown(self, path: Path) -> str:
        """Returns how a file is named to a model: relative to the first root, or absolute; with forward slashes."""
        first = self.folders[0]
        return (path.relative_to(first) if path.is_relative_to(first) else path).as_posix()

    def open(self, path: Path) -> BinaryIO:
        """Opens a resolved file for reading, and sees that it is still the one that was found.

        Raises:
            CallError: it is no plain file, was moved meanwhile, or cannot be read.
        """
        try:
            file = os.fdopen(os.open(path, os.O_RDONLY | _NO_FOLLOW), "rb")
        except OSError as error:
            raise CallError(f"{self.shown(path)!r} cannot be read: {error.strerror}.") from None
        try:
            self._demand_plain(path, os.fstat(file.fileno()))
        except BaseException:
            file.close()
            raise
        return file

    def _demand_plain(self, path: Path, opened: os.stat_result) -> None:
        if not stat.S_ISREG(opened.st_mode):
            raise CallError(f"{self.shown(path)!r} is no plain file, and only such are read or written; name one.")
        # Somebody may have put a symlink in the place of a folder between finding and opening it.
        if not os.path.samestat(opened, self.resolve(str(path)).stat()):
            raise CallError(f"{self.shown(path)!r} was replaced while it was opened; ask again.")


def usable(folder: Path) -> bool:
    """Whether a folder may be a root by default: hosts start servers in `/` or the home, which are no projects."""
    resolved = folder.resolve()
    return resolved.is_dir() and resolved != Path(resolved.anchor) and resolved != Path.home().resolve()
