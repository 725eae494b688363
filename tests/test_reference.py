"""The reference is what the code says today, and the code says something of everything."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from mcp_types import Tool
from pydantic import BaseModel, Field
from reference.failures import codes_raised, codes_told, words_written
from reference.fields import Field as Told
from reference.fields import SilentError, demand, fields_of
from reference.markdown import doc, escaped, table
from reference.tools import arguments_of, schema_text
from reference.variables import BESIDE, variable, variables_read

from longcall.settings import Settings
from longcall.validation.sandbox import Limits

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns every page of the reference as the code makes it now."""
    folder = tmp_path_factory.mktemp("reference")
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([sys.executable, "-m", "reference", str(folder)], env=environ, check=True, timeout=120)
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_the_committed_reference_is_the_one_that_the_code_makes(made: dict[str, str]) -> None:
    committed = {path.name: path.read_text("utf-8") for path in COMMITTED.iterdir()}
    assert committed == made, "The reference is stale: `just reference` writes it anew."


def test_no_cell_that_should_tell_something_is_empty(made: dict[str, str]) -> None:
    silent = [line for text in made.values() for line in text.splitlines() if line.endswith("|  |")]
    assert silent == []


def test_every_variable_that_the_code_reads_is_told_of() -> None:
    settings = {variable(field) for field in fields_of(Settings)}
    ceilings = {f"LONGCALL_SANDBOX_{field.name.upper()}" for field in fields_of(Limits)}
    assert variables_read() <= settings | set(BESIDE)
    assert set(BESIDE) <= variables_read() | ceilings
    assert "LONGCALL_HTTP_TOKEN" in variables_read() - settings


def test_every_code_of_a_failure_is_told_of_and_none_of_the_past() -> None:
    assert codes_raised() <= codes_told() <= words_written() | codes_raised()
    assert {"no_key", "interrupted", "validation_failed"} <= codes_raised()
    assert "no_such_code" not in words_written()


def tool(name: str, **arguments: dict[str, str]) -> Tool:
    """Returns a tool as a server tells of it."""
    return Tool(name=name, input_schema={"type": "object", "properties": arguments})


def test_an_argument_that_says_nothing_of_itself_is_an_error() -> None:
    one = tool("ask", prompt={"type": "string", "description": "What to ask."})
    assert arguments_of([one, tool("begin", prompt={"type": "string"})]) == {"prompt": "What to ask."}
    with pytest.raises(SilentError, match="'colour' of paint"):
        arguments_of([one, tool("paint", colour={"type": "string"})])
    with pytest.raises(SilentError, match="x has no description"):
        demand("", "x")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "string"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"enum": ["a", "b"]}, '"a" | "b"'),
        ({"type": "array", "items": {"type": "object"}}, "object[]"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}, "(string | object)[]"),
        ({"type": "integer", "minimum": 1, "maximum": 200}, "integer ≥ 1 ≤ 200"),
        ({}, "any"),
    ],
)
def test_a_schema_is_told_in_short(schema: dict[str, object], text: str) -> None:
    assert schema_text(schema) == text


@dataclass
class Plain:
    """A dataclass."""

    given: int
    kept: str = "x"
    """Text below it."""
    _hidden: int = 0


class Modelled(BaseModel):
    """A model of pydantic."""

    given: int = Field(description="Told in its declaration.")
    kept: tuple[str, ...] = ()
    """Text below it."""


def test_fields_are_read_from_either_kind_of_class() -> None:
    assert fields_of(Plain) == [Told("given", "int", "", ""), Told("kept", "str", '"x"', "Text below it.")]
    assert fields_of(Modelled) == [
        Told("given", "int", "", "Told in its declaration."),
        Told("kept", "tuple[str, ...]", "()", "Text below it."),
    ]


def test_what_the_code_says_is_shown_as_it_is() -> None:
    assert escaped("a*b `c*d` <e> [f]") == r"a\*b `c*d` \<e\> \[f\]"
    assert table(["x"], [["a|b\n c"]]) == "| x |\n| --- |\n| a\\|b c |"
    assert doc("One.\n\nArgs:\n    x: what\n        goes on.\n") == "One.\n\n**Args**\n\n- `x`: what\n  goes on."
