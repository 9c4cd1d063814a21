"""Cohere's client: where it sends what, and what it reads from outside."""

from __future__ import annotations

import pytest

from rig_sync._json import parse
from rig_sync.errors import ConfigError
from rig_sync.providers import cohere
from tests.conftest import ServerFactory
from tests.server import Request, Script, response, sse, sse_response

WORDS = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi."}}}}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
WHOLE = (
    b'{"id":"a","message":{"content":[{"type":"text","text":"Hi."}]},"finish_reason":"COMPLETE"}'
)


def answer(request: Request) -> Script:
    """An answer as it was asked for, or the list of models."""
    if request.path.startswith("/v1/models"):
        return response(body=b'{"models":[{"name":"command-a","context_length":256000}]}')
    if b'"stream":true' in request.body:
        return sse_response(sse(WORDS), sse(END))
    return response(headers={"Content-Type": "application/json"}, body=WHOLE)


def test_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is a bearer token; the address may be another."""
    served = server(answer)
    monkeypatch.setenv("COHERE_API_KEY", "co-outside")
    monkeypatch.setenv("COHERE_BASE_URL", served.url)
    with cohere.Client.from_env() as client:
        agent = client.agent(cohere.COMMAND_A_03_2025).max_tokens(9).build()
        assert agent.prompt("Hello", stream=True).output == "Hi."
        assert agent.prompt("Hello").output == "Hi."
        assert [model.context_length for model in client.list_models()] == [256000]
        assert "co-outside" not in repr(client)
    first, second, third = served.requests
    assert (first.path, second.path) == ("/v2/chat", "/v2/chat")
    assert third.path.startswith("/v1/models?")
    assert parse(first.body) == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 9,
        "stream": True,
    }
    for request in served.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["authorization"] == "Bearer co-outside"


def test_its_own_address() -> None:
    """Cohere's, unless another is given."""
    assert cohere.Client("key").endpoint.base_url == "https://api.cohere.com"


def test_without_a_key() -> None:
    """The error says what to set."""
    with pytest.raises(ConfigError, match="COHERE_API_KEY"):
        cohere.Client.from_env()
