"""The answer is an OpenAPI description."""

from typing import ClassVar, Literal

from longcall.validators.apart import apart
from longcall.validators.base import Answer, Issue
from longcall.validators.local import TextValidator
from longcall.validators.target import Part, pick


class OpenApi(TextValidator, frozen=True, extra="forbid"):
    """The text, or its code block, is a valid OpenAPI 2.0, 3.0, 3.1 or 3.2 document in JSON or YAML.

    It must stand alone: a reference to another document is an issue, and nothing is fetched.
    """

    cost: ClassVar[int] = 2

    type: Literal["openapi"] = "openapi"

    def parts(self, answer: Answer) -> list[Part]:
        """Takes the code blocks of JSON or YAML, where there are code blocks."""
        return pick(answer.text, self.target, ("yaml", "yml", "json", "openapi"))

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `openapi`."""
        del answer
        return [
            self.issue("openapi", message, path=f"{part.path} {where or ''}".strip())
            for message, where in apart("openapi", part.text)
        ]
