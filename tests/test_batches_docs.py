"""docs/batches.md says only what is true: its snippet is run here, against a provider that takes batches."""

import re
import subprocess
import sys
from pathlib import Path

from support.batches import batches_endpoint_process
from support.processes import kill, worker_processes

from longcall.providers import batch, batches
from longcall.settings import Settings

DOCS = (Path(__file__).parents[1] / "docs" / "batches.md").read_text("utf-8")


def test_the_python_example_prints_what_it_should(environ: dict[str, str], tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    with batches_endpoint_process() as endpoint:
        ours = environ | endpoint.environ()
        try:
            done = subprocess.run(
                [sys.executable, "-c", example],
                env=ours,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            kill(worker_processes(Path(ours["LONGCALL_HOME"])))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["dry_run 2", "working 2"]


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{batches.GATHER_S:g} s at most" in DOCS
    assert f"{batch.MOST_REQUESTS:,} calls or {batch.MOST_BYTES // 1_000_000} MB" in DOCS
    assert f"after {batches.FIRST_PAUSE_S:g} s" in DOCS
    assert f"every {Settings().batch_poll_s:g} s" in DOCS
