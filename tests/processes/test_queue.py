"""What waits for room in a worker is taken as soon as there is room."""

from support.processes import attached, call


async def test_a_worker_with_room_for_one_call_works_a_long_queue_off(environ: dict[str, str]) -> None:
    prompts = [f"number {number}" for number in range(60)]
    async with attached(environ | {"LONGCALL_MAX_IN_FLIGHT": "1"}) as front:
        # While the front only waits nobody writes to the store, so nothing but the free room can wake the worker.
        group = await call(front, "start_task", prompts=prompts, model="demo/echo")
        result = await call(front, "poll_task", task_id=group["task_id"], wait_s=30)
    assert (result["status"], [line["status"] for line in result["tasks"]]) == ("completed", ["completed"] * 60)
