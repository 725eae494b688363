"""The guide to observability says only what is true: its snippet is run here, and its tables name all that is sent."""

import json
import re
import sys
from pathlib import Path

import anyio
import pytest
from support.collector import collector
from support.filesystem import installed
from support.mocks import aimock
from support.processes import PATIENCE_S, attached, call, until

GUIDE = (Path(__file__).parents[1] / "docs" / "observability.md").read_text("utf-8")


def snippet() -> str:
    """Returns the guide's commands."""
    (found,) = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return found


async def test_the_snippet_has_spans_sent(home: Path, environ: dict[str, str]):
    assert home
    with collector() as told:
        ours = f'longcall() {{ "{sys.executable}" -m longcall_server "$@"; }}\n'
        script = ours + snippet().replace("http://127.0.0.1:4318", told.url)
        assert told.url in script
        quick = environ | {name: value for name, value in told.environ().items() if "ENDPOINT" not in name}
        with anyio.fail_after(PATIENCE_S):
            done = await anyio.run_process(["bash", "-c", script], env=quick, check=False)
        assert (done.returncode, done.stdout) == (0, b"Say hello\n"), done.stderr
        await until(lambda: told.spans("longcall.task"))
        assert [span.name for span in told.spans()] == ["chat echo", "longcall.task"]


@pytest.mark.parametrize("shows", ["false", "true"])
async def test_the_tables_name_all_that_is_sent(home: Path, environ: dict[str, str], tmp_path: Path, shows: str):
    assert home
    use = {"id": "look-1", "name": "mcp__filesystem__list_allowed_directories", "arguments": "{}"}
    fixtures = [
        {"match": {"toolCallId": "look-1"}, "response": {"content": json.dumps({"seen": True})}},
        {"match": {}, "response": {"toolCalls": [use]}},
    ]
    with collector() as told, aimock(fixtures, tmp_path) as model:
        content = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": shows}
        programs = {"PATH": installed(tmp_path / "bin")}
        async with attached(environ | model.environ() | told.environ(**content) | programs) as front:
            asked = {"model": "openai/gpt-4o", "servers": ["filesystem"], "temperature": 0.5, "max_tokens": 50}
            await call(front, "llm_call", prompt="look", response_schema={"type": "object"}, **asked)
            await call(front, "llm_call", prompt="fail", model="demo/fail")
        await until(lambda: len(told.spans("longcall.task")) == 2)
        await until(lambda: sum(told.metric("longcall.tasks").values()) == 2)
        events = await until(told.events)
        names = {name for one in (*told.spans(), *events) for name in one.attributes}
        assert {name for name in names | told.metric_names() if f"`{name}`" not in GUIDE} == set()
        assert {span.name.split(" ")[0] for span in told.spans()} == {"longcall.task", "chat", "execute_tool"}
        content_names = {"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.call.arguments"}
        assert (content_names <= names) == (shows == "true")
        assert (content_names & names == set()) == (shows == "false")
        table = GUIDE.split("### Metrics")[1].split("### Events")[0]
        listed = set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE))
        assert listed - told.metric_names() <= {"longcall.cost"}  # gpt-4o has a price, where the mock counts tokens
