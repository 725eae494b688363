"""Which folders a call may use, and what is left out of one that uses none."""

from pathlib import Path

import pytest

from longcall.errors import CallError
from longcall.preparing import Desk, roots_of
from longcall.settings import Settings


def desk(*roots: Path, is_operator: bool = False) -> Desk:
    return Desk(Settings(model="demo/echo"), {}, tuple(map(str, roots)), is_operator)


def test_the_roots_are_the_projects_and_the_operators(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "more")
    settings = Settings(roots=(tmp_path / "link", tmp_path))
    assert roots_of(settings, tmp_path) == (str(tmp_path.resolve()), str((tmp_path / "more").resolve()))
    assert roots_of(settings, None) == (str((tmp_path / "more").resolve()), str(tmp_path.resolve()))
    assert roots_of(Settings(), Path("/")) == ()
    assert roots_of(Settings(), None) == ()


async def test_a_call_carries_its_roots_where_it_uses_them_alone(tmp_path: Path) -> None:
    here = desk(tmp_path)
    [plain] = await here.calls([("x", None)], {})
    [writing] = await here.calls([("x", None)], {"output_file": "a.txt"})
    [using] = await here.calls([("x", "openai/gpt-4o")], {"servers": ["filesystem"]})
    assert plain.roots == ()
    assert writing.roots == using.roots == (str(tmp_path),)


async def test_no_argument_names_a_command_unless_it_is_the_operators(tmp_path: Path) -> None:
    own = {"mcpServers": {"mine": {"command": "x"}}}
    with pytest.raises(CallError, match="`mcp_config` names commands"):
        await desk(tmp_path).calls([("x", "openai/gpt-4o")], {"mcp_config": own})
    assert await desk(tmp_path, is_operator=True).calls([("x", "openai/gpt-4o")], {"mcp_config": own})


@pytest.mark.parametrize("files", ["a.py", [1], [None]])
async def test_files_are_a_list_of_paths(tmp_path: Path, files: object) -> None:
    with pytest.raises(CallError, match="list of paths"):
        await desk(tmp_path).calls([("x", None)], {"files": files})  # pyright: ignore[reportArgumentType]


async def test_files_need_a_users_message_to_go_with(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    asked = {"files": ["a.txt"], "messages": [{"role": "assistant", "content": "I say"}]}
    with pytest.raises(CallError, match="user's message"):
        await desk(tmp_path).calls([(None, None)], asked)  # pyright: ignore[reportArgumentType]


async def test_images_go_between_the_texts_and_the_question(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": "Hm"},
    ]
    [call] = await desk(tmp_path).calls([(None, "openai/gpt-4o")], {"files": ["a.png"], "messages": turns})
    content = call.messages[0].content
    assert isinstance(content, list)
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert (call.original_prompt, call.messages[1].content) == ("What is it?", "Hm")
