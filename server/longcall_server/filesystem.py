"""A stand-in for the official filesystem server where there is no Node: the same tools, confined in the same way.

Run as `python -m longcall_server.filesystem FOLDER …`; see `longcall.mcp_client.filesystem`. Unlike the official one it
refuses files of secrets by itself.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from longcall.errors import CallError
from longcall.files.asked import matcher
from longcall.files.roots import Roots
from longcall.files.secrets import secret_part

_MOST_BYTES = 4_000_000
_MOST_ENTRIES = 5_000
_READS = ToolAnnotations(read_only_hint=True)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True)


class Files:
    """The tools, over some folders."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def _at(self, path: str, *, must_exist: bool = True) -> Path:
        try:
            return self._roots.resolve(path, must_exist=must_exist)
        except CallError as error:
            raise ToolError(f"Access denied - {error}") from None

    def read_text_file(self, path: str, head: int | None = None, tail: int | None = None) -> str:
        """Read a text file, or its first (`head`) or last (`tail`) lines."""
        try:
            with self._roots.open(self._at(path)) as file:
                data = file.read(_MOST_BYTES + 1)
        except CallError as error:
            raise ToolError(str(error)) from None
        if len(data) > _MOST_BYTES or b"\0" in data[:8000]:
            raise ToolError(f"{path!r} is no text of at most {_MOST_BYTES:,} bytes.")
        text = data.decode("utf-8", "replace")
        lines = text.splitlines(keepends=True)
        if head is not None:
            return "".join(lines[: max(0, head)])
        return "".join(lines[-tail:]) if tail else text

    def read_multiple_files(self, paths: list[str]) -> str:
        """Read several text files; one that cannot be read does not stop the others."""
        told: list[str] = []
        for path in paths:
            try:
                told.append(f"{path}:\n{self.read_text_file(path)}\n")
            except ToolError as error:
                told.append(f"{path}: Error - {error}")
        return "\n---\n".join(told)

    def write_file(self, path: str, content: str) -> str:
        """Create a file, or replace it."""
        where = self._at(path, must_exist=False)
        draft = where.with_name(f".{where.name}.{os.getpid()}.draft")
        try:
            draft.write_text(content, "utf-8")
            draft.replace(where)
        except OSError as error:
            raise ToolError(f"{path!r} cannot be written: {error.strerror}.") from None
        return f"Successfully wrote to {path}"

    def edit_file(self, path: str, edits: list[dict[str, str]]) -> str:
        """Replace texts in a file: each edit has `oldText`, which must be there, and `newText`."""
        text = self.read_text_file(path)
        for edit in edits:
            if not edit.get("oldText") or edit["oldText"] not in text:
                raise ToolError(f"Could not find an exact match for the edit: {edit.get('oldText')!r}")
            text = text.replace(edit["oldText"], edit.get("newText", ""), 1)
        return self.write_file(path, text)

    def create_directory(self, path: str) -> str:
        """Create a folder with those above it."""
        self._at(path, must_exist=False).mkdir(parents=True, exist_ok=True)
        return f"Successfully created directory {path}"

    def move_file(self, source: str, destination: str) -> str:
        """Move or rename a file or folder, where nothing is yet."""
        target = self._at(destination, must_exist=False)
        if target.exists():
            raise ToolError(f"{destination!r} is there already.")
        self._at(source).rename(target)
        return f"Successfully moved {source} to {destination}"

    def list_directory(self, path: str) -> str:
        """List what is in a folder, as [FILE] or [DIR]."""
        entries = sorted(self._folder(path).iterdir())
        return "\n".join(f"[{'DIR' if entry.is_dir() else 'FILE'}] {entry.name}" for entry in entries)

    def list_directory_with_sizes(self, path: str) -> str:
        """List what is in a folder, with sizes in bytes."""
        entries = sorted(self._folder(path).iterdir())
        return "\n".join(
            f"[DIR] {entry.name}" if entry.is_dir() else f"[FILE] {entry.name} {entry.lstat().st_size}"
            for entry in entries
        )

    def directory_tree(self, path: str) -> str:
        """List a folder and all below it, as JSON."""
        left = _MOST_ENTRIES

        def tree(folder: Path) -> list[dict[str, Any]]:
            nonlocal left
            told: list[dict[str, Any]] = []
            for entry in sorted(folder.iterdir()):
                left -= 1
                if left < 0:
                    break
                if entry.is_dir() and not entry.is_symlink():
                    told.append({"name": entry.name, "type": "directory", "children": tree(entry)})
                else:
                    told.append({"name": entry.name, "type": "file"})
            return told

        return json.dumps(tree(self._folder(path)), indent=2)

    def search_files(self, path: str, pattern: str) -> str:
        """Find files whose path below `path` matches a pattern such as **/*.py."""
        base = self._folder(path)
        matches = matcher(pattern)
        found: list[str] = []
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(name for name in folders if secret_part(Path(name)) is None)
            paths = [Path(folder) / name for name in sorted(names)]
            found += [str(one) for one in paths if matches(one.relative_to(base).as_posix())]
            if len(found) > _MOST_ENTRIES:
                break
        return "\n".join(found[:_MOST_ENTRIES]) or "No matches found"

    def get_file_info(self, path: str) -> str:
        """Tell size, times and kind of a file or folder."""
        where = self._at(path)
        facts = where.stat()
        return f"size: {facts.st_size}\nmodified: {facts.st_mtime}\nisDirectory: {where.is_dir()}"

    def list_allowed_directories(self) -> str:
        """List the folders that may be used."""
        return "Allowed directories:\n" + "\n".join(str(folder) for folder in self._roots.folders)

    def _folder(self, path: str) -> Path:
        where = self._at(path)
        if not where.is_dir():
            raise ToolError(f"{path!r} is no folder.")
        return where


def build(folders: list[str]) -> MCPServer[None]:
    """Returns the server over these folders."""
    files, server = Files(Roots.of(folders)), MCPServer[None]("longcall-filesystem")
    reading: list[Callable[..., str]] = [
        files.read_text_file, files.read_multiple_files, files.list_directory, files.list_directory_with_sizes,
        files.directory_tree, files.search_files, files.get_file_info, files.list_allowed_directories,
    ]  # fmt: skip
    server.add_tool(files.read_text_file, name="read_file", annotations=_READS, structured_output=False)
    for tool in reading:
        server.add_tool(tool, annotations=_READS, structured_output=False)
    for tool in (files.write_file, files.edit_file, files.create_directory, files.move_file):
        server.add_tool(tool, annotations=_WRITES, structured_output=False)
    return server


if __name__ == "__main__":
    build(sys.argv[1:]).run()
