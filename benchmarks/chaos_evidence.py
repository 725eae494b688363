"""What a run under kills left behind, and what it proves."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.report import Figure

_LOG = re.compile(r" INFO (⇡ worker|↪|↩) (\S+)(.*)")
_ENDS = ("completed", "interrupted")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a client was told of a task that had ended, or that it had been told to have ended."""

    task: str
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A task in the store, at the end."""

    id: str
    prompt: str
    state: str
    text: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was written down, by whoever saw it. No two tasks were asked the same."""

    wall_s: float
    killed_fronts: int
    killed_workers: int
    acknowledged: dict[str, str]
    """Prompts of the tasks whose id reached a client, by id."""
    sightings: list[Sighting]
    journal: list[str]
    """Prompts of the requests that the provider received, oldest first."""
    rows: list[Row]
    log: list[str]
    """Lines of the workers' log, oldest first."""
    told: list[str]
    """Errors that tools answered with."""
    integrity: list[str]
    """What SQLite's checks complain of."""


_JSON = TypeAdapter(dict[str, Evidence])


def write_evidence(path: Path, parts: dict[str, Evidence]) -> None:
    """Keeps what the parts of a run left behind."""
    path.write_bytes(_JSON.dump_json(parts, indent=1))


def read_evidence(path: Path) -> dict[str, Evidence]:
    """Returns what `write_evidence` kept."""
    return _JSON.validate_json(path.read_bytes())


def judge(part: str, evidence: Evidence) -> list[Figure]:
    """Returns what the evidence shows: how much happened, and every count that must be 0."""
    states = Counter(row.state for row in evidence.rows if row.id in evidence.acknowledged)
    seen = {row.prompt for row in evidence.rows if row.state == "interrupted"} & set(evidence.journal)
    counts: list[tuple[str, int]] = [
        ("killed fronts", evidence.killed_fronts),
        ("killed workers", evidence.killed_workers),
        ("acknowledged tasks", len(evidence.acknowledged)),
        ("  completed", states["completed"]),
        ("  interrupted", states["interrupted"]),
        ("  interrupted requests that the provider saw", len(seen)),
        ("requests at the provider", len(evidence.journal)),
        ("errors told to clients", len(evidence.told)),
    ]
    zeros: list[tuple[str, int]] = [
        ("lost tasks", len(_lost_tasks(evidence))),
        ("lost results", len(_lost_results(evidence))),
        ("wrong texts", sum(not _is_right(row) for row in evidence.rows)),
        ("tasks with another end, or none", sum(row.state not in _ENDS for row in evidence.rows)),
        ("requests sent twice", _sent_twice(evidence)),
        ("requests sent without a record", len(_unrecorded(evidence))),
        (
            "interrupted, though never sent",
            sum(row.state == "interrupted" and not row.attempts for row in evidence.rows),
        ),
        ("completed, though never sent", len(_unasked(evidence))),
        ("double claims", len(double_claims(evidence.log))),
        ("errors of a locked store", sum("locked" in error for error in evidence.told)),
        ("complaints of integrity_check", len(evidence.integrity)),
    ]
    return [
        Figure(f"{part}: wall", evidence.wall_s, "s"),
        *(Figure(f"{part}: {name}", count, "") for name, count in counts),
        *(Figure(f"{part}: {name}", count, "", None, "0", count == 0) for name, count in zeros),
    ]


def _lost_tasks(evidence: Evidence) -> set[str]:
    stored = {row.id: row.prompt for row in evidence.rows}
    return {task for task, prompt in evidence.acknowledged.items() if stored.get(task) != prompt}


def _lost_results(evidence: Evidence) -> set[str]:
    """Returns the tasks of which clients, or client and store, know different ends."""
    ends = {row.id: {(row.state, row.text)} for row in evidence.rows}
    for sighting in evidence.sightings:
        ends.setdefault(sighting.task, set()).add((sighting.status, sighting.text))
    seen = {sighting.task for sighting in evidence.sightings}
    unseen = evidence.acknowledged.keys() - seen - _lost_tasks(evidence)
    return {task for task in seen if len(ends[task]) > 1} | unseen


def _is_right(row: Row) -> bool:
    """Whether the text is what the provider says: the prompt, or its beginning where the answer was lost."""
    return row.text == row.prompt if row.state == "completed" else row.prompt.startswith(row.text)


def _sent_twice(evidence: Evidence) -> int:
    more = sum(count - 1 for count in Counter(evidence.journal).values())
    return max(more, sum(max(0, row.attempts - 1) for row in evidence.rows))


def _unrecorded(evidence: Evidence) -> set[str]:
    return set(evidence.journal) - {row.prompt for row in evidence.rows if row.attempts}


def _unasked(evidence: Evidence) -> set[str]:
    return {row.prompt for row in evidence.rows if row.state == "completed"} - set(evidence.journal)


def double_claims(log: list[str]) -> list[str]:
    """Returns the tasks that two workers had, as far as the log of the workers, one after the other, tells.

    That is a task which one worker began twice, which was begun after its end, or which ended in the time of a worker
    that had not begun it.
    """
    found: list[str] = []
    begun: set[str] = set()
    ended: set[str] = set()
    for line in log:
        if (match := _LOG.search(line)) is None:
            continue
        event, task, rest = match.groups()
        if event == "⇡ worker":
            begun = set()
        elif event == "↪":
            found += [task] if task in begun | ended else []
            begun.add(task)
        elif "from its file" not in rest:
            found += [task] if task not in begun else []
            ended.add(task)
    return found
