"""One chat request through LiteLLM, and what its stream tells."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.providers import Event, ToolCalls
from longcall.providers.litellm_completion import completion
from longcall.providers.litellm_errors import refusal, told, was_turned_away
from longcall.providers.litellm_tools import ToolsHeard


@dataclass(slots=True)
class _Heard:
    """What a stream has told so far."""

    model: str
    text: bool = False
    reason: str | None = None
    usage: Any = None
    tools: ToolsHeard = field(default_factory=ToolsHeard)

    def take(self, response: Any, chunk: Any) -> str | None:
        """Notes what `chunk` tells and returns its text."""
        self.model = chunk.model or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        text = chunk.choices[0].delta.content if chunk.choices else None
        if chunk.choices and (pieces := getattr(chunk.choices[0].delta, "tool_calls", None)):
            self.tools.take(pieces)
        # A reason that comes with the last text (Gemini) shows only in the second field, where a later chunk may take
        # it away again; older Gemini models send one with every text, of which only the last one counts.
        reason = response.received_finish_reason or response.intermittent_finish_reason
        self.reason = reason or (None if text else self.reason)
        self.text = self.text or bool(text)
        return text


async def request(
    litellm: Any,
    call: Call,
    arguments: dict[str, Any],
    warnings: list[str],
    turns: Sequence[Mapping[str, Any]] = (),
    endpoint: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncGenerator[Event]:
    """Sends one chat request; `turns` follow the call's messages, `endpoint` says where, under which name and key.

    Raises:
        ProviderError: it was refused, or the answer broke off.
    """
    try:
        response = await litellm.acompletion(
            messages=[*(message.model_dump() for message in call.messages), *turns],
            stream=True,
            stream_options={"include_usage": True},
            max_retries=0,
            timeout=call.timeout_s,
            drop_params=True,
            **{"model": call.model, **arguments, **endpoint},
        )
    except Exception as error:
        raise refusal(litellm, call.model, error) from error
    heard = _Heard(call.model)
    try:
        async for chunk in response:
            text = heard.take(response, chunk)
            if text or call.is_watched:
                yield text or ""  # a model that thinks lives
            if not text and response.received_finish_reason is not None and getattr(chunk, "usage", None) is not None:
                break  # nothing more can come; reading on makes LiteLLM assemble and log the whole answer once more
    except Exception as error:
        raise _broken(litellm, call, error, heard) from error
    finally:
        await response.aclose()
    if heard.reason is None:
        raise _cut_off(call.model, None, heard)
    if asked := heard.tools.calls():
        yield ToolCalls(asked)
    yield completion(
        litellm,
        call,
        model=heard.model,
        reason=heard.reason,
        usage=heard.usage,
        has_text=heard.text,
        warnings=warnings,
    )


def _broken(litellm: Any, call: Call, error: Exception, heard: _Heard) -> ProviderError:
    # Some send their request only now (Gemini): what proves that no answer began is a refusal like any other.
    if not heard.text and was_turned_away(error):
        return refusal(litellm, call.model, error)
    return _cut_off(call.model, error, heard)


def _cut_off(model: str, error: Exception | None, heard: _Heard) -> ProviderError:
    said = f" ({told(error)})" if error is not None else ""
    kept = "The text so far is kept. " if heard.text else ""
    return ProviderError(
        "incomplete_stream",
        f"The answer of {model} broke off before its end{said}. {kept}It may have been billed, so it was not asked"
        " again; call again to pay for a new answer.",
        retryable=True,
    )
