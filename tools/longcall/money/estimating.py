"""Estimates what a request takes at most, before it is sent."""

import json
from collections.abc import Mapping
from typing import Any

from longcall.call import Call, Message
from longcall.estimate import tokens_of
from longcall.money.estimate import Estimate
from longcall.money.prices import Prices
from longcall.providers import Talk

MOST_OUTPUT = 16_384
"""Tokens that an answer without `max_tokens` is taken to have at most: few are longer, and some models may write ten
times as much, for which no cap would ever have room."""
_TURN_TOKENS = 4
"""What a turn costs beside its text."""
_PART_TOKENS = 1_600
"""About what the larger providers count for an image at most."""
_BYTES_PER_TOKEN_OF_FILES = 40
"""A page of a PDF, text and picture, is some 2,000 tokens and hardly ever less than 80,000 characters in base64."""


def estimate(prices: Prices, call: Call, talk: Talk | None = None, *, more_tokens: int = 0) -> Estimate:
    """Returns what a request for `call` takes at most, with what was said after its messages.

    `more_tokens` are those of files that are not in the call yet.
    """
    asked = more_tokens + sum(map(_tokens, call.messages)) + _json_tokens(call.response_schema)
    if talk is not None:
        asked += _json_tokens([*talk.tools, *talk.turns])
    answered = call.max_tokens or min(prices.most_output(call.model) or MOST_OUTPUT, MOST_OUTPUT)
    price = prices.of(call.model, asked)
    return Estimate(asked, answered, None if price is None else price.of(asked, answered))


def _tokens(message: Message) -> int:
    parts = [] if isinstance(message.content, str) else message.content
    return _TURN_TOKENS + tokens_of(message.text) + sum(_part_tokens(part) for part in parts)


def _part_tokens(part: Mapping[str, Any]) -> int:
    if part.get("type") == "text":
        return 0  # the message's text has it
    data = part.get("file")
    size = len(str(data.get("file_data", ""))) if isinstance(data, dict) else 0  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return max(_PART_TOKENS, size // _BYTES_PER_TOKEN_OF_FILES)


def _json_tokens(value: Any) -> int:
    return tokens_of(json.dumps(value, ensure_ascii=False)) if value else 0
