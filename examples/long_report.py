"""Has a long report written to a file. Ctrl-C ends the waiting only: run it again, and it waits for the same work.

The request carries a key of its own, so the second run finds the task of the first, and nothing is paid twice.
"""

import argparse
import sys
from pathlib import Path

import anyio

from longcall import LongcallError, Result, poll_task, start_task


async def write(topic: str, path: Path, model: str | None, edition: str) -> None:
    """Begins the report, or finds the one begun before, and waits until it is in the file."""
    begun = await start_task(
        f"Write a thorough report on {topic}, in Markdown, with a summary at its beginning.",
        model=model,
        output_file=str(path),
        # The second run may find that the first one's report has arrived there.
        overwrite=True,
        # Whoever asks with the same key is led to the same task, also when it has ended or failed.
        idempotency_key=f"{path} on {topic} by {model}, edition {edition}",
    )
    assert begun.task_id is not None
    print(f"Task {begun.task_id}", flush=True)
    report = await poll_task(begun.task_id, wait_s=None, on_progress=show)
    if report.status != "completed" or report.output is None:
        reason = report.error["message"] if report.error else " ".join(report.warnings)
        sys.exit(f"No report ({report.status}): {reason} Another --edition has it written anew.")
    print(f"{report.output['bytes']} bytes in {report.output['path']}")


async def show(report: Result) -> None:
    """Shows how far it is; called about every two seconds."""
    print(report.progress, file=sys.stderr)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("file", type=Path, help="where the report goes, below the current folder")
    parser.add_argument("--model", help="provider/model; else LONGCALL_MODEL")
    parser.add_argument("--edition", default="1", help="any other word than before has the report written anew")
    asked = parser.parse_args()
    try:
        anyio.run(write, asked.topic, asked.file.resolve(), asked.model, asked.edition)
    except KeyboardInterrupt:
        sys.exit("What was begun goes on. Run the same command again to wait for it.")
    except LongcallError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
