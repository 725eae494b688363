"""Asks several models the same question at once, and prints their answers one below the other."""

import argparse
import sys

import anyio

from longcall import LongcallError, poll_task, start_task


async def ask(question: str, models: list[str]) -> None:
    """Begins one task for each model, waits for all of them, and prints what came of each."""
    # The tasks are one group. They run side by side, so it takes as long as the slowest of them.
    begun = await start_task(question, models=models)
    assert begun.task_id is not None
    group = await poll_task(begun.task_id, wait_s=None)
    for member in group.tasks or []:
        answer = await poll_task(member.task_id)
        price = "price unknown" if answer.cost_usd is None else f"{answer.cost_usd} USD"
        print(f"== {answer.model}: {answer.status} after {answer.elapsed_s} s, {price}")
        # A model that failed does not take the others with it.
        print(answer.error["message"] if answer.error else answer.text)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question")
    parser.add_argument("models", nargs="+", help="provider/model, as many as you like")
    asked = parser.parse_args()
    try:
        anyio.run(ask, asked.question, asked.models)
    except LongcallError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
