"""A hundred small files in a call, beside reading them directly, and through a filesystem server."""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio.to_thread
from mcp import Client

from benchmarks.report import Figure, median
from benchmarks.stage import FRONT, attached, call, stage
from longcall.files.gathering import gather
from longcall.files.roots import Roots
from longcall.mcp_client.filesystem import stand_in
from longcall.mcp_client.pool import open_pool

_FILES = 100
_MOST_RATIO = 1.5
_LINE = "def f(x): return x + 1  # a line of a small file\n"


async def run(*, quick: bool) -> list[Figure]:
    """Attaches the files to calls of a real server, and reads them in the two other ways."""
    rounds = 3 if quick else 15
    with stage() as here, TemporaryDirectory() as folder:
        project, names = await anyio.to_thread.run_sync(_made, folder)
        async with attached({**here.environ, "CLAUDE_PROJECT_DIR": str(project)}, FRONT) as client:
            plain = await _asked(client, [], rounds)
            shown = await _asked(client, ["src"], rounds)
        direct, own = await anyio.to_thread.run_sync(_read, project, names, rounds)
        started, served = await _served(project, names, rounds)
    allowed = _MOST_RATIO * direct + served
    goal = f"at most {_MOST_RATIO} x reading them directly + the filesystem server's own calls"
    return [
        Figure(f"call with {_FILES} files", shown, "ms", direct, goal, shown <= allowed),
        Figure("the same call without files", plain, "ms"),
        Figure(f"finding, checking and reading {_FILES} files", own, "ms", direct),
        Figure(f"{_FILES} files through a warm filesystem server", served, "ms", direct),
        Figure("start of that server, once for each front", started, "ms"),
    ]


def _made(folder: str) -> tuple[Path, list[str]]:
    project, names = Path(folder).resolve(), [f"src/f{number:03}.py" for number in range(_FILES)]
    (project / "src").mkdir()
    for name in names:
        (project / name).write_text(_LINE * 20)
    return project, names


async def _asked(client: Client, files: list[str], rounds: int) -> float:
    took: list[float] = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        await call(client, "llm_call", prompt="x", model="demo/echo", files=files or None, fresh=True)
        took.append(time.perf_counter() - begun)
    return median(took[1:]) * 1000


def _read(project: Path, names: list[str], rounds: int) -> tuple[float, float]:
    direct: list[float] = []
    own: list[float] = []
    roots = Roots.of([str(project)])
    for _ in range(rounds):
        begun = time.perf_counter()
        for name in names:
            (project / name).read_text("utf-8")
        direct.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        gather(["src"], roots)
        own.append(time.perf_counter() - begun)
    return median(direct) * 1000, median(own) * 1000


async def _served(project: Path, names: list[str], rounds: int) -> tuple[float, float]:
    server = {"mcpServers": {"filesystem": stand_in([str(project)])}}
    async with open_pool(None, [], {"PATH": str(Path(sys.executable).parent)}) as pool:
        begun = time.perf_counter()
        files = await pool.toolbox([], server, [], [str(project)])
        started = time.perf_counter() - begun
        took: list[float] = []
        for _ in range(rounds):
            begun = time.perf_counter()
            for name in names:
                await files.call("mcp__filesystem__read_text_file", json.dumps({"path": str(project / name)}))
            took.append(time.perf_counter() - begun)
    return started * 1000, median(took) * 1000
