"""What the package gives to whoever imports it."""

import subprocess
import sys
from types import ModuleType

import longcall
from longcall import api, errors


def public(module: ModuleType) -> set[str]:
    """Returns the public classes and functions that a module defines itself."""
    named = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {name for name, value in named.items() if getattr(value, "__module__", None) == module.__name__}


def test_the_public_names_are_sorted_and_there():
    assert longcall.__all__ == sorted(set(longcall.__all__))
    assert [name for name in longcall.__all__ if not hasattr(longcall, name)] == []


def test_nothing_public_is_missing_from_the_public_names():
    named = {name for name in dir(longcall) if not name.startswith("_")}
    modules = {name for name in named if isinstance(getattr(longcall, name), ModuleType)}
    assert named - modules == set(longcall.__all__)


def test_every_function_of_the_api_is_public():
    assert public(api) <= set(longcall.__all__)


def test_every_error_that_a_caller_can_meet_is_public():
    inside = {"Failure", "ProviderError", "StaleClaimError"}
    assert public(errors) - inside <= set(longcall.__all__)
    assert inside.isdisjoint(longcall.__all__)


def test_every_public_thing_says_what_it_is():
    assert [name for name in longcall.__all__ if not getattr(longcall, name).__doc__] == []


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, longcall; print(sorted({'litellm', 'openai', 'mcp', 'psutil'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
