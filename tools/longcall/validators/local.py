"""Validators that decide on this machine, in a thread, so that the loop stays prompt while they do."""

import time
from typing import Any

import anyio.to_thread

from longcall.validators.base import MAX_ISSUES, Answer, BaseValidator, Issue, ValidatorError
from longcall.validators.document import NotJsonError, Repair, json_of, parse_json
from longcall.validators.target import Part, TargetError, found_json, parts, value_at

MAX_PARTS = 200
SECONDS = 60.0
"""After so long no further part of an answer is begun."""


class LocalValidator(BaseValidator, frozen=True, extra="forbid"):
    """A validator whose `check` needs nobody else."""

    async def find(self, answer: Answer) -> list[Issue]:
        """Runs `check` in a thread; an answer that lacks the target is an issue."""
        try:
            found = await anyio.to_thread.run_sync(self.check, answer, abandon_on_cancel=True)
        except TargetError as error:
            return [self.issue(error.code, str(error), path=error.path)]
        except (RecursionError, MemoryError):
            raise ValidatorError(f"{self.name} could not check the answer: it is nested too deeply.") from None
        return found[:MAX_ISSUES]

    def check(self, answer: Answer) -> list[Issue]:
        """Returns what is wrong with `answer`.

        Raises:
            TargetError: it lacks what was to be checked.
            ValidatorError: it could not be checked.
        """
        raise NotImplementedError


class TextValidator(LocalValidator, frozen=True, extra="forbid"):
    """A validator of text: each part of the answer that its target names is looked at by itself."""

    def check(self, answer: Answer) -> list[Issue]:
        """Looks at the parts one after the other, until enough is wrong."""
        found: list[Issue] = []
        end = time.monotonic() + SECONDS
        for at, part in enumerate(self.parts(answer)):
            if len(found) >= MAX_ISSUES:
                break
            if at >= MAX_PARTS or time.monotonic() > end:
                raise ValidatorError(f"{self.name} could not check the answer: it has too many parts.")
            found += self.look(part, answer)
        return found

    def parts(self, answer: Answer) -> list[Part]:
        """Returns what is to be looked at."""
        return parts(answer.text, self.target)

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Returns what is wrong with `part`; told with its path."""
        raise NotImplementedError


class ValueValidator(LocalValidator, frozen=True, extra="forbid"):
    """A validator of JSON values: of the answer's JSON, of what a pointer names in it, or of each code block's."""

    repair: Repair = "off"
    """`safe` mends what is nearly JSON before it is checked; the result of a call tells that it did."""

    def check(self, answer: Answer) -> list[Issue]:
        """Looks at every value."""
        try:
            values = self._values(answer)
        except NotJsonError as error:
            return [self.issue(error.code, str(error), got=answer.text, hint="Answer with JSON and nothing else.")]
        return [issue for value, path in values for issue in self.look(value, path)]

    def _values(self, answer: Answer) -> list[tuple[Any, str]]:
        if self.target in ("text", "json"):
            return [(json_of(answer.text, repair=self.repair).value, "")]
        if self.target.startswith("/"):
            return [(value_at(self._whole(answer), self.target), self.target)]
        blocks = parts(answer.text, self.target)
        if len(blocks) > MAX_PARTS:
            raise ValidatorError(f"{self.name} could not check the answer: it has too many parts.")
        return [(self._block(part), part.path) for part in blocks]

    def _whole(self, answer: Answer) -> Any:
        return json_of(answer.text, repair="safe").value if self.repair == "safe" else found_json(answer.text).value

    def _block(self, part: Part) -> Any:
        return (
            json_of(part.text, fenced=False, repair=self.repair).value
            if self.repair == "safe"
            else parse_json(part.text)
        )

    def look(self, value: Any, path: str) -> list[Issue]:
        """Returns what is wrong with `value`, which stands at `path`."""
        raise NotImplementedError


def at(path: str, pointer: str) -> str:
    """Returns where `pointer` points in what stands at `path`."""
    return f"{path} {pointer}".strip() if path.startswith("block") else path + pointer
