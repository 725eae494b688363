"""Which files `files` names: paths as they are, and what is in folders and matches patterns, less what is ignored."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from longcall.errors import CallError
from longcall.files.asked import Lines, base_of, is_pattern, matcher, split
from longcall.files.ignoring import Ignored
from longcall.files.roots import Roots
from longcall.files.secrets import secret_part

MOST_FILES = 1_000
_MOST_LOOKED_AT = 50_000
_PASSED_OVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})
"""Folders that a pattern or a folder around them never reaches, ignored or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is to be shown."""

    path: Path
    """Resolved."""
    lines: Lines | None = None
    is_named: bool = True
    """Whether it was named itself, so that a reason not to show it is an error."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that a folder or a pattern led to, and that is not shown."""

    path: str
    reason: str


def find(entries: Sequence[str], roots: Roots) -> tuple[list[Found], list[Skipped]]:
    """Returns the files that the entries name, each once, in the order of the entries, and what was passed over.

    Raises:
        CallError: an entry names nothing, something outside the roots, or a secret; or there are too many.
    """
    found: dict[tuple[Path, Lines | None], Found] = {}
    skipped: dict[str, Skipped] = {}
    for entry in entries:
        if not entry.strip():
            raise CallError("An entry of `files` is empty; name a path, a folder or a pattern such as src/**/*.py.")
        for one in _named(entry, roots):
            if isinstance(one, Skipped):
                skipped[one.path] = one
            else:
                found.setdefault((one.path, one.lines), one)
            if len(found) > MOST_FILES:
                raise CallError(
                    f"`files` names more than {MOST_FILES:,} files; {entry!r} is the entry that is too much. Leave it"
                    " out, or name a smaller folder."
                )
    return list(found.values()), list(skipped.values())


def _named(entry: str, roots: Roots) -> Iterator[Found | Skipped]:
    path, lines = entry, None
    if not _exists(entry, roots):
        path, lines = split(entry)
    if is_pattern(path) and not _exists(path, roots):
        base, pattern = base_of(path)
        yield from _some(entry, _walk(roots.resolve(base), roots, pattern))
        return
    where = roots.resolve(path)
    if not where.is_dir():
        yield Found(where, lines)
    elif lines is not None:
        raise CallError(f"{entry!r} is a folder and has no lines; name it without them, or a file in it.")
    else:
        yield from _some(entry, _walk(where, roots, "**"))


def _exists(path: str, roots: Roots) -> bool:
    try:
        roots.resolve(path)
    except CallError:
        return False
    return True


def _some(entry: str, walked: Iterator[Found | Skipped]) -> Iterator[Found | Skipped]:
    count = 0
    for one in walked:
        count += isinstance(one, Found)
        yield one
    if not count:
        raise CallError(
            f"{entry!r} leads to no file that can be shown (what .gitignore names is left out); name another path."
        )


def _walk(base: Path, roots: Roots, pattern: str) -> Iterator[Found | Skipped]:
    if not base.is_dir():
        return
    matches = matcher(pattern)
    ignored, seen = Ignored(roots.folders), 0
    for folder, folders, names in os.walk(base):
        here = Path(folder)
        kept = [name for name in folders if name not in _PASSED_OVER and not ignored.holds(here / name, is_folder=True)]
        folders[:] = sorted(kept)
        for name in sorted(names):
            seen += 1
            if seen > _MOST_LOOKED_AT:
                raise CallError(f"More than {_MOST_LOOKED_AT:,} files are below {str(base)!r}; name a smaller folder.")
            path = here / name
            if matches(path.relative_to(base).as_posix()) and not ignored.holds(path, is_folder=False):
                yield _looked_at(path, roots)


def _looked_at(path: Path, roots: Roots) -> Found | Skipped:
    where = Path(os.path.realpath(path))
    for tried in (path, where):
        if part := secret_part(roots.relative(tried)):
            return Skipped(roots.shown(path), f"refused for its name ({part})")
    if not roots.holds(where):
        return Skipped(roots.shown(path), "a link that leads outside")
    return Found(where, is_named=False) if where.is_file() else Skipped(roots.shown(path), "no plain file")
