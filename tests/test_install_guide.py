"""The guide to `longcall install` says only what is true: its table is the registry's, its commands are run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from longcall.clients.places import User
from longcall.clients.registry import CLIENTS, Client

GUIDE = (Path(__file__).parents[1] / "docs" / "install.md").read_text("utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in re.findall(r"^\| (`.*) \|$", GUIDE, re.MULTILINE)
    for cells in [[cell.strip() for cell in line.split(" | ")]]
}


def reference(client: Client) -> str:
    """Returns how the guide is to tell of variables."""
    if client.names_variables:
        return f"a name in `{client.names_variables}`"
    return f"`{client.reference.format('NAME')}`" if client.reference else "its value alone"


def test_every_client_is_in_the_table() -> None:
    assert set(ROWS) == set(CLIENTS)


@pytest.mark.parametrize("name", CLIENTS)
def test_its_row_tells_where_and_how_it_is_written(name: str) -> None:
    client, (place, in_project, servers, variable) = CLIENTS[name], ROWS[name]
    user = User(Path("/home/ada"), {}, "linux")
    told = re.findall(r"`([^`]*)`", place)[0].removeprefix("~/")
    path = client.path(user, None)
    assert path in (user.home / told, user.apps / told)
    assert ("folder for settings" in place) is (path == user.apps / told)
    assert (in_project.strip("`"), servers.strip("`")) == (client.in_project or "none", client.servers)
    assert variable == reference(client)


def test_the_commands_work_as_their_user_runs_them(environ: dict[str, str], tmp_path: Path) -> None:
    (commands,) = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    user, project = tmp_path / "user", tmp_path / "project"
    user.mkdir()
    project.mkdir()
    ours = f'set -e\nlongcall() {{ "{sys.executable}" -m longcall_server "$@"; }}\n'
    mine = environ | {"HOME": str(user), "XDG_CONFIG_HOME": "", "CODEX_HOME": "", "OPENAI_API_KEY": "sk-mock"}
    done = subprocess.run(
        ["bash", "-c", ours + commands], env=mine, cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("longcall added to") == 4
    assert done.stdout.count("longcall removed from") == 1
    assert (project / ".vscode" / "mcp.json").is_file()
