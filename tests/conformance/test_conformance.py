"""The server over HTTP as the official conformance suite sees it, in both eras of the protocol."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from conformance.conftest import fixture_server
from conformance.suite import Run, run_suite
from support.apart import run_apart

Name = TypeVar("Name", str, tuple[str, str])
SHIPPED = Path(__file__).with_name("shipped.yml")
FIXTURE_FREE = {
    "2025-11-25": {
        "server-initialize": 3, "ping": 2, "server-session-lifecycle": 3, "server-sse-multiple-streams": 2,
        "resources-list": 2, "prompts-list": 2, "tools-list": 3, "dns-rebinding-protection": 2,
    },
    "2026-07-28": {
        "server-stateless": 26, "tools-list": 4, "server-sse-multiple-streams": 1, "resources-list": 2,
        "prompts-list": 2, "sep-2164-resource-not-found": 4, "dns-rebinding-protection": 2, "caching": 7,
        "http-header-validation": 14, "input-required-result-unsupported-methods": 2,
    },
}  # fmt: skip
"""Scenarios that need nothing but the product, and how many checks of each pass at least."""
REQUIRED = {"2025-11-25": (30, 70), "2026-07-28": (37, 120)}
"""How many scenarios a revision requires, and how many of their checks pass at least."""
TASKS = {
    "tasks-lifecycle": 9, "tasks-capability-negotiation": 5, "tasks-wire-fields": 4, "tasks-request-state-removal": 3,
    "tasks-mrtr-input": 4, "tasks-request-headers": 5, "tasks-dispatch-and-envelope": 9,
    "tasks-required-task-error": 3, "tasks-mrtr-composition": 2,
}  # fmt: skip
NOT_REQUIRED = {
    # Wants the schema of a tool to be written by hand; the SDK's server derives it from a function.
    "json-schema-2020-12": {"2025-11-25", "2026-07-28"},
    # Wants streams that can be resumed. Whoever loses one polls the task; no answer lives in a stream alone.
    "server-sse-polling": {"2025-11-25"},
}
"""Scenarios that the suite runs without requiring them, and that may fail."""
AT_ONCE = 3


@pytest.fixture(scope="module")
def fixture_runs(fixtures: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Run]:
    """Returns the runs of what each revision requires, on the server with the fixtures."""
    return run_apart(
        _run_all, fixtures, tmp_path_factory, {revision: ["--requirements", revision] for revision in REQUIRED}
    )


@pytest.fixture(scope="module")
def shipped_runs(shipped: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Run]:
    """Returns the runs of the scenarios that need no fixture, on the server as it is shipped."""
    wanted = [(revision, scenario) for revision, scenarios in FIXTURE_FREE.items() for scenario in scenarios]
    expected = ["--expected-failures", str(SHIPPED)]
    options = {(era, name): ["--spec-version", era, "--scenario", name, *expected] for era, name in wanted}
    return run_apart(_run_all, shipped, tmp_path_factory, options)


async def _run_all(
    url: str, folders: pytest.TempPathFactory, options: Mapping[Name, Sequence[str]]
) -> Mapping[Name, Run]:
    runs: dict[Name, Run] = {}
    limit = anyio.CapacityLimiter(AT_ONCE)

    async def run(name: Name) -> None:
        async with limit:
            runs[name] = await run_suite(url, folders.mktemp("run"), *options[name])

    async with anyio.create_task_group() as running:
        for name in options:
            running.start_soon(run, name)
    return runs


@pytest.mark.parametrize(
    ("revision", "scenario"), [(revision, scenario) for revision, names in FIXTURE_FREE.items() for scenario in names]
)
def test_the_server_as_it_is_shipped_passes_what_needs_no_fixture(
    shipped_runs: Mapping[tuple[str, str], Run], revision: str, scenario: str
) -> None:
    run = shipped_runs[revision, scenario]
    assert run.exit_code == 0, run.printed
    assert run.passed(scenario) >= FIXTURE_FREE[revision][scenario], run.printed


@pytest.mark.parametrize("revision", REQUIRED)
def test_all_that_a_revision_requires_is_there(fixture_runs: Mapping[str, Run], revision: str) -> None:
    run = fixture_runs[revision]
    required = {name for name in run.checks if not name.startswith("tasks-")} - _not_required(run)
    scenarios, checks = REQUIRED[revision]
    assert run.exit_code == 0, run.printed
    assert len(required) == scenarios
    assert sum(run.passed(scenario) for scenario in required) >= checks
    assert all(run.passed(scenario) for scenario in required)
    allowed = {scenario for scenario, revisions in NOT_REQUIRED.items() if revision in revisions}
    assert set(run.failed()) == allowed, run.failed()


def _not_required(run: Run) -> set[str]:
    """Returns the scenarios that the suite says it ran without counting them."""
    _, _, listed = run.printed.partition("\nNot scored for ")
    return {line.split()[1] for line in listed.splitlines() if line.startswith(("  ✓ ", "  ✗ "))}


@pytest.mark.parametrize("scenario", TASKS)
def test_the_tasks_extension_passes_whole(fixture_runs: Mapping[str, Run], scenario: str) -> None:
    run = fixture_runs["2026-07-28"]
    assert scenario not in run.failed(), run.failed()
    assert run.passed(scenario) == TASKS[scenario]


async def test_a_fixture_that_is_not_there_is_seen(environ_for_suite: dict[str, str], tmp_path: Path) -> None:
    with fixture_server(environ_for_suite, tmp_path / "served", "test_image_content") as url:
        missed = await run_suite(url, tmp_path / "missed", "--scenario", "tools-call-image")
        found = await run_suite(url, tmp_path / "found", "--scenario", "tools-call-audio")
    assert (missed.exit_code, set(missed.failed())) == (1, {"tools-call-image"})
    assert (found.exit_code, found.failed()) == (0, {})


async def test_an_expected_failure_that_passes_is_seen(shipped: str, tmp_path: Path) -> None:
    stale = tmp_path / "stale.yml"
    stale.write_text("server:\n  - ping\n")
    run = await run_suite(shipped, tmp_path / "run", "--scenario", "ping", "--expected-failures", str(stale))
    assert (run.exit_code, run.failed()) == (1, {})
    assert "ping" in run.printed.partition("tale")[2]


def test_what_is_expected_to_fail_on_the_shipped_server_fails(shipped_runs: Mapping[tuple[str, str], Run]) -> None:
    failed = shipped_runs["2026-07-28", "server-stateless"].failed()
    assert {f"{scenario}:{check}" for scenario, checks in failed.items() for check in checks} == _expected()


def _expected() -> set[str]:
    return {word for word in SHIPPED.read_text("utf-8").split() if word.startswith("server-stateless:")}
