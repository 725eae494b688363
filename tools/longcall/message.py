"""One turn of a conversation."""

import json
from typing import Any, Literal

from pydantic import BaseModel, field_validator

from longcall.text import clean

ContentPart = dict[str, Any]
"""One part of a message in the OpenAI chat form: `{"type": "text", "text": …}`, `{"type": "image_url", …}`."""


class Message(BaseModel, frozen=True, extra="forbid"):
    """One turn of a conversation, in the OpenAI chat form."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    @field_validator("content")
    @classmethod
    def _is_valid_unicode(cls, content: str | list[ContentPart]) -> str | list[ContentPart]:
        if isinstance(content, str):
            return clean(content)
        try:
            return json.loads(clean(json.dumps(content, ensure_ascii=False)))
        except (TypeError, ValueError):
            raise ValueError("the parts of a message must be JSON, without bytes or other objects") from None

    @property
    def text(self) -> str:
        """The text of the message; parts that are no text are left out."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(part["text"] for part in self.content if isinstance(part.get("text"), str))
