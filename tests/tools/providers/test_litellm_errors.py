"""Reading what LiteLLM raises: words, proofs and keys."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.providers.litellm_errors import redact, told, was_turned_away


def answered(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("POST", "http://127.0.0.1/")
    response = httpx.Response(status, request=request)
    return httpx.HTTPStatusError("no", request=request, response=response)


def caused_by(cause: BaseException) -> Exception:
    error = RuntimeError("litellm.APIConnectionError: wrapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("litellm.AuthenticationError: AuthenticationError: OpenAIException - Unauthorized.", "Unauthorized."),
        (
            'litellm.BadRequestError: AnthropicException - b\'{"type":"error","error":{"message":"It\\\'s bad."}}\'',
            "It's bad.",
        ),
        (
            'litellm.InternalServerError: AnthropicException - b\'{"error":{"message":"Down."}}\'. Handle with'
            " `litellm.InternalServerError`.",
            "Down.",
        ),
        ("litellm.Timeout: Timeout Error: OpenAIException - Gateway timeout.", "Gateway timeout."),
        ('litellm.BadRequestError: Vertex_ai_betaException BadRequestError - b\'{"error":{"message":"No."}}\'', "No."),
        ('litellm.APIError: {"message": "Plain."}', "Plain."),
        ('litellm.APIError: {"error": "a word"}', "a word"),
        ("litellm.APIError: {broken json", "{broken json"),
        ("litellm.APIError: set {1, 2}", "set {1, 2}"),
        ("litellm.APIConnectionError: no\nTraceback (most recent call last):\n  File", "no"),
        ("Something else entirely", "Something else entirely"),
        ("", "RuntimeError"),
    ],
)
def test_only_the_words_of_the_provider_are_told(raised: str, words: str) -> None:
    assert told(RuntimeError(raised)) == words


def test_long_words_are_clipped() -> None:
    assert len(told(RuntimeError("no " * 1000))) < 450


@given(st.text(max_size=200))
def test_whatever_was_raised_can_be_told(text: str) -> None:
    assert told(RuntimeError(text))


@pytest.mark.parametrize(
    ("cause", "turned_away"),
    [
        (answered(503), True),
        (httpx.ConnectError("refused"), True),
        (ConnectionRefusedError(), True),
        (httpx.ReadError("broke"), False),
        (httpx.RemoteProtocolError("closed"), False),
        (httpx.ReadTimeout("slow"), False),
        (ValueError("not JSON"), False),
    ],
)
def test_only_an_error_status_or_no_connection_proves_that_no_answer_began(
    cause: BaseException, turned_away: bool
) -> None:
    assert was_turned_away(caused_by(cause)) is turned_away


def test_a_key_of_the_environment_is_redacted_and_the_words_around_it_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plain-looking-value")
    monkeypatch.setenv("SOME_OTHER_TOKEN", "plain-looking-value-and-more")
    monkeypatch.setenv("SOME_WORD", "harmless-value")
    text = "plain-looking-value plain-looking-value-and-more harmless-value"
    assert redact(text) == "[redacted] [redacted] harmless-value"


@pytest.mark.parametrize("key", ["sk-proj-abcdef123456", "sk-ant-api03-abc_def", "AIzaSyA1234567890", "gsk_abcdef123"])
def test_what_looks_like_a_key_is_redacted(key: str) -> None:
    assert redact(f"Incorrect API key: {key}.".replace(".", " ")) == "Incorrect API key: [redacted] "
    assert redact("the task asked for a desk") == "the task asked for a desk"
