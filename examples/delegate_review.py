"""Has another model review a file of your project, and prints what it found.

The answer must fit a JSON Schema. The model is told what is wrong with one that does not, and has three tries in all.
"""

import argparse
import json
import sys

import anyio

from longcall import LongcallError, llm_call

FINDING = {
    "type": "object",
    "properties": {
        "line": {"type": "integer", "minimum": 1},
        "severity": {"enum": ["high", "medium", "low"]},
        "problem": {"type": "string"},
        "remedy": {"type": "string"},
    },
    "required": ["line", "severity", "problem", "remedy"],
    "additionalProperties": False,
}
REVIEW = {
    "type": "object",
    "properties": {"findings": {"type": "array", "items": FINDING}},
    "required": ["findings"],
    "additionalProperties": False,
}
TASK = (
    "Review this file. Name faults only: bugs, races, leaks, input that is not checked. Leave out matters of style."
    " No findings is a fine answer."
)


async def review(path: str, model: str | None) -> None:
    """Prints the findings of the model, or ends with the reason why there are none to trust."""
    # The file is read now, below the current folder, and shown to the model with its name.
    answer = await llm_call(TASK, model=model, files=[path], response_schema=REVIEW)
    if answer.status != "completed" or answer.text is None:
        reason = answer.error["message"] if answer.error else answer.next
        sys.exit(f"No review ({answer.status}): {reason}")
    for finding in json.loads(answer.text)["findings"]:
        print(f"{path}:{finding['line']}: {finding['severity']}: {finding['problem']}")
        print(f"    {finding['remedy']}")
    price = "price unknown" if answer.cost_usd is None else f"{answer.cost_usd} USD"
    print(f"Reviewed by {answer.model}, attempts: {answer.attempts}, {price}.")


async def estimate(path: str, model: str | None) -> None:
    """Prints what the review would send and cost. Nothing is sent, and no key is needed."""
    told = await llm_call(TASK, model=model, files=[path], response_schema=REVIEW, dry_run=True)
    assert told.would_send is not None
    print(json.dumps(told.would_send, indent=2))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--model", help="provider/model; else LONGCALL_MODEL")
    parser.add_argument("--dry-run", action="store_true", help="tell tokens and price, and send nothing")
    asked = parser.parse_args()
    try:
        anyio.run(estimate if asked.dry_run else review, asked.file, asked.model)
    except LongcallError as error:
        # It cannot be asked so: no such file, no model named, too large for the model. Nothing was sent.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
