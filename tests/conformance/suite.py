"""Runs the official conformance suite against a server and reads what it found."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT
from typing import Any

import anyio
from support.node import node_command

RUN_S = 180.0
_FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
"""A scenario's name as the suite writes it into a folder's."""


@dataclass(frozen=True)
class Run:
    """What came of one run of the suite."""

    exit_code: int
    printed: str
    checks: Mapping[str, Sequence[Mapping[str, Any]]]
    """The checks of each scenario that was run."""

    def failed(self) -> dict[str, list[str]]:
        """Returns what failed and what was warned of: for each scenario the ids of its checks."""
        bad = {scenario: self._having(scenario, "FAILURE", "WARNING") for scenario in self.checks}
        return {scenario: checks for scenario, checks in bad.items() if checks}

    def passed(self, scenario: str) -> int:
        """Returns how many checks of a scenario passed."""
        return len(self._having(scenario, "SUCCESS"))

    def _having(self, scenario: str, *statuses: str) -> list[str]:
        return [check["id"] for check in self.checks[scenario] if check["status"] in statuses]


async def run_suite(url: str, folder: Path, *options: str) -> Run:
    """Runs `conformance server` with these options; `folder` takes its results."""
    command = [*node_command("@modelcontextprotocol/conformance", "dist/index.js"), "server", "--url", url]
    with anyio.fail_after(RUN_S):
        ended = await anyio.run_process([*command, *options, "-o", str(folder)], check=False, stderr=STDOUT)
    return Run(ended.returncode, ended.stdout.decode(), _read(folder))


def _read(folder: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return {_scenario(path.parent.name): json.loads(path.read_text("utf-8")) for path in folder.glob("*/checks.json")}


def _scenario(folder: str) -> str:
    named = _FOLDER.fullmatch(folder)
    assert named is not None, folder
    return named[1]
