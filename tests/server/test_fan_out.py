"""A group as hosts see it: in pages that fit, with what is there while the rest still runs, stopped by one cancel."""

import anyio
from support.processes import attached, call, error_text, shown, structured

INLINE_BYTES = 40_000
FACTS_BYTES = 1_000


async def test_a_large_group_is_read_in_pages_that_fit(environ: dict[str, str]) -> None:
    prompts = [f"{number} " + "wörd " * 100 for number in range(200)]
    texts: list[str] = []
    async with attached(environ) as front:
        begun = await front.call_tool("start_task", {"prompts": prompts, "model": "demo/echo", "at_once": 20})
        assert len(shown(begun).encode()) <= INLINE_BYTES + FACTS_BYTES
        group = structured(begun)["task_id"]
        await call(front, "poll_task", task_id=group, wait_s=45)
        while len(texts) < len(prompts):
            page = await front.call_tool("poll_task", {"task_id": group, "offset": len(texts)})
            assert len(shown(page).encode()) <= INLINE_BYTES + FACTS_BYTES
            new = [line["text"] for line in structured(page)["tasks"] if "text" in line]
            assert new
            texts += new
        assert texts == prompts
        last = await call(front, "poll_task", task_id=group, offset=len(prompts) - 1)
        assert last["counts"] == {"total": 200, "completed": 200}
        assert ([line["text"] for line in last["tasks"]], "next" in last) == (prompts[-1:], False)


async def test_what_is_there_is_shown_while_the_rest_still_runs(environ: dict[str, str]) -> None:
    async with attached(environ) as front:
        begun = await call(front, "start_task", prompt="hello", models=["demo/stall", "demo/echo"])
        while True:
            group = await call(front, "poll_task", task_id=begun["task_id"], wait_s=0.2)
            if group["counts"].get("completed"):
                break
        assert (group["status"], group["counts"]) == ("working", {"total": 2, "completed": 1, "working": 1})
        assert [line.get("text") for line in group["tasks"]] == [None, "hello"]
        assert group["progress"].startswith("1/2 done")
        stopped = await call(front, "cancel_task", task_id=begun["task_id"])
        assert stopped["counts"] == {"total": 2, "cancelled": 1, "completed": 1}


async def test_a_long_combined_answer_is_in_a_file_and_under_its_own_id(environ: dict[str, str]) -> None:
    text = "long " * 10_000
    async with attached(environ) as front:
        asked = {"prompts": [text, f" {text}"], "model": "demo/echo", "combine": "vote"}
        begun = await call(front, "start_task", **asked)
        group = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
        combiner = group["tasks"][-1]["task_id"]
        page = await call(front, "poll_task", task_id=combiner, offset=10, limit=5)
    assert await anyio.Path(group["path"]).read_text() == text
    assert text.startswith(group["text"])
    assert (group["total_chars"], group["combined"]["votes"]) == (len(text), 2)
    assert len(str(group).encode()) <= INLINE_BYTES + FACTS_BYTES
    assert page["text"] == "long "
    assert combiner in group["next"]


async def test_what_cannot_be_asked_so_is_a_sentence(environ: dict[str, str]) -> None:
    async with attached(environ) as front:
        asked = {"prompts": ["a", "b"], "model": "demo/echo"}
        assert "`combine` cannot be used" in await error_text(front, "start_task", **asked, combine="most")
        assert "`at_once` must be 1 or more" in await error_text(front, "start_task", **asked, at_once=0)
        assert "With `resume` give `guidance` alone" in await error_text(
            front, "start_task", resume="x", guidance="y", at_once=1
        )
