"""The settings, and the other variables that longcall reads."""

import re
from pathlib import Path

from longcall.settings import Settings
from longcall.validation.sandbox import CEILINGS
from reference.fields import Field, demand, fields_of
from reference.markdown import code, escaped, page, table

ROOT = Path(__file__).parents[2]
_ABOUT = """\
Variables of the environment: in the `env` of the host's entry, or in the shell. What is empty counts as unset, and what
cannot be used is an error that names it. Keys are the providers' own variables: `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`,
`GEMINI_API_KEY`, …"""
_TAKES = {
    "str": "text",
    "Path": "path",
    "int": "number",
    "float": "number",
    "bool": "`1` or `0`",
    "tuple[Path, ...]": "paths, with `:` between (Windows: `;`)",
    "tuple[str, ...]": "names, with commas between",
}
_DEFAULTS = {"home": "the user's data folder", "wait_s": "by host; 45 when unknown"}
BESIDE = {
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
    rows = [_row(one) for one in fields_of(Settings)]
    beside = [[code(name), about] for name, about in BESIDE.items()]
    return page(
        "Settings",
        _ABOUT,
        table(["variable", "takes", "default", "meaning"], rows),
        "## Other variables",
        "Those of sandboxes are told in full in [checking code](../validate_code.md#where-code-runs).",
        table(["variable", "meaning"], beside),
    )


def variable(field: Field) -> str:
    """Returns the variable that a setting is read from."""
    return f"LONGCALL_{field.name.upper()}"


def variables_read() -> set[str]:
    """Returns the variables of ours that are named in the code."""
    sources = (path.read_text("utf-8") for root in ("tools", "server") for path in (ROOT / root).rglob("*.py"))
    named = {name for text in sources for name in re.findall(r"LONGCALL_[A-Z_]*[A-Z]\b", text)}
    return named - _OURS


def _row(field: Field) -> list[str]:
    kind = field.type.removesuffix(" | None")
    name = variable(field)
    return [code(name), _TAKES.get(kind, code(kind)), _default(field), escaped(demand(field.about, name))]


def _default(field: Field) -> str:
    if field.name in _DEFAULTS:
        return _DEFAULTS[field.name]
    if field.default in ("None", "()", ""):
        return "none"
    return code({"True": "1", "False": "0"}.get(field.default) or field.default.strip('"').removesuffix(".0"))
