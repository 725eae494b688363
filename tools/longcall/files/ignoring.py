"""What .gitignore files leave out, as git reads them: the nearest file that says something of a path decides."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_BYTES = 1_000_000


class Ignored:
    """The .gitignore files between the roots and whatever is asked for, each read once."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def holds(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a path is ignored; that a folder above it is, its caller has seen before."""
        root = next((root for root in self._roots if path.is_relative_to(root)), None)
        for folder in path.parents:
            spec = self._spec(folder)
            if spec is not None:
                name = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
                decided = spec.check_file(name).include
                if decided is not None:
                    return decided
            if folder == root:
                break
        return False

    def _spec(self, folder: Path) -> "GitIgnoreSpec | None":
        if folder not in self._specs:
            self._specs[folder] = _read(folder / ".gitignore")
        return self._specs[folder]


def _read(path: Path) -> "GitIgnoreSpec | None":
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # a front starts without it

    try:
        if path.is_symlink() or path.stat().st_size > _BYTES:  # git follows no link here either
            return None
        return GitIgnoreSpec.from_lines(path.read_text("utf-8", "replace").splitlines())
    except (OSError, ValueError):
        return None
