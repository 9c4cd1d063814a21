"""The providers that are rows: where they send what, and what they read from outside."""

from __future__ import annotations

import pytest

from rig_sync import Client
from rig_sync.providers import llamacpp, openai, openai_compatible
from tests.conftest import ServerFactory
from tests.server import Request, Script, chat_chunks, sse, sse_response

END = {"type": "response.completed", "response": {"status": "completed", "output": []}}


def answer(request: Request) -> Script:
    """The end of an answer, on either wire."""
    if request.path.endswith("/chat/completions"):
        return sse_response(*chat_chunks("Hi."))
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi."}
    return sse_response(sse(delta), sse(END))


def ask(client: Client) -> None:
    with client:
        assert client.agent("m").max_tokens(9).build().prompt("Hello", stream=True).output == "Hi."


def test_openai_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, address, organisation and project; Responses by default, chat when asked for."""
    served = server(answer)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-outside")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{served.url}/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    client = openai.Client.from_env()
    assert "sk-outside" not in repr(client)
    ask(client)
    ask(client.completions_api())
    first, second = served.requests
    assert (first.path, second.path) == ("/v1/responses", "/v1/chat/completions")
    assert b'"max_output_tokens":9' in first.body
    assert b'"max_completion_tokens":9' in second.body
    for request in served.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["authorization"] == "Bearer sk-outside"
        assert headers["openai-organization"] == "org-1"
        assert headers["openai-project"] == "proj-1"
        assert headers["accept"] == "text/event-stream"


def test_what_is_given_counts_more(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument of `from_env` is not looked up outside; headers of the user's win."""
    served = server(answer)
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    ask(openai.Client.from_env(base_url=served.url, headers={"User-Agent": "mine"}))
    headers = {name.lower(): value for name, value in served.requests[0].headers.items()}
    assert headers["user-agent"] == "mine"


def test_servers_without_a_key(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp and any compatible server: a key is sent only if there is one."""
    served = server(answer)
    monkeypatch.setenv("LLAMACPP_API_BASE_URL", f"{served.url}/v1")
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", f"{served.url}/v1")
    ask(llamacpp.Client.from_env())
    ask(openai_compatible.Client.from_env())
    ask(openai_compatible.Client.from_env().responses_api())
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", "key")
    ask(openai_compatible.Client.from_env())
    keys = [
        {name.lower(): value for name, value in request.headers.items()}.get("authorization")
        for request in served.requests
    ]
    assert keys == [None, None, None, "Bearer key"]
    assert [request.path for request in served.requests][2] == "/v1/responses"
