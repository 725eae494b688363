"""The process of the provider that takes batches, seen from a test."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from support import batches_endpoint
from support.mocks import Mock, free_port, running

UPLOAD = "POST /v1/files"
CREATE = "POST /v1/batches"
LOOK = "GET /v1/batches/id"
LIST = "GET /v1/batches"
READ = "GET /v1/files/id/content"
CANCEL = "POST /v1/batches/id/cancel"


@dataclass(frozen=True)
class BatchesEndpoint:
    """A running endpoint; see `support.batches_endpoint` for its models."""

    mock: Mock

    def environ(self) -> dict[str, str]:
        """Returns the variables that make it the provider `openai`, looked at often."""
        return {
            "OPENAI_API_KEY": "sk-mock-openai-0123456789",
            "OPENAI_API_BASE": f"{self.mock.url}/v1",
            "LONGCALL_BATCH_POLL_S": "0.05",
        }

    def asked(self, model: str) -> list[dict[str, Any]]:
        """Returns the requests for batches of this model (without its provider), oldest first."""
        return [asked for asked in self.mock.ask("/requests") if asked["model"] == model]

    def requests(self, model: str) -> list[str]:
        """Returns what was requested for batches of this model: UPLOAD, CREATE and so on, oldest first."""
        return [asked["what"] for asked in self.asked(model)]

    def prompts(self, model: str) -> list[list[str]]:
        """Returns the prompts in each file of requests that came for this model."""
        files = [asked["lines"] for asked in self.asked(model) if asked["what"] == UPLOAD]
        return [[line["body"]["messages"][-1]["content"] for line in lines] for lines in files]

    def release(self, model: str) -> None:
        """Lets go on what was asked of this model."""
        self.mock.ask(f"/release/{quote(model)}", method="POST")


@contextmanager
def batches_endpoint_process() -> Generator[BatchesEndpoint]:
    """Runs the endpoint in a process of its own until the block ends."""
    port = free_port()
    with running([sys.executable, batches_endpoint.__file__, str(port)], port) as mock:
        yield BatchesEndpoint(mock)
