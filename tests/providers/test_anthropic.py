"""Anthropic's client: where it sends what, and what it reads from outside."""

from __future__ import annotations

import msgspec
import pytest

from rig_sync._json import JsonObject
from rig_sync.errors import ConfigError
from rig_sync.message import Document
from rig_sync.providers import anthropic
from tests.conftest import ServerFactory
from tests.server import Request, Script, sse, sse_response

ANSWER: list[JsonObject] = [
    {"type": "message_start", "message": {"id": "msg-1", "model": "m", "content": []}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    {"type": "message_stop"},
]


def answer(request: Request) -> Script:
    del request
    return sse_response(*map(sse, ANSWER))


def ask(client: anthropic.Client) -> None:
    with client:
        agent = client.agent(anthropic.CLAUDE_HAIKU_4_5).preamble("Be brief.").build()
        assert agent.prompt("Hello", stream=True).output == "Hi."


def headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def test_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and address; the key is in its own header, and in nothing that is shown."""
    served = server(answer)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-outside")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{served.url}/")
    client = anthropic.Client.from_env()
    assert "sk-ant-outside" not in repr(client)
    ask(client)
    (request,) = served.requests
    assert request.path == "/v1/messages"
    sent = headers(request)
    assert sent["x-api-key"] == "sk-ant-outside"
    assert sent["anthropic-version"] == "2023-06-01"
    assert {"authorization", "anthropic-beta"}.isdisjoint(sent)
    body = msgspec.json.decode(request.body)
    assert (body["model"], body["max_tokens"]) == ("claude-haiku-4-5", 64_000)
    assert (body["system"], body["stream"]) == ("Be brief.", True)


def test_betas(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One header names them all; headers of the user's win."""
    served = server(answer)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    ask(anthropic.Client("key", betas=["a", "b"], base_url=served.url))
    ask(anthropic.Client.from_env(betas=["c"], base_url=served.url))
    mine = {"anthropic-beta": "d", "anthropic-version": "2030-01-01"}
    ask(anthropic.Client("key", betas=["a"], base_url=served.url, headers=mine))
    sent = [headers(request) for request in served.requests]
    assert [each["anthropic-beta"] for each in sent] == ["a,b", "c", "d"]
    assert sent[2]["anthropic-version"] == "2030-01-01"


def test_keys_that_expire(server: ServerFactory) -> None:
    """Each request asks for one, and has the version beside it."""
    served = server(answer)
    keys = iter(["key-1", "key-2"])
    client = anthropic.Client(lambda: next(keys), base_url=served.url)
    ask(client)
    ask(client)
    sent = [headers(request) for request in served.requests]
    assert [each["x-api-key"] for each in sent] == ["key-1", "key-2"]
    assert {each["anthropic-version"] for each in sent} == {"2023-06-01"}


def test_no_key() -> None:
    """The message names the variable."""
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        anthropic.Client()
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        anthropic.Client.from_env()


def test_clients_that_differ_in_the_wire(server: ServerFactory) -> None:
    """Each is a client of its own on the same connections; they can be combined."""
    served = server(answer)
    search: JsonObject = {"type": "web_search_20250305", "name": "web_search"}
    client = anthropic.Client("key", base_url=served.url)
    more = client.with_prompt_caching("1h").with_citations().with_server_tools(search)
    assert more.endpoint is client.endpoint
    with more:
        model = more.completion_model("m")
        asked = model.completion("Hello").documents(Document(text="A robot."))
        for builder in (asked, client.completion_model("m").completion("Hello")):
            with builder.stream() as stream:
                assert list(stream)
    first, second = (msgspec.json.decode(request.body) for request in served.requests)
    marker = {"type": "ephemeral", "ttl": "1h"}
    assert first["tools"] == [{**search, "cache_control": marker}]
    document, prompt = first["messages"][0]["content"]
    assert document["citations"] == {"enabled": True}
    assert prompt["cache_control"] == marker
    assert "tools" not in second
