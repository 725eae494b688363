"""Which language a submission is in: what the caller says, the fence around it, its file's name, or how it looks."""

import json
import re
import tomllib
from pathlib import PurePosixPath
from typing import Literal

Source = Literal["param", "fence", "path", "detected", "unknown"]

ALIASES = {
    "py": "python", "python3": "python", "js": "javascript", "node": "javascript", "mjs": "javascript", "cjs": "javascript",
    "ts": "typescript", "sh": "shell", "bash": "shell", "zsh": "shell", "ksh": "shell", "yml": "yaml", "htm": "html",
    "golang": "go", "rs": "rust", "c++": "cpp", "cc": "cpp", "cxx": "cpp", "h": "c", "hpp": "cpp", "docker": "dockerfile",
    "rb": "ruby", "cs": "csharp", "c#": "csharp", "kt": "kotlin", "kts": "kotlin", "sc": "scala", "pyi": "python",
    "postgres": "sql", "postgresql": "sql", "mysql": "sql", "sqlite": "sql",
}  # fmt: skip
EXTENSIONS = {
    "python": "py", "javascript": "js", "typescript": "ts", "jsx": "jsx", "tsx": "tsx", "shell": "sh", "yaml": "yaml",
    "sql": "sql", "json": "json", "toml": "toml", "html": "html", "go": "go", "rust": "rs", "java": "java", "c": "c",
    "cpp": "cpp", "ruby": "rb", "php": "php", "csharp": "cs", "css": "css", "kotlin": "kt", "lua": "lua",
    "scala": "scala", "swift": "swift",
}  # fmt: skip
_FENCE = re.compile(r"\A\s*(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+#.-]*)[^\n]*\n(?P<code>.*?)\n?(?P=mark)[`~]*\s*\Z", re.DOTALL)
_SHEBANG = re.compile(r"\A#!\s*\S*?/(?:env\s+(?:-S\s+)?)?(?P<name>python|node|bash|sh|zsh|ksh|ruby|php|lua)[\d.]*\b")
_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (language, re.compile(pattern, re.MULTILINE))
    for language, pattern in (
        ("dockerfile", r"\A(?:\s*#.*\n|\s*\n|ARG .*\n)*FROM\s+\S+(?:\s+AS\s+\S+)?\s*$(?=(?:.*\n?)*)"),
        ("html", r"\A\s*(?i:<!doctype html|<html\b|<(?:head|body|div|p|table|ul)\b)"),
        ("php", r"\A\s*<\?php"),
        ("go", r"^package \w+\s*$(?=[\s\S]*(?:^func |^import |^type |^var ))"),
        ("java", r"^(?:public |final |abstract )*(?:class|interface|enum|record) \w+[^\n]*\{\s*$(?=[\s\S]*\b(?:void|String|int)\b)"),
        ("cpp", r"^#include <(?:iostream|vector|string|map|algorithm|memory)>|\bstd::\w"),
        ("c", r"^#include\s*[<\"]\w+\.h[>\"]"),
        ("rust", r"^(?:pub )?fn \w+[^\n]*\{|^use (?:std|crate)::|\blet mut \w|\bimpl\b.*\{"),
        ("typescript", r"^(?:export )?(?:interface|type) \w+|\b(?:const|let|function)\b[^\n]*:\s*(?:string|number|boolean|void|\w+\[\])"),
        ("javascript", r"\b(?:const|let|var) \w+\s*=|=>|^(?:export |async )*function\b|\brequire\(|console\.log|^import .* from ['\"]"),
        ("sql", r"\A\s*(?i:select\b[\s\S]*\bfrom\b|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b|create\s+(?:table|view|index)\b|with\s+\w+\s+as\s*\()"),
        ("python", r"^\s*(?:def \w+\(|class \w+.*:|import \w+|from \w[\w.]* import |if .*:$|for .* in .*:$|print\(|[A-Za-z_]\w* = )"),
        ("shell", r"^\s*(?:if \[|for \w+ in|echo |export \w+=|set -[eux]|fi$|done$)|\$\{?\w+"),
        ("yaml", r"\A(?:---\s*\n)?(?:\s*#.*\n|\s*\n)*[\w.-]+:(?:\s|$)"),
    )
)  # fmt: skip


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
