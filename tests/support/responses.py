"""The process of the provider that works in the background, seen from a test."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from support import responses_endpoint
from support.mocks import Mock, free_port, running

SEND = "POST /v1/responses"
LOOK = "GET /v1/responses/id"
CANCEL = "POST /v1/responses/id/cancel"


@dataclass(frozen=True)
class ResponsesEndpoint:
    """A running endpoint; see `support.responses_endpoint` for its models."""

    mock: Mock

    def environ(self, key: str = "sk-mock-openai-0123456789") -> dict[str, str]:
        """Returns the variables that make it the provider `openai`."""
        return {"OPENAI_API_KEY": key, "OPENAI_API_BASE": f"{self.mock.url}/v1"}

    def asked(self, prompt: str) -> list[dict[str, Any]]:
        """Returns the requests for the answer to this prompt, oldest first."""
        return [asked for asked in self.mock.ask("/requests") if asked["prompt"] == prompt]

    def requests(self, prompt: str) -> list[str]:
        """Returns what was requested for the answer to this prompt: SEND, LOOK and CANCEL, oldest first."""
        return [asked["what"] for asked in self.asked(prompt)]

    def release(self, prompt: str) -> None:
        """Lets go on what was asked with this prompt."""
        self.mock.ask(f"/release/{quote(prompt)}", method="POST")


@contextmanager
def responses_endpoint_process() -> Generator[ResponsesEndpoint]:
    """Runs the endpoint in a process of its own until the block ends."""
    port = free_port()
    with running([sys.executable, responses_endpoint.__file__, str(port)], port) as mock:
        yield ResponsesEndpoint(mock)
