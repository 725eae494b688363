"""Writes the reference pages: `python -m reference [FOLDER]`, docs/reference by default."""

import sys
from pathlib import Path

from reference.commands import commands_page
from reference.failures import failures_page
from reference.python import python_page
from reference.results import results_page
from reference.tools import arguments_of, listed, tools_page
from reference.variables import variables_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def main() -> None:
    """Writes every page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    found = listed()
    pages = {
        "tools": tools_page(found),
        "result": results_page(),
        "settings": variables_page(),
        "errors": failures_page(),
        "commands": commands_page(),
        "python": python_page(arguments_of(found.tools)),
    }
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
