"""Which checkers there are, and which answer for a language."""

from collections.abc import Sequence

from longcall.validation.checkers import Checker
from longcall.validation.checkers.compilers import COMPILERS
from longcall.validation.checkers.documents import Document, parse_json, parse_toml
from longcall.validation.checkers.hadolint import Hadolint
from longcall.validation.checkers.javascript import NodeCheck, Oxlint, Tsc
from longcall.validation.checkers.parsing import Parsing
from longcall.validation.checkers.python_compile import PythonCompile
from longcall.validation.checkers.ruff import Ruff
from longcall.validation.checkers.shellcheck import ShellCheck
from longcall.validation.checkers.tree_sitter import TreeSitter
from longcall.validation.checkers.type_checkers import Mypy, Pyright, Ty
from longcall.validation.checkers.yamllint import Yamllint
from longcall.validation.rules import rules

CHECKERS: Sequence[Checker] = (
    PythonCompile(), Ruff(), Ty(), Mypy(), Pyright(), Oxlint(), NodeCheck(), Tsc(), ShellCheck(), Yamllint(),
    Parsing("sqlglot", "sql"), Parsing("html5lib", "html", rules("html5lib")["harmless"]),
    Document("json", "json", parse_json), Document("tomllib", "toml", parse_toml), Hadolint(), *COMPILERS, TreeSitter(),
)  # fmt: skip
_ONLY_WHEN_ASKED = {"mypy", "pyright"}


def checkers_for(language: str, wanted: frozenset[str], type_checkers: Sequence[str]) -> list[Checker]:
    """Returns the checkers that answer a wanted question about a language."""
    left_out = (_ONLY_WHEN_ASKED | {"ty"}) - set(type_checkers)
    return [
        checker
        for checker in CHECKERS
        if language in checker.languages and wanted & set(checker.checks) and checker.name not in left_out
    ]
