"""Has a model write a function, runs it on cases in a sandbox, and asks again until every case holds."""

import argparse
import sys

import anyio

from longcall import LongcallError, llm_call

TASK = (
    "Write a Python function `roman(number)` that returns the Roman numeral of a whole number from 1 to 3999 and raises"
    " ValueError for any other number. Answer with the code alone."
)
CASES = [
    {"args": [1], "expected": "I"},
    {"args": [4], "expected": "IV"},
    {"args": [90], "expected": "XC"},
    {"args": [1994], "expected": "MCMXCIV"},
    {"args": [3999], "expected": "MMMCMXCIX"},
    {"args": [0], "raises": "ValueError"},
]


async def write(model: str | None) -> None:
    """Prints the function and how it came about, or ends with what is wrong with the best attempt."""
    answer = await llm_call(
        TASK,
        model=model,
        validate=[{"type": "code", "language": "python", "entry_point": "roman", "cases": CASES}],
        # After a failure the model is told which cases failed, and with which result. The budget counts all attempts.
        retry={"max_attempts": 4, "budget": {"tokens": 20_000}},
    )
    for attempt in (answer.validation or {}).get("attempts", []):
        print(f"Attempt {attempt['n']}: {'; '.join(attempt['issues']) or 'every case holds'}", file=sys.stderr)
    if answer.status != "completed":
        reason = answer.error["message"] if answer.error else answer.next
        sys.exit(f"No function ({answer.status}): {reason}")
    print(answer.text)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="provider/model; else LONGCALL_MODEL")
    asked = parser.parse_args()
    try:
        anyio.run(write, asked.model)
    except LongcallError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
