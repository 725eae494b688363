"""Which language a submission is in: what the caller says, the fence around it, its file's name, or how it looks."""

import json
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any, Literal

Source = Literal["param", "fence", "path", "detected", "unknown"]

_TABLES: dict[str, Any] = json.loads(Path(__file__).with_name("languages.json").read_text("utf-8"))
ALIASES: dict[str, str] = _TABLES["aliases"]
"""Other words for a language."""
EXTENSIONS: dict[str, str] = _TABLES["extensions"]
"""The ending of a language's files."""
_FENCE = re.compile(
    r"\A\s*(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+#.-]*)[^\n]*\n(?P<code>.*?)\n?(?P=mark)[`~]*\s*\Z", re.DOTALL
)
_SHEBANG = re.compile(r"\A#!\s*\S*?/(?:env\s+(?:-S\s+)?)?(?P<name>python|node|bash|sh|zsh|ksh|ruby|php|lua)[\d.]*\b")
_LOOKS = tuple((language, re.compile(pattern, re.MULTILINE)) for language, pattern in _TABLES["looks"])
"""How languages look, the clearest first."""


def unfence(text: str) -> tuple[str, str | None]:
    """Returns the text inside a single Markdown fence and the fence's word; the text itself when there is no fence."""
    found = _FENCE.match(text)
    if found is None or "\n" + found["mark"] in found["code"]:
        return text, None
    return found["code"] + "\n", found["word"] or None


def named(word: str) -> str:
    """Returns the name under which longcall knows a language."""
    lower = word.strip().lower()
    return ALIASES.get(lower, lower)


def of_path(path: str) -> str | None:
    """Returns the language that a file's name tells."""
    name = PurePosixPath(path).name.lower()
    if name == "dockerfile" or name.startswith("dockerfile.") or name.endswith(".dockerfile"):
        return "dockerfile"
    ending = name.rpartition(".")[2] if "." in name else ""
    return next((known for known, own in EXTENSIONS.items() if own == ending), ALIASES.get(ending))


def file_name(language: str | None) -> str:
    """Returns what a single piece of code in this language is called."""
    if language == "dockerfile":
        return "Dockerfile"
    if language == "java":
        return "Main.java"
    return f"main.{EXTENSIONS.get(language or '', 'txt')}"


def detect(text: str) -> str | None:
    """Returns the language that a text looks like; None when nothing is clear."""
    if found := _SHEBANG.match(text):
        return named(found["name"])
    if _is_json(text):
        return "json"
    if _is_toml(text):
        return "toml"
    return next((language for language, look in _LOOKS if look.search(text)), None)


def _is_json(text: str) -> bool:
    # Also what is nearly JSON: it is to be told what is wrong with it.
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return False
    try:
        json.loads(stripped)
    except (ValueError, RecursionError):
        return bool(re.match(r"\{\s*\"[^\"\n]*\"\s*:", stripped))
    return True


def _is_toml(text: str) -> bool:
    # Without a table's heading, `name = 1` is as likely Python.
    if not re.search(r"^\[[^\]\n]+\]\s*$", text, re.MULTILINE):
        return False
    try:
        return bool(tomllib.loads(text))
    except (ValueError, RecursionError):
        return False
