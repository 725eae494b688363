"""How a request over HTTP is turned away."""

from collections.abc import Mapping
from typing import Protocol

from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.responses import Response


class Refuse(Protocol):
    """How a door says no: in the form of the errors that its clients know."""

    def __call__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
        """Returns the answer."""
        ...


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """Returns an answer that MCP clients can show: the sentence in a JSON-RPC error."""
    error = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=INVALID_REQUEST, message=sentence))
    text = error.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(text, status, headers, "application/json")
