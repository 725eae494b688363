"""The named statements of queries.sql, and the numbered migrations."""

import re
from importlib import resources

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def load_queries() -> dict[str, str]:
    """Returns every statement of queries.sql by its name."""
    return dict(_NAMED.findall(resources.files("longcall.tasks").joinpath("queries.sql").read_text("utf-8")))


def load_migrations() -> list[tuple[int, str]]:
    """Returns the migrations in order, each with the `user_version` that it leads to."""
    folder = resources.files("longcall.tasks").joinpath("migrations")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(script.name.split("_", 1)[0]), script.read_text("utf-8")) for script in scripts)
