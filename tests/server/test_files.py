"""Files that go in and come out, by the tools of the real server."""

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.processes import attached, call, error_text, rows

CODE = "Here:\n```python\nprint(1)\n```\nand\n```json\n{}\n```"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a project with some files, beside one that is not in it."""
    root = tmp_path_factory.mktemp("files") / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a = 1\nb = 2\n")
    (root / "src" / ".env").write_text("SECRET")
    (root / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 9)
    (root.parent / "outside.txt").write_text("OUTSIDE")
    return root


@pytest.fixture(scope="module")
async def host(store: dict[str, str], project: Path) -> AsyncGenerator[Client]:
    """Returns a client of a server that a host started for the project, as Claude Code does."""
    async with attached(store | {"CLAUDE_PROJECT_DIR": str(project)}) as client:
        yield client


def count(store: dict[str, str], project: Path) -> int:
    """Returns how many tasks the project has; the store is made by the first use of a front."""
    if not (Path(store["LONGCALL_HOME"]) / "tasks.sqlite3").exists():
        return 0
    [found] = rows(Path(store["LONGCALL_HOME"]), "SELECT count(*) AS n FROM tasks WHERE project = ?", str(project))
    return found["n"]


async def echo(client: Client, **arguments: Any) -> dict[str, Any]:
    """Asks the model that answers with what it was told."""
    return await call(client, "llm_call", **{"prompt": "What is b?", "model": "demo/echo", **arguments})


async def test_a_model_is_shown_the_files_before_the_question(host: Client) -> None:
    answer = await echo(host, files=["src/*.py", "src/a.py:2"])
    assert answer["text"] == (
        'File "src/a.py":\n```\na = 1\nb = 2\n```\n\nFile "src/a.py" lines 2-2 of 2:\n```\nb = 2\n```\n\nWhat is b?'
    )
    listed = (await call(host, "poll_task"))["tasks"]
    assert listed[0]["head"] == "What is b?"


async def test_files_are_read_at_the_door_and_not_again(store: dict[str, str], host: Client, project: Path) -> None:
    (project / "edited.py").write_text("as it was\n")
    begun = await call(host, "start_task", prompt="x", model="demo/slow-0.5", files=["edited.py"])
    (project / "edited.py").write_text("changed\n")
    again = await call(host, "start_task", prompt="x", model="demo/slow-0.5", files=["edited.py"])
    assert again["task_id"] != begun["task_id"]  # another request, since it says something else
    [stored] = rows(Path(store["LONGCALL_HOME"]), "SELECT call FROM tasks WHERE id = ?", begun["task_id"])
    assert "as it was" in stored["call"]
    assert "changed" in (await echo(host, files=["edited.py"]))["text"]


async def test_every_member_of_a_group_is_shown_them(host: Client) -> None:
    begun = await call(host, "start_task", prompts=["one", "two"], model="demo/echo", files=["src/a.py"])
    group = await call(host, "poll_task", task_id=begun["task_id"], wait_s=45)
    texts = [(await call(host, "poll_task", task_id=line["task_id"]))["text"] for line in group["tasks"]]
    assert [text.rpartition("\n")[2] for text in texts] == ["one", "two"]
    assert all("b = 2" in text for text in texts)


@pytest.mark.parametrize(("files", "said"), [
    (["../outside.txt"], "outside the folders"), (["src/.env"], "hold secrets"), (["missing.py"], "no such file"),
    (["picture.png"], "not known to take image/png"), ([""], "empty"), (["src/a.py:9"], "lines"),
])  # fmt: skip
async def test_what_cannot_be_shown_is_an_error_and_no_task(
    store: dict[str, str], host: Client, project: Path, files: list[str], said: str
) -> None:
    before = count(store, project)
    for tool in ("llm_call", "start_task"):
        assert said in await error_text(host, tool, prompt="x", model="demo/echo", files=files)
    assert count(store, project) == before


async def test_a_dry_run_tells_what_would_be_sent_and_sends_nothing(
    store: dict[str, str], host: Client, project: Path
) -> None:
    before = count(store, project)
    for tool in ("llm_call", "start_task"):
        told = await call(
            host,
            tool,
            prompt="x",
            model="openai/gpt-4o-mini",
            files=["src", "picture.png"],
            max_tokens=1000,
            dry_run=True,
        )
        assert told["status"] == "dry_run"
        sent = told["would_send"]
        assert [(one["path"], one["bytes"]) for one in sent["files"]] == [("src/a.py", 12), ("picture.png", 17)]
        assert sent["skipped"] == ["src/.env: refused for its name (.env)"]
        [asked] = sent["calls"]
        assert asked["context_window"] == 128_000
        assert asked["input_usd"] == pytest.approx(asked["input_tokens"] * 0.15 / 1e6, abs=1e-6)
        assert asked["most_output_usd"] == pytest.approx(1000 * 0.6 / 1e6)
    assert count(store, project) == before


async def test_files_that_do_not_fit_into_the_window_are_told_with_the_largest(host: Client, project: Path) -> None:
    (project / "long.txt").write_text("word " * 14_000)
    said = await error_text(host, "llm_call", prompt="x", model="openai/gpt-4", files=["long.txt", "src"])
    assert "do not fit into the 8,192 of openai/gpt-4" in said
    assert "long.txt (" in said


async def test_an_answer_is_written_to_its_file(host: Client, project: Path) -> None:
    answer = await echo(host, prompt="Grüße", output_file="out/new/answer.md")
    path = project / "out" / "new" / "answer.md"
    assert path.read_text("utf-8") == "Grüße"
    digest = hashlib.sha256("Grüße".encode()).hexdigest()
    assert answer["output"] == {"path": str(path), "bytes": 7, "sha256": digest, "head": "Grüße"}
    assert answer["text"] == "Grüße"
    assert [entry.name for entry in path.parent.iterdir()] == ["answer.md"]


@pytest.mark.parametrize(("part", "prompt", "held"), [
    ("code", CODE, "print(1)\n"), ("json", '```json\n{"a": 1}\n```', '{"a": 1}\n'), ("text", CODE, CODE),
])  # fmt: skip
async def test_a_part_of_an_answer_is_written(host: Client, project: Path, part: str, prompt: str, held: str) -> None:
    answer = await echo(host, prompt=prompt, output_file="part", output_part=part, overwrite=True)
    assert answer["output"]["bytes"] == len(held)
    assert (project / "part").read_text() == held


async def test_an_answer_without_the_wanted_part_is_kept_and_nothing_is_written(host: Client, project: Path) -> None:
    answer = await echo(host, prompt="no code", output_file="part.py", output_part="code")
    assert (answer["status"], answer["text"]) == ("completed", "no code")
    assert "was not written" in answer["warnings"][0]
    assert "output" not in answer
    assert not (project / "part.py").exists()


async def test_a_file_is_never_written_over_unless_that_is_wanted(
    store: dict[str, str], host: Client, project: Path
) -> None:
    before = count(store, project)
    (project / "mine.txt").write_text("mine")
    assert "is there already" in await error_text(
        host, "llm_call", prompt="x", model="demo/echo", output_file="mine.txt"
    )
    assert count(store, project) == before
    assert (project / "mine.txt").read_text() == "mine"
    await echo(host, prompt="theirs", output_file="mine.txt", overwrite=True)
    assert (project / "mine.txt").read_text() == "theirs"


async def test_the_same_request_finds_its_answer_although_its_file_is_there(host: Client, project: Path) -> None:
    asked = {"prompt": "once", "output_file": "once.txt", "idempotency_key": "report-1"}
    first = await echo(host, **asked)
    assert (project / "once.txt").read_text() == "once"
    again = await echo(host, **asked)
    assert (again["task_id"], again["text"]) == (first["task_id"], "once")
    for other in ({"idempotency_key": "report-2"}, {"idempotency_key": "", "fresh": True}):
        assert "is there already" in await error_text(host, "llm_call", model="demo/echo", **{**asked, **other})
    assert "is there already" in await error_text(host, "llm_call", model="demo/echo", dry_run=True, **asked)


async def test_a_file_that_comes_to_be_meanwhile_stays_and_the_answer_is_kept(host: Client, project: Path) -> None:
    begun = await call(host, "start_task", prompt="x", model="demo/slow-1", output_file="late.txt")
    (project / "late.txt").write_text("mine")
    answer = await call(host, "poll_task", task_id=begun["task_id"], wait_s=45)
    assert (answer["status"], (project / "late.txt").read_text()) == ("completed", "mine")
    assert answer["text"].startswith("This answer was never in a hurry")
    assert "is there already" in answer["warnings"][0]


async def test_a_folder_that_becomes_a_link_meanwhile_is_not_written_to(host: Client, project: Path) -> None:
    (project / "soon").mkdir()
    begun = await call(host, "start_task", prompt="x", model="demo/slow-1", output_file="soon/late.txt")
    (project / "soon").rmdir()
    (project / "soon").symlink_to(project.parent)
    answer = await call(host, "poll_task", task_id=begun["task_id"], wait_s=45)
    assert "outside the folders" in answer["warnings"][0]
    assert not (project.parent / "late.txt").exists()


@pytest.mark.parametrize(("path", "said"), [
    ("../x", "outside"), ("/etc/x", "outside"), (".git/hooks/pre-commit", "hold secrets"), ("src", "is a folder"),
    ("src/", "names no file"), (".", "is a folder"), ("src/a.py/x", "a.py"),
])  # fmt: skip
async def test_nothing_is_asked_for_a_file_that_cannot_be_written(
    store: dict[str, str], host: Client, project: Path, path: str, said: str
) -> None:
    before = count(store, project)
    assert said in await error_text(host, "llm_call", prompt="x", model="demo/echo", output_file=path)
    assert count(store, project) == before


async def test_overwrite_alone_is_an_error(host: Client) -> None:
    assert "`output_file`" in await error_text(host, "llm_call", prompt="x", model="demo/echo", overwrite=True)


async def test_a_server_that_runs_in_no_project_opens_no_folder_but_the_operators(
    store: dict[str, str], project: Path
) -> None:
    async with attached(store | {"CLAUDE_PROJECT_DIR": "/"}) as client:
        assert "LONGCALL_ROOTS" in await error_text(
            client, "llm_call", prompt="x", model="demo/echo", files=["etc/passwd"]
        )
    async with attached(store | {"CLAUDE_PROJECT_DIR": "/", "LONGCALL_ROOTS": str(project)}) as client:
        assert "b = 2" in (await echo(client, files=[str(project / "src" / "a.py")]))["text"]
        assert "outside" in await error_text(client, "llm_call", prompt="x", model="demo/echo", files=["/etc/passwd"])
