"""Gemini: keys, addresses, and a conversation with tools over a real connection."""

from __future__ import annotations

import pytest

from rig_sync._json import Json, JsonObject, parse_object
from rig_sync.errors import ConfigError
from rig_sync.providers import gemini
from rig_sync.tools import tool
from tests.conftest import ServerFactory
from tests.server import Request, Script, error_response, response, sse, sse_response


def chunk(part: Json, finish: str | None = None) -> bytes:
    """One event of a stream."""
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": finish}
    return sse({"candidates": [candidate], "responseId": "r-1", "modelVersion": "m-1"})


def body_of(request: Request) -> JsonObject:
    body = parse_object(request.body)
    assert body is not None
    return body


@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_from_outside(
    server: ServerFactory, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The key in a header, under either name; never in the address."""
    served = server(sse_response(chunk({"text": "Hi."}, "STOP")))
    monkeypatch.setenv(variable, "s3cret-key")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", served.url)
    with gemini.Client.from_env() as client:
        assert "s3cret" not in repr(client)
        agent = client.agent(gemini.GEMINI_2_5_FLASH).build()
        assert agent.prompt("Hello", stream=True).output == "Hi."
    (request,) = served.requests
    assert request.headers["x-goog-api-key"] == "s3cret-key"
    assert "authorization" not in request.headers
    assert request.headers["accept"] == "text/event-stream"
    assert request.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


def test_gemini_s_own_name_of_the_key_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Google's own libraries' documentation of this API."""
    monkeypatch.setenv("GOOGLE_API_KEY", "second")
    monkeypatch.setenv("GEMINI_API_KEY", "first")
    with gemini.Client.from_env() as client:
        request = client.endpoint.request("/", None)
    assert request.headers["x-goog-api-key"] == "first"


def test_no_key() -> None:
    """The message names the variable."""
    with pytest.raises(ConfigError, match="GEMINI_API_KEY"):
        gemini.Client.from_env()
    with pytest.raises(ConfigError, match="GEMINI_API_KEY"):
        gemini.Client()


@tool
def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


@pytest.mark.parametrize("stream", [True, False])
def test_a_run_with_tools(server: ServerFactory, stream: bool) -> None:
    """Calls without ids find their results; the signature is back on its part."""
    first: JsonObject = {"functionCall": {"name": "add", "args": {"x": 1, "y": 2}}}
    first["thoughtSignature"] = "s"
    second: JsonObject = {"functionCall": {"name": "add", "args": {"x": 3, "y": 4}}}

    def answer(request: Request) -> Script:
        done = b"functionResponse" in request.body
        parts: list[Json] = [{"text": "3 and 7"}] if done else [first, second]
        if stream:
            return sse_response(*(chunk(part) for part in parts), chunk({"text": ""}, "STOP"))
        candidate = {"content": {"parts": parts}, "finishReason": "STOP"}
        return response(
            200, {"Content-Type": "application/json"}, sse({"candidates": [candidate]})[6:]
        )

    served = server(answer)
    with gemini.Client("key", base_url=served.url) as client:
        agent = client.agent("gemini-3-flash-preview").tool(add).build()
        assert agent.prompt("Sums?", stream=stream).output == "3 and 7"
    asked, told = map(body_of, served.requests)
    assert "tools" in asked
    contents = told["contents"]
    assert isinstance(contents, list)
    assert contents[1:] == [
        {"role": "model", "parts": [first, second]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "add", "response": {"result": str(total)}}}
                for total in (3, 7)
            ],
        },
    ]


def test_the_quota(server: ServerFactory) -> None:
    """Google says in the body when to come again: so many seconds later it is asked again."""
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"}
    error = {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}
    served = server(
        error_response(429, {"error": {**error, "details": [delay]}}),
        sse_response(chunk({"text": "Hi."}, "STOP")),
    )
    with gemini.Client("key", base_url=served.url) as client:
        assert client.agent("m").build().prompt("Hello", stream=True).output == "Hi."
    assert len(served.requests) == 2
