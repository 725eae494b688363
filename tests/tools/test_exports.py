"""What the package gives to whoever imports it."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import longcall
from longcall import api, errors


def public(module: ModuleType) -> set[str]:
    """Returns the public classes and functions that a module defines itself."""
    named = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {name for name, value in named.items() if getattr(value, "__module__", None) == module.__name__}


def test_the_public_names_are_sorted_and_there():
    assert longcall.__all__ == sorted(set(longcall.__all__))
    assert [name for name in longcall.__all__ if not hasattr(longcall, name)] == []


def test_what_type_checkers_see_is_what_is_imported_when_it_is_used():
    tree = ast.parse(Path(longcall.__file__).read_text("utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: one.module for one in checked.body if isinstance(one, ast.ImportFrom) for alias in one.names}
    assert sorted(seen) == longcall.__all__ == dir(longcall)
    for name, home in seen.items():
        assert getattr(longcall, name) is getattr(import_module(home or ""), name)


def test_what_is_not_there_is_told_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'longcall' has no attribute 'llm_calls'"):
        longcall.llm_calls  # noqa: B018


def test_every_function_of_the_api_is_public():
    assert public(api) <= set(longcall.__all__)


def test_every_error_that_a_caller_can_meet_is_public():
    inside = {"Failure", "ProviderError", "StaleClaimError"}
    assert public(errors) - inside <= set(longcall.__all__)
    assert inside.isdisjoint(longcall.__all__)


def test_every_public_thing_says_what_it_is():
    assert [name for name in longcall.__all__ if not getattr(longcall, name).__doc__] == []


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'litellm', 'openai', 'mcp', 'psutil'}"
    code = f"import sys, longcall; longcall.llm_call; print(sorted({heavy} & {{*sys.modules}}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
