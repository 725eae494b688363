"""The scripted endpoint's process, seen from a test."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from support import endpoint
from support.mocks import Mock, free_port, running


@dataclass(frozen=True)
class ScriptedEndpoint:
    """A running endpoint; see `support.endpoint` for its models."""

    mock: Mock

    def environ(self, key: str = "sk-mock-openai-0123456789") -> dict[str, str]:
        """Returns the variables that make it the provider `openai`."""
        return {"OPENAI_API_KEY": key, "OPENAI_API_BASE": f"{self.mock.url}/v1"}

    def asked(self, prompt: str) -> list[dict[str, str]]:
        """Returns the requests with this prompt, oldest first: model, prompt, authorization and state."""
        return [asked for asked in self.mock.ask("/requests") if asked["prompt"] == prompt]

    def states(self, prompt: str) -> list[str]:
        """Returns what has become of the requests with this prompt: `open`, `answered` or `hung up`."""
        return [asked["state"] for asked in self.asked(prompt)]

    def release(self, prompt: str) -> None:
        """Lets go on what was asked with this prompt."""
        self.mock.ask(f"/release/{prompt}", method="POST")


@contextmanager
def scripted_endpoint() -> Generator[ScriptedEndpoint]:
    """Runs the endpoint in a process of its own until the block ends."""
    port = free_port()
    with running([sys.executable, endpoint.__file__, str(port)], port) as mock:
        yield ScriptedEndpoint(mock)
