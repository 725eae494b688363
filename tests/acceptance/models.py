"""What the models of the cases say. A judge is known by its system text, everything else by the words of its user."""

import json
from pathlib import Path
from typing import Any

JUDGE = "You check an answer that another model gave"
RECURSION = "Recursion is when a function calls itself on a smaller problem until it reaches a base case."
CPU = "The main job of a CPU, the processor, is to fetch instructions and to carry them out."
LEARNING = "Machine learning has computers learn patterns from data instead of following written rules."
FACTORIAL = "```python\ndef factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)\n```"
PERSON = '{"name": "John Doe", "age": 30, "city": "New York"}'
WORDS = "river lantern gravel"
FILE_TEXT = "written through MCP"


def report(passed: bool, details: Any, reasoning: str = "as asked") -> str:
    """Returns what a judge reports in the predecessor's form."""
    return json.dumps({"validation_passed": passed, "reasoning": reasoning, "details": details})


def _judge(words: str, content: str, **match: Any) -> dict[str, Any]:
    return {"match": {"systemMessage": JUDGE, "userMessage": words, **match}, "response": {"content": content}}


def _says(words: str, content: str, **match: Any) -> dict[str, Any]:
    return {"match": {"userMessage": words, **match}, "response": {"content": content}}


FIXTURES: list[dict[str, Any]] = [
    # Judges, each known by a word of its prompt.
    _judge("code-judge", report(True, "VALID")),
    _judge("code-sceptic", report(True, "INVALID")),
    _judge("code-refuser", report(False, "VALID", "It does not handle negative numbers.")),
    {
        "match": {"systemMessage": JUDGE, "userMessage": "judge-is-down"},
        "response": {"error": {"message": "overloaded", "type": "overloaded_error"}, "status": 400},
    },
    _judge("judge-talks", "I would say that it is fine."),
    _judge("file-judge", report(True, "SUCCESS: created and read")),
    _judge("file-sceptic", report(False, "FAILURE: nothing was read", "No file was read.")),
    _judge("count-judge", report(False, {"words": 4}, "There are four words."), sequenceIndex=0),
    _judge("count-judge", report(True, {"words": 3})),
    _judge("count-never", report(False, {"words": 4}, "There are four words, not three.")),
    _judge("details-judge", report(True, {"words": True, "spelling": False})),
    _judge("keyword-judge", report(True, {"found": True})),
    _judge("flat-earth-judge", report(False, "CONTRADICTION", "The Earth is called flat and round.")),
    # The models that answer.
    _says("[count-again]", WORDS),
    _says("[count-never]", "one two three four"),
    _says("[trailing-comma]", '{"ok": true}'),
    _says("[not_empty]", " "),
    _says("[field_present", '{"name": "Jane Doe", "age": "thirty"}'),
    _says("Your last answer did not pass", FACTORIAL),
    _says("main job of a CPU", CPU),
    _says("Explain recursion", RECURSION),
    _says("What is machine learning", LEARNING),
    _says("factorial", FACTORIAL),
    _says("John Doe", f"```json\n{PERSON}\n```"),
    _says("Jane Doe", '{"name": "Jane Doe", "age": "thirty"}'),
    _says("2 + 2", "2 + 2 is 4."),
    _says("three random words", "apple and two others"),
    _says("three stubborn words", "one two three four"),
    _says("Galilean moons", "Io, Europa, Ganymede and Callisto."),
    _says("capital of France", "Paris."),
    _says("a book as JSON", '{"title": "Emma", "author": "Jane Austen", "year_published": 1815}'),
    _says("a city as JSON", '{"city": "Oslo", "country": "Norway"}'),
    _says(
        "a session as JSON",
        '{"session": {"id": 7, "title": "Proofs", "speaker": {"name": "Ada", "bio": "x"}, "tags": ["a"]}}',
    ),
    _says("a colour", "The sky is blue."),
    _says("an e-mail address", "Write to ada@example.org today."),
    _says("say nothing", " "),
    {
        "match": {"userMessage": "a long story"},
        "response": {"content": "Once upon a", "finishReason": "length"},
    },
    _says("trailing comma", '{"ok": true,}'),
    _says("my name is Alice", "You are Alice."),
    _says("{CRITERIA}", "The braces {CRITERIA} and {ORIGINAL_USER_PROMPT} are only text."),
]


def files_turns(folder: Path) -> list[dict[str, Any]]:
    """Returns the turns of a model that writes a file through the filesystem server, reads it back, and says so."""
    path = str(folder / "note.txt")
    write = {"id": "write-1", "name": "mcp__filesystem__write_file"}
    read = {"id": "read-1", "name": "mcp__filesystem__read_text_file", "arguments": json.dumps({"path": path})}
    write["arguments"] = json.dumps({"path": path, "content": FILE_TEXT})
    return [
        {"match": {"toolCallId": "read-1"}, "response": {"content": f"Created and read it: {FILE_TEXT}"}},
        {"match": {"toolCallId": "write-1"}, "response": {"toolCalls": [read]}},
        {"match": {"userMessage": "file through MCP"}, "response": {"toolCalls": [write]}},
        {"match": {"userMessage": "a file that stays unwritten"}, "response": {"content": "Created and read it."}},
    ]
