"""A request made ready: its files named, its language known, laid out in a folder for tools and sandboxes to read."""

import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from longcall.errors import CallError
from longcall.validation.detect import Source, detect, file_name, named, of_path, unfence
from longcall.validation.request import CodeRequest


@dataclass(frozen=True, slots=True)
class Submission:
    """What is checked, and in which language."""

    request: CodeRequest
    language: str | None
    source: Source
    main: str
    """The file with the entry point."""
    texts: Mapping[str, str]

    @property
    def by_language(self) -> dict[str, dict[str, str]]:
        """The files sorted by language; what is in none that is known is left out."""
        found: dict[str, dict[str, str]] = {}
        for path, text in self.texts.items():
            language = self.language if path == self.main else of_path(path)
            if language is not None:
                found.setdefault(language, {})[path] = text
        return found


def read_submission(request: CodeRequest) -> Submission:
    """Returns the request with its language found: by parameter, fence, file name or looks, in this order."""
    if request.code is not None:
        text, word = unfence(request.code)
        language, source = _language(request, word, None, text)
        return Submission(request, language, source, file_name(language), {file_name(language): text})
    main = request.main or _main_of(request.files)
    language, source = _language(request, None, main, request.files[main])
    return Submission(request, language, source, main, request.files)


def _language(request: CodeRequest, word: str | None, path: str | None, text: str) -> tuple[str | None, Source]:
    if request.language:
        return named(request.language), "param"
    if word:
        return named(word), "fence"
    if path is not None and (told := of_path(path)):
        return told, "path"
    if path is not None and PurePosixPath(path).suffix:
        return None, "unknown"  # a file that says what it is, and is nothing known, is not guessed at
    found = detect(text)
    return found, "detected" if found else "unknown"


def _main_of(files: Mapping[str, str]) -> str:
    mains = [path for path in files if path.rpartition("/")[2].partition(".")[0] == "main"]
    if len(files) == 1 or len(mains) == 1:
        return (mains or list(files))[0]
    if len({of_path(path) for path in files}) == 1:
        return next(iter(files))
    raise CallError("Say with `main` which of the files holds the entry point, or whose language counts.")


@contextmanager
def laid_out(folders: Mapping[str, Mapping[str, str]]) -> Generator[Path]:
    """Yields a fresh folder with these folders of texts, readable to whoever a sandbox runs as and to nobody else.

    The folder around it is closed to others, so that only what is bound into a sandbox can be read.
    """
    with tempfile.TemporaryDirectory(prefix="longcall-code-", ignore_cleanup_errors=True) as outer:
        inner = Path(outer) / "in"
        for folder, texts in folders.items():
            (inner / folder).mkdir(parents=True)
            for path, text in texts.items():
                target = inner / folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8", errors="surrogatepass", newline="")
        for folder, _, names in os.walk(inner):
            Path(folder).chmod(0o755)
            for name in names:
                (Path(folder) / name).chmod(0o644)
        yield inner
