"""Messages as the conventions write them down."""

import json

from longcall.message import Message
from longcall.models import Completion
from longcall.providers import Talk, ToolCall
from longcall.telemetry import content


def test_parts_that_are_no_text_are_named_without_their_data():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    message = Message(role="user", content=[{"type": "text", "text": "Look"}, image])
    [told] = json.loads(content.asked([message], None))
    assert told == {"role": "user", "parts": [{"type": "text", "content": "Look"}, {"type": "image_url"}]}


def test_uses_of_tools_follow_the_messages():
    function = {"name": "look", "arguments": "no JSON"}
    turns = [
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [{"id": "1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "seen"},
    ]
    told = json.loads(content.asked([Message(role="user", content="x")], Talk((), turns)))
    call = {"type": "tool_call", "id": "1", "name": "look", "arguments": "no JSON"}
    assert told[1:] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Wait."}, call]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "seen"}]},
    ]


def test_an_answer_is_text_or_tools_or_both():
    tool = ToolCall("1", "look", '{"at": 2}')
    wanted = {"type": "tool_call", "id": "1", "name": "look", "arguments": {"at": 2}}
    text = {"type": "text", "content": "Hm"}
    for said, tools, parts in (("Hm", [], [text]), ("", [tool], [wanted]), ("Hm", [tool], [text, wanted])):
        [told] = json.loads(content.answered(said, Completion("m", "stop"), tools))
        assert told == {"role": "assistant", "parts": parts, "finish_reason": "stop"}
