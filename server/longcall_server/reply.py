"""Our results as MCP's, and our errors as tool errors; nowhere else."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent

from longcall.errors import LongcallError

if TYPE_CHECKING:
    from longcall.result import Result


def reply(result: "Result", *, text_only: bool, failure_is_error: bool = False) -> CallToolResult:
    """Returns a result for models to read: a line of facts, then the text as it is; and for programs, structured.

    `text_only` leaves the structured form out, for hosts that would show their model that one.
    """
    facts = result.model_dump(mode="json", exclude_none=True)
    if not result.warnings:
        del facts["warnings"]
    shown = {name: value for name, value in facts.items() if name != "text"}
    text = json.dumps(shown, ensure_ascii=False)
    if result.text:
        text += f"\n\n{result.text}"
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=None if text_only else facts,
        is_error=failure_is_error and result.status == "failed",
    )


@contextmanager
def tool_errors() -> Generator[None]:
    """Turns our errors into tool errors, whose sentence the calling model reads."""
    try:
        yield
    except LongcallError as error:
        raise ToolError(str(error)) from error
