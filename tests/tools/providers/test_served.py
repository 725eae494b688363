"""What providers say that they serve, asked over real HTTP."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.mocks import aimock

from longcall.catalog import KEYS
from longcall.clock import Clock
from longcall.providers.served import FAILED_S, FRESH_S, Served, ServedModel, served
from longcall.settings import ProviderSettings, Settings

SALT = b"salt"


@dataclass
class Lister:
    """A server with one list, and what it was asked."""

    url: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])


@contextmanager
def lister(answer: Any, status: int = 200) -> Generator[Lister]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as above
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Lister(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(tmp_path: Path, **providers: ProviderSettings) -> Settings:
    (tmp_path / "home").mkdir(exist_ok=True)
    return Settings(home=tmp_path / "home", providers=providers)


async def ask(settings: Settings, environ: dict[str, str], *names: str) -> list[Served]:
    return await served({name: KEYS.get(name, ()) for name in names}, settings, environ, SALT)


@pytest.mark.parametrize(
    ("provider", "told", "path", "header", "models"),
    [
        (
            "openai",
            {"data": [{"id": "gpt-b"}, {"id": "gpt-a"}]},
            "/v1/models",
            ("authorization", "Bearer key-1"),
            (ServedModel("openai/gpt-a"), ServedModel("openai/gpt-b")),
        ),
        (
            "anthropic",
            {"data": [{"id": "claude-x"}]},
            "/v1/models?limit=1000",
            ("x-api-key", "key-1"),
            (ServedModel("anthropic/claude-x"),),
        ),
        (
            "gemini",
            {"models": [{"name": "models/gemini-x", "inputTokenLimit": 1000}]},
            "/v1beta/models?pageSize=1000",
            ("x-goog-api-key", "key-1"),
            (ServedModel("gemini/gemini-x", 1000),),
        ),
        (
            "openrouter",
            {"data": [{"id": "a/b", "context_length": 9, "pricing": {"prompt": "0.000002", "completion": "-1"}}]},
            "/v1/models",
            ("authorization", "Bearer key-1"),
            (ServedModel("openrouter/a/b", 9, 2.0, None),),
        ),
    ],
)
async def test_each_provider_is_asked_in_its_own_way(
    tmp_path: Path, provider: str, told: Any, path: str, header: tuple[str, str], models: tuple[ServedModel, ...]
):
    with lister(told) as server:
        base = server.url if path != "/v1/models" else f"{server.url}/v1"
        environ = {KEYS[provider][0]: "key-1", f"{provider.upper()}_API_BASE": base}
        [found] = await ask(settings(tmp_path), environ, provider)
    assert (found.models, found.trouble) == (models, None)
    [(asked, headers)] = server.asked
    assert asked == path
    assert headers[header[0]] == header[1]


async def test_a_bare_list_is_read_too(tmp_path: Path):
    with lister([{"id": "a/b"}]) as server:
        [found] = await ask(settings(tmp_path), {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "k"}, "openai")
    assert found.models == (ServedModel("openai/a/b"),)


@pytest.mark.parametrize("base", ["http://localhost:80a/v1", "http://127.0.0.1:99999/v1"])
async def test_an_address_that_is_none_is_told(tmp_path: Path, base: str):
    [found] = await ask(settings(tmp_path), {"OPENAI_API_BASE": base, "OPENAI_API_KEY": "k"}, "openai")
    assert found.trouble is not None
    assert "cannot be used" in found.trouble


async def test_ollama_needs_no_key(tmp_path: Path):
    with aimock([{"match": {"model": "llama"}, "response": {"content": "x"}}], tmp_path) as mock:
        [found] = await ask(settings(tmp_path), {"OLLAMA_API_BASE": mock.url}, "ollama")
    assert found.models == (ServedModel("ollama/llama"),)


async def test_a_server_of_ones_own_is_never_given_the_key_of_its_kind(tmp_path: Path):
    with lister({"data": [{"id": "qwen", "max_model_len": 4096}]}) as server:
        lab = ProviderSettings(kind="openai", api_base=f"{server.url}/v1")
        [found] = await ask(settings(tmp_path, lab=lab), {"OPENAI_API_KEY": "sk-1"}, "lab")
        assert found.models == (ServedModel("lab/qwen", 4096),)
        keyed = ProviderSettings(kind="openai", api_base=f"{server.url}/v1", api_key_env="LAB")
        await ask(settings(tmp_path, lab=keyed), {"OPENAI_API_KEY": "sk-1", "LAB": "lab-1"}, "lab")
    assert [headers.get("authorization") for _, headers in server.asked] == [None, "Bearer lab-1"]


async def test_a_list_is_kept_for_each_key_apart_and_without_the_key(tmp_path: Path):
    with lister({"data": [{"id": "gpt-a"}]}) as server:
        environ = {"OPENAI_API_BASE": f"{server.url}/v1"}
        for key in ("sk-one-secret", "sk-one-secret", "sk-two-secret"):
            [found] = await ask(settings(tmp_path), {**environ, "OPENAI_API_KEY": key}, "openai")
            assert found.models
    assert len(server.asked) == 2
    kept = list((tmp_path / "home" / "models").iterdir())
    assert len(kept) == 2
    assert not any("secret" in path.name + path.read_text() for path in kept)


@pytest.mark.parametrize(("age_s", "asked"), [(FRESH_S - 60, 1), (FRESH_S + 60, 2)])
async def test_an_old_list_is_asked_for_again(tmp_path: Path, age_s: float, asked: int):
    with lister({"data": [{"id": "gpt-a"}]}) as server:
        environ = {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "k"}
        await ask(settings(tmp_path), environ, "openai")
        [path] = (tmp_path / "home" / "models").iterdir()
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"asked_at": told["asked_at"] - round(age_s * 1000)}))
        [found] = await ask(settings(tmp_path), environ, "openai")
    assert len(server.asked) == asked
    assert (found.age_s() > 60) is (asked == 1)


@pytest.mark.parametrize(
    ("answer", "status", "trouble"),
    [
        ({"error": "who are you?"}, 401, "it answered with HTTP 401"),
        (b"<html>", 200, "it answered with something that is no list of models"),
        ({"data": "none"}, 200, "it answered with something that is no list of models"),
        ([1], 200, "it answered with something that is no list of models"),
        (b"[" + b"1," * 5_000_000 + b"1]", 200, "it answered with something that is no list of models"),
    ],
)
async def test_what_is_no_list_is_told(tmp_path: Path, answer: Any, status: int, trouble: str):
    with lister(answer, status) as server:
        [found] = await ask(settings(tmp_path), {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "k"}, "openai")
    assert (found.models, found.trouble) == ((), trouble)


async def test_who_cannot_be_reached_is_told_and_asked_again_sooner(tmp_path: Path):
    environ = {"OPENAI_API_BASE": "http://127.0.0.1:9", "OPENAI_API_KEY": "k"}
    [found] = await ask(settings(tmp_path), environ, "openai")
    assert found.trouble is not None
    assert found.trouble.startswith("it could not be reached (ConnectError)")
    assert not Served("openai", Clock().wall() - round(FAILED_S * 1000) - 1, trouble="x").is_fresh


async def test_who_has_no_address_is_not_asked(tmp_path: Path):
    assert await ask(settings(tmp_path), {"AZURE_API_KEY": "k"}, "azure") == []
    lab = ProviderSettings(kind="openai")
    assert await ask(settings(tmp_path, lab=lab), {}, "lab") == []


async def test_a_file_that_cannot_be_read_is_asked_for_again(tmp_path: Path):
    with lister({"data": [{"id": "gpt-a"}]}) as server:
        environ = {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "k"}
        await ask(settings(tmp_path), environ, "openai")
        [path] = (tmp_path / "home" / "models").iterdir()
        path.write_text("{")
        [found] = await ask(settings(tmp_path), environ, "openai")
    assert (len(server.asked), found.models) == (2, (ServedModel("openai/gpt-a"),))
