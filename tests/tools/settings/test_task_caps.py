"""The caps that travel with a task."""

from pathlib import Path
from typing import Any

import pytest

from longcall.errors import CallError
from longcall.preparing import Desk
from longcall.settings import TaskCaps, read_settings


def desk(tmp_path: Path, users: str, projects: str = "", **environ: str) -> Desk:
    """Returns a desk with the settings of a user's and a project's file."""
    (tmp_path / "user.toml").write_text(users)
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    (folder / "longcall.toml").write_text(projects)
    variables = {"LONGCALL_CONFIG": str(tmp_path / "user.toml"), "LONGCALL_MODEL": "demo/echo", **environ}
    return Desk(read_settings(variables, folder), variables, (), folder=folder)


async def caps_of(of: Desk, **question: Any) -> TaskCaps | None:
    [call] = await of.calls([("why?", None)], question)  # pyright: ignore[reportArgumentType]
    return call.caps


async def test_a_task_carries_the_lowest_caps_and_where_each_comes_from(tmp_path: Path):
    of = desk(
        tmp_path,
        "[caps]\ncall_usd = 2\nday_usd = 20\nproject_tokens = 7\nunpriced = 'allow'",
        "[caps]\ncall_usd = 5\nday_usd = 3",
        LONGCALL_CAPS__PROJECT_USD="9",
    )
    caps = await caps_of(of)
    assert caps is not None
    assert (caps.call_usd, caps.day_usd, caps.project_usd, caps.project_tokens) == (2, 3, 9, 7)
    assert caps.unpriced == "allow"
    user, project = str(tmp_path / "user.toml"), str(tmp_path / "project" / "longcall.toml")
    assert dict(caps.origins) == {
        "call_usd": user, "day_usd": project, "project_tokens": user, "unpriced": user,
        "project_usd": "LONGCALL_CAPS__PROJECT_USD",
    }  # fmt: skip


async def test_without_caps_a_task_carries_none(tmp_path: Path):
    assert await caps_of(desk(tmp_path, "", "")) is None


@pytest.mark.parametrize(
    ("asked", "most", "origin"), [(0.5, 0.5, "max_cost_usd"), (5, 2, None), (0, 0, "max_cost_usd")]
)
async def test_an_argument_lowers_what_a_call_may_cost_and_never_raises_it(
    tmp_path: Path, asked: float, most: float, origin: str | None
):
    of = desk(tmp_path, "[caps]\ncall_usd = 2")
    caps = await caps_of(of, max_cost_usd=asked)
    assert caps is not None
    assert (caps.call_usd, caps.origins["call_usd"]) == (most, origin or str(tmp_path / "user.toml"))


async def test_an_argument_alone_is_a_cap_too(tmp_path: Path):
    caps = await caps_of(desk(tmp_path, ""), max_cost_usd=0.5)
    assert caps == TaskCaps(call_usd=0.5, origins={"call_usd": "max_cost_usd"})


@pytest.mark.parametrize("asked", [-1, float("nan"), float("inf"), "much"])
async def test_what_is_no_amount_is_refused(tmp_path: Path, asked: Any):
    with pytest.raises(CallError, match="`max_cost_usd` must be US dollars"):
        await caps_of(desk(tmp_path, "[caps]\ncall_usd = 2"), max_cost_usd=asked)


async def test_caps_are_no_part_of_what_is_asked(tmp_path: Path):
    [plain] = await desk(tmp_path, "").calls([("why?", None)], {})
    [capped] = await desk(tmp_path, "[caps]\nday_usd = 1").calls([("why?", None)], {"max_cost_usd": 0.5})
    assert capped.request == plain.request
    assert capped.caps != plain.caps


async def test_code_that_is_checked_is_held_to_caps_too(tmp_path: Path):
    call = await desk(tmp_path, "[caps]\nday_usd = 1").code({"code": "a = 1", "language": "python"}, (), timeout_s=None)
    assert call.caps is not None
    assert call.caps.day_usd == 1


async def test_a_dry_run_tells_what_the_request_is_held_at(tmp_path: Path):
    price = '[prices."lab/q"]\ninput_usd_per_1m = 1000\noutput_usd_per_1m = 2000\ncontext_window = 5000\n'
    of = desk(tmp_path, price + "[caps]\nday_usd = 1")
    told = (await of.dry_run([("x" * 4000, "lab/q")], {"max_tokens": 100})).would_send
    assert told is not None
    [asked] = told["calls"]
    assert (asked["context_window"], asked["input_usd"], asked["most_output_usd"]) == (5000, 1.0, 0.2)
    assert asked["most_usd"] == pytest.approx(1.204)
    assert asked["caps"] == {"day_usd": 1.0, "unpriced": "refuse"}
    unknown = (await of.dry_run([("x", "lab/other")], {})).would_send
    assert unknown is not None
    assert unknown["calls"][0]["most_usd"] is None


async def test_settings_that_cannot_be_found_again_leave_caps_without_their_place(tmp_path: Path):
    of = desk(tmp_path, "[caps]\nday_usd = 1")
    (tmp_path / "user.toml").write_text("broken")
    caps = await caps_of(of)
    assert caps == TaskCaps(day_usd=1)
