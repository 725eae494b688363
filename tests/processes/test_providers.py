"""Models as longcall.toml has them, through a real front and worker: aliases, servers of one's own, fallbacks."""

import json
from pathlib import Path

from support.endpoint import HALF, REST
from support.processes import attached, call, clean_environ, until, worker_processes
from support.scripted import ScriptedEndpoint


def configured(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    path = tmp_path / "longcall.toml"
    path.write_text(text)
    return clean_environ(tmp_path / "home", LONGCALL_CONFIG=str(path), **environ)


async def test_a_server_of_ones_own_is_asked_without_anybody_elses_key(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    text = f"""
model = "quick"
[aliases]
quick = "lab/at-once"
[providers.lab]
kind = "openai"
api_base = "{endpoint.mock.url}/v1"
"""
    async with attached(configured(tmp_path, text, OPENAI_API_KEY="sk-mock-openai-0123456789")) as front:
        found = await call(front, "llm_call", prompt=prompt)
    assert (found["status"], found["text"]) == ("completed", HALF + REST)
    [asked] = endpoint.asked(prompt)
    assert (asked["model"], asked["authorization"]) == ("at-once", "Bearer none")


async def test_a_server_of_ones_own_is_given_the_key_that_is_meant_for_it(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    text = f"""
[keys]
LAB_KEY = "lab-secret-0123456789"
[providers.lab]
kind = "openai"
api_base = "{endpoint.mock.url}/v1"
api_key_env = "LAB_KEY"
[providers.other]
kind = "openai"
api_base = "{endpoint.mock.url}/v1"
api_key_env = "OTHER_KEY"
"""
    environ = configured(tmp_path, text)
    async with attached(environ) as front:
        await call(front, "llm_call", prompt=prompt, model="lab/at-once")
        without = await call(front, "llm_call", prompt=prompt, model="other/at-once")
    assert [asked["authorization"] for asked in endpoint.asked(prompt)] == ["Bearer lab-secret-0123456789"]
    assert (without["status"], without["error"]["code"]) == ("failed", "no_key")
    assert "OTHER_KEY" in without["error"]["message"]
    stored = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert b"lab-secret" not in stored


async def test_a_known_provider_can_be_asked_elsewhere(tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str) -> None:
    text = f'[keys]\nopenai = "sk-mock-openai-0123456789"\n[providers.openai]\napi_base = "{endpoint.mock.url}/v1"'
    async with attached(configured(tmp_path, text)) as front:
        found = await call(front, "llm_call", prompt=prompt, model="openai/at-once")
    assert found["status"] == "completed"
    assert endpoint.asked(prompt)[0]["authorization"] == "Bearer sk-mock-openai-0123456789"


async def test_a_fallback_is_visible_at_the_top(tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str) -> None:
    text = '[models."openai/refused"]\nfallbacks = ["openai/at-once"]'
    async with attached(configured(tmp_path, text, **endpoint.environ())) as front:
        found = await call(front, "llm_call", prompt=prompt, model="openai/refused")
        none = await call(front, "llm_call", prompt=prompt, model="openai/refused", fallbacks=[], fresh=True)
    assert (found["status"], found["model"], found["attempts"]) == ("completed", "at-once", 2)
    assert "openai/at-once answered instead of openai/refused, whose fallback it is" in found["warnings"][0]
    assert (none["status"], none["error"]["code"]) == ("failed", "no_access")
    assert [asked["model"] for asked in endpoint.asked(prompt)] == ["refused", "at-once", "refused"]


async def test_a_long_running_model_is_not_waited_for(tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str) -> None:
    text = '[models."openai/half"]\nlong_running = true\npoll_s = 7\n[models."openai/at-once"]\nlong_running = true'
    async with attached(configured(tmp_path, text, LONGCALL_WAIT_S="600", **endpoint.environ())) as front:
        begun = await call(front, "llm_call", prompt=prompt, model="openai/half")
        assert begun["status"] == "working"
        assert "wait_s=7)" in begun["next"]
        await until(lambda: endpoint.asked(prompt))
        endpoint.release(prompt)
        found = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
        assert found["status"] == "completed"
        waited = await call(front, "llm_call", prompt=prompt, model="openai/at-once", wait_s=45)
    assert waited["status"] == "completed"  # who says how long it waits, waits


async def test_another_address_has_a_worker_of_its_own(tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str) -> None:
    home = tmp_path / "home"
    for port in (endpoint.mock.port, 9):
        text = f'[providers.lab]\nkind = "openai"\napi_base = "http://127.0.0.1:{port}/v1"'
        async with attached(configured(tmp_path, text)) as front:
            found = await call(front, "llm_call", prompt=prompt, model="lab/at-once", fresh=True)
        assert found["status"] == ("completed" if port != 9 else "failed"), json.dumps(found)
    assert len(worker_processes(home)) == 2
