"""Where each client keeps its config file, on each system."""

from pathlib import Path

import pytest

from longcall.clients.formats import ConfigError
from longcall.clients.places import User
from longcall.clients.registry import CLIENTS

HOME = Path("/home/ada")
PLACES = {
    "linux": {
        "claude-code": ".claude.json",
        "claude-desktop": ".config/Claude/claude_desktop_config.json",
        "codex": ".codex/config.toml",
        "cursor": ".cursor/mcp.json",
        "vscode": ".config/Code/User/mcp.json",
        "gemini": ".gemini/settings.json",
    },
    "darwin": {
        "claude-desktop": "Library/Application Support/Claude/claude_desktop_config.json",
        "vscode": "Library/Application Support/Code/User/mcp.json",
        "cursor": ".cursor/mcp.json",
    },
    "win32": {
        "claude-desktop": "AppData/Roaming/Claude/claude_desktop_config.json",
        "vscode": "AppData/Roaming/Code/User/mcp.json",
        "codex": ".codex/config.toml",
    },
}


@pytest.mark.parametrize("system", PLACES)
def test_the_users_files_are_where_the_clients_look(system: str) -> None:
    user = User(HOME, {}, system)
    found = {name: CLIENTS[name].path(user, None) for name in PLACES[system]}
    assert found == {name: HOME / place for name, place in PLACES[system].items()}


@pytest.mark.parametrize(
    ("system", "name", "variable", "place"),
    [
        ("linux", "claude-code", "CLAUDE_CONFIG_DIR", "/x/.claude.json"),
        ("linux", "codex", "CODEX_HOME", "/x/config.toml"),
        ("linux", "vscode", "XDG_CONFIG_HOME", "/x/Code/User/mcp.json"),
        ("win32", "claude-desktop", "APPDATA", "/x/Claude/claude_desktop_config.json"),
    ],
)
def test_variables_move_them(system: str, name: str, variable: str, place: str) -> None:
    assert CLIENTS[name].path(User(HOME, {variable: "/x"}, system), None) == Path(place)
    assert CLIENTS[name].path(User(HOME, {variable: " "}, system), None).is_relative_to(HOME)


def test_the_packaged_claude_desktop_of_windows_has_a_folder_of_its_own(tmp_path: Path) -> None:
    user = User(tmp_path, {"LOCALAPPDATA": str(tmp_path / "Local")}, "win32")
    desktop = CLIENTS["claude-desktop"]
    assert desktop.path(user, None).parent == tmp_path / "AppData" / "Roaming" / "Claude"
    packaged = tmp_path / "Local" / "Packages" / "Claude_abc" / "LocalCache" / "Roaming" / "Claude"
    packaged.mkdir(parents=True)
    assert desktop.path(user, None) == packaged / "claude_desktop_config.json"


def test_a_projects_file_is_in_its_folder_where_the_client_has_one() -> None:
    user, project = User(HOME, {}), Path("/work")
    found = {name: client.path(user, project) for name, client in CLIENTS.items() if client.in_project}
    assert found == {
        "claude-code": project / ".mcp.json",
        "codex": project / ".codex" / "config.toml",
        "cursor": project / ".cursor" / "mcp.json",
        "vscode": project / ".vscode" / "mcp.json",
        "gemini": project / ".gemini" / "settings.json",
    }
    with pytest.raises(ConfigError, match="no config file for a project"):
        CLIENTS["claude-desktop"].path(user, project)
