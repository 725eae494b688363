"""The settings, and the other variables that longcall reads."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from longcall.settings import Settings
from longcall.validation.sandbox import CEILINGS
from reference.fields import Field, demand, fields_of
from reference.markdown import code, escaped, page, table

ROOT = Path(__file__).parents[2]
_ABOUT = """\
Every setting, as a variable of the environment. In `longcall.toml` its name is the same in lower case and without
`LONGCALL_`. [Settings](../settings.md) tells where the file is, and what stands over what. Keys are the providers' own
variables: `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, …"""
_TABLES = """\
These are tables of `longcall.toml`. As a variable, one is written in JSON, or its parts one by one:
`LONGCALL_CAPS__DAY_USD`. Keys of providers have variables of their own."""
_TAKES = {
    "str": "text",
    "Home": "path",
    "McpFile": "path",
    "JsonFile": "path",
    "Count": "whole number",
    "Tokens": "whole number",
    "Seconds": "seconds",
    "Days": "days",
    "Dollars": "US dollars",
    "Switch": "`1` or `0`",
    "ProxyURL": "URL",
    "ApiBase": "URL",
    "Folders": "paths, with `:` between (Windows: `;`)",
    "Names": "names, with commas between",
    "Models": "models, with commas between",
}
_DEFAULTS = {"home": "the user's data folder", "wait_s": "by host; 45 when unknown"}
_PLAIN = {
    "output_usd_per_1m": "US dollars per million output tokens.",
    "requests_per_minute": "Requests within a minute.",
    "tokens_per_minute": "Tokens within a minute.",
    "call_tokens": "Tokens for one task, all its requests together.",
    "day_tokens": "Tokens a day (UTC), everything on this store together.",
    "project_tokens": "Tokens for a project folder in all.",
}
"""What the classes leave to the names."""
BESIDE = {
    "LONGCALL_CONFIG": "The user's `longcall.toml`, where it is not in the user's folder for configuration.",
    "LONGCALL_CLAUDE_CLI": "Where Claude's command line is, when it is not on the PATH.",
    "LONGCALL_CLAUDE_PROXY_TOKEN": "The token for the proxy that LONGCALL_CLAUDE_PROXY_URL names.",
    "LONGCALL_HTTP_TOKEN": "A token for `longcall serve --http` and `longcall proxy`, beside the named ones.",
    "LONGCALL_SANDBOX": "Use this sandbox alone: `bwrap`, `sandlock`, `seatbelt`, `container` or `monty`.",
    "LONGCALL_SANDBOX_PYTHON": "The Python that runs submitted code.",
    "LONGCALL_SANDBOX_WALL_S": f"The most seconds that a run may ask for ({CEILINGS.wall_s:g}).",
    "LONGCALL_SANDBOX_CPU_S": f"The most seconds of processor time ({CEILINGS.cpu_s:g}).",
    "LONGCALL_SANDBOX_MEMORY_MB": f"The most memory, in megabytes ({CEILINGS.memory_mb}).",
    "LONGCALL_SANDBOX_PROCESSES": f"The most processes ({CEILINGS.processes}).",
    "LONGCALL_SANDBOX_OUTPUT_KB": f"The most output, in kilobytes ({CEILINGS.output_kb}).",
    "LONGCALL_SANDBOX_FILE_MB": f"The largest file, in megabytes ({CEILINGS.file_mb}).",
    "LONGCALL_CONTAINER": "The command of a container in which submitted code runs.",
    "LONGCALL_CONTAINER_PYTHON": "The Python in that container.",
    "LONGCALL_UNSANDBOXED": "`1` lets submitted code run without a sandbox.",
}
_OURS = frozenset({"LONGCALL_PROBE_MARKER", "LONGCALL_RESULT", "LONGCALL_X"})
"""Not for operators: what sandboxes and their runners tell each other, and a name in a sentence."""


def variables_page() -> str:
    """Returns the page of the settings."""
    told = fields_of(Settings)
    return page(
        "Every setting",
        _ABOUT,
        table(["variable", "takes", "default", "meaning"], [_row(one) for one in told if not _is_table(one)]),
        "## Tables",
        _TABLES,
        *(part for one in told if _is_table(one) for part in _table(one)),
        "## Other variables",
        "Those of sandboxes are told in full in [checking code](../validate_code.md#where-code-runs).",
        table(["variable", "meaning"], [[code(name), about] for name, about in BESIDE.items()]),
    )


def variable(field: Field) -> str:
    """Returns the variable that a setting is read from."""
    return f"LONGCALL_{field.name.upper()}"


def variables_read() -> set[str]:
    """Returns the variables of ours that are named in the code."""
    sources = (path.read_text("utf-8") for root in ("tools", "server") for path in (ROOT / root).rglob("*.py"))
    named = {name for text in sources for name in re.findall(r"LONGCALL_[A-Z_]*[A-Z]\b", text)}
    return named - _OURS


def _is_table(field: Field) -> bool:
    return field.type.startswith("Mapping[") or _rows_of(field) is not None


def _rows_of(field: Field) -> type[BaseModel] | None:
    """Returns what stands in a setting that is a table, or a table of tables; None where that is plain text."""
    annotation: Any = Settings.model_fields[field.name].annotation
    inner: Any = (annotation, *get_args(annotation))[-1]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _table(field: Field) -> Iterator[str]:
    rows = _rows_of(field)
    yield f"### {field.name}"
    yield escaped(demand(field.about, field.name) if rows is None else demand(rows.__doc__ or "", rows.__name__))
    if rows is not None:
        cells = [[code(one.name), _takes(one), _default(one), _about(one)] for one in fields_of(rows)]
        yield table(["name", "takes", "default", "meaning"], cells)


def _row(field: Field) -> list[str]:
    return [code(variable(field)), _takes(field), _default(field), _about(field)]


def _takes(field: Field) -> str:
    kind = field.type.removesuffix(" | None")
    words = re.findall(r'"(\w+)"', kind) if kind.startswith("Literal") else []
    return " or ".join(map(code, words)) or _TAKES.get(kind, code(kind))


def _about(field: Field) -> str:
    return escaped(demand(field.about or _PLAIN.get(field.name, ""), field.name))


def _default(field: Field) -> str:
    if field.name in _DEFAULTS:
        return _DEFAULTS[field.name]
    if not field.default:
        return "required"
    if field.default in ("None", "()"):
        return "none"
    return code({"True": "1", "False": "0"}.get(field.default) or field.default.strip('"').removesuffix(".0"))
