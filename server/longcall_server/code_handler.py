"""The tool that checks code."""

from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from longcall_server.answering import Ctx, patience_of, progress, promise
from longcall_server.asking import session_of
from longcall_server.parameters import TEXT, Cases, Code, TimeoutS, WaitS
from longcall_server.reply import tool_errors

Format = Annotated[Literal["report", "sarif"], Field(description="sarif: SARIF 2.1.0.")]


async def validate_code(
    ctx: Ctx,
    code: Code = "",
    files: Annotated[list[str] | None, Field(description="Instead of `code`: paths in this project.")] = None,
    language: Annotated[str, TEXT, Field(description="Else found out.")] = "",
    checks: Annotated[
        list[str] | None,
        Field(description="Only these: syntax, lint, types, security, expected (cases), tests, run."),
    ] = None,
    cases: Cases = None,
    entry_point: Annotated[str, TEXT, Field(description="The function that cases call, of several.")] = "",
    tests: Annotated[str, TEXT, Field(description="A test file: pytest, unittest or node:test.")] = "",
    task: Annotated[str, TEXT, Field(description="What the code was to do, for a judge.")] = "",
    criteria: Annotated[list[str] | None, Field(description="What a judge must find true.")] = None,
    judge: Annotated[dict[str, Any] | None, Field(description='{"models": […], "require", "prompt"}')] = None,
    format: Format = "report",  # noqa: A002  # what such an argument is called everywhere
    timeout_s: TimeoutS = None,
    wait_s: WaitS = None,
) -> CallToolResult:
    """Check code before you trust it: syntax, lint, types, security; with `cases` or `tests` it is run in a sandbox.

    Static checks see few mistakes of meaning: give `cases` for a verdict that means something. `verdict` is pass, fail
    or inconclusive, `assurance` says what a pass is worth, and the text is for the author of the code.
    """
    asked = {"code": code or None, "language": language or None, "checks": checks, "cases": cases}
    asked |= {"entry_point": entry_point or None, "tests": tests or None}
    with tool_errors():
        session = await session_of(ctx.request_context)
        result = await session.validate_code(
            asked,
            paths=files or (),
            wait_s=wait_s if wait_s is not None else patience_of(ctx),
            timeout_s=timeout_s,
            on_progress=progress(ctx),
            criteria=criteria,
            judge=judge,
            task=task or None,
        )
        if format == "sarif" and result.report is not None:
            from longcall.code_task import sarif_of  # noqa: PLC0415  # a server that starts checks no code

            result = result.model_copy(update={"report": sarif_of(result.report)})
    return promise(ctx, result, failure_is_error=True)
