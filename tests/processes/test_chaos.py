"""What SIGKILL at random points loses or sends twice: nothing; and the count would show it."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.chaos

ROOT = Path(__file__).parents[2]
KILLS = 40
"""A tenth of them around the real LiteLLM; the benchmark kills 100."""
BOUND_S = 400
Evidence = dict[str, Any]
"""One part's evidence; see `benchmarks.chaos_evidence.Evidence`."""


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the benchmark to its end."""
    command = [sys.executable, "-m", "benchmarks.chaos", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False)


def missed(said: str) -> set[str]:
    """Returns the figures of a table that missed their goal."""
    return {line.split("  ")[0].strip() for line in said.splitlines() if line.endswith("MISSED")}


@pytest.fixture(scope="module")
def evidence_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns where one run under kills left its evidence; what the run itself found is beside it."""
    path = tmp_path_factory.mktemp("chaos") / "evidence.json"
    done = chaos("--kills", str(KILLS), "--evidence", str(path))
    assert path.exists(), done.stderr
    path.with_suffix(".txt").write_text(done.stdout + done.stderr)
    return path


@pytest.fixture(scope="module")
def evidence(evidence_path: Path) -> dict[str, Evidence]:
    return json.loads(evidence_path.read_text())


def test_kills_lose_nothing_and_send_nothing_twice(evidence_path: Path) -> None:
    judged = chaos("--judge", str(evidence_path))

    said = judged.stdout + evidence_path.with_suffix(".txt").read_text()
    assert judged.returncode == 0, said
    assert missed(said) == set(), said
    assert judged.stdout.count("reached") == 2 * len(DOCTORED), said


@pytest.mark.parametrize(("part", "least"), [("quick", 5), ("litellm", 1)])
def test_the_kills_hit_a_system_at_work(evidence: dict[str, Evidence], part: str, least: int) -> None:
    found = evidence[part]
    states = [row["state"] for row in found["rows"]]

    assert sum(one["killed_fronts"] + one["killed_workers"] for one in evidence.values()) == KILLS
    assert min(found["killed_fronts"], found["killed_workers"]) >= least
    assert "completed" in states
    assert "interrupted" in states
    assert len(found["acknowledged"]) > found["killed_fronts"] + found["killed_workers"]
    assert len(found["journal"]) > found["killed_workers"]


def completed(found: Evidence) -> dict[str, Any]:
    return next(row for row in found["rows"] if row["state"] == "completed" and row["id"] in found["acknowledged"])


def interrupted(found: Evidence) -> dict[str, Any]:
    return next(row for row in found["rows"] if row["state"] == "interrupted")


def loses_a_task(found: Evidence) -> None:
    gone = completed(found)
    found["rows"].remove(gone)
    found["journal"].remove(gone["prompt"])
    found["sightings"] = [seen for seen in found["sightings"] if seen["task"] != gone["id"]]


def loses_a_result(found: Evidence) -> None:
    gone = completed(found)
    gone.update(state="interrupted", text="")


def garbles_a_text(found: Evidence) -> None:
    row = completed(found)
    garbled = row["text"] + "lost "
    row["text"] = garbled
    for seen in found["sightings"]:
        seen["text"] = garbled if seen["task"] == row["id"] else seen["text"]


def leaves_one_running(found: Evidence) -> None:
    row = interrupted(found)
    row["state"] = "running"
    found["sightings"] = [
        {**seen, "status": "running"} if seen["task"] == row["id"] else seen for seen in found["sightings"]
    ]


def sends_twice(found: Evidence) -> None:
    found["journal"].append(found["journal"][0])


def records_two_sends(found: Evidence) -> None:
    interrupted(found)["attempts"] = 2


def sends_unrecorded(found: Evidence) -> None:
    found["journal"].append("a question that no task asks")


def interrupts_what_never_left(found: Evidence) -> None:
    row = interrupted(found)
    row["attempts"] = 0
    found["journal"] = [prompt for prompt in found["journal"] if prompt != row["prompt"]]


def answers_out_of_nowhere(found: Evidence) -> None:
    found["journal"].remove(completed(found)["prompt"])


def claims_twice(found: Evidence) -> None:
    begun = next(line for line in found["log"] if "↪" in line)
    found["log"].insert(found["log"].index(begun), begun)


def ends_under_the_next_worker(found: Evidence) -> None:
    found["log"].append("2026-01-01 00:00:00,000 INFO ⇡ worker 0123 serves environment 4567; found nothing")
    found["log"].append(f"2026-01-01 00:00:00,000 INFO ↩ {completed(found)['id']} completed (came too late)")


def tells_of_a_lock(found: Evidence) -> None:
    found["told"].append("poll_task: database is locked")


def breaks_the_file(found: Evidence) -> None:
    found["integrity"].append("row 7 missing from index tasks_waiting")


DOCTORED: dict[str, list[Callable[[Evidence], None]]] = {
    "lost tasks": [loses_a_task],
    "lost results": [loses_a_result],
    "wrong texts": [garbles_a_text],
    "tasks with another end, or none": [leaves_one_running],
    "requests sent twice": [sends_twice, records_two_sends],
    "requests sent without a record": [sends_unrecorded],
    "interrupted, though never sent": [interrupts_what_never_left],
    "completed, though never sent": [answers_out_of_nowhere],
    "double claims": [claims_twice, ends_under_the_next_worker],
    "errors of a locked store": [tells_of_a_lock],
    "complaints of integrity_check": [breaks_the_file],
}
"""What must be 0, and what was done to the evidence that it must notice."""


def test_the_count_sees_each_thing_that_can_go_wrong(evidence: dict[str, Evidence], tmp_path: Path) -> None:
    every = {f"{name} {doctor.__name__}": (name, doctor) for name, all_of in DOCTORED.items() for doctor in all_of}
    doctored: dict[str, Evidence] = {}
    for part, (_, doctor) in every.items():
        doctored[part] = deepcopy(evidence["quick"])
        doctor(doctored[part])
    path = tmp_path / "doctored.json"
    path.write_text(json.dumps(doctored))

    judged = chaos("--judge", str(path))

    assert judged.returncode == 1
    assert missed(judged.stdout) == {f"{part}: {name}" for part, (name, _) in every.items()}
