"""Ollama's client: where it sends what, and what it reads from outside."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rig_sync._json import parse
from rig_sync.errors import ConfigError
from rig_sync.providers import ollama
from tests.conftest import ServerFactory
from tests.server import Request, Script, response

END = b'{"model":"m","message":{"role":"assistant","content":"Hi."},"done":true}\n'


def answer(request: Request) -> Script:
    """The end of an answer, or the list of models."""
    if request.path == "/api/tags":
        return response(body=b'{"models":[{"name":"m:latest","model":"m:latest"}]}')
    return response(body=END, headers={"Content-Type": "application/x-ndjson"})


def test_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and key are optional; a key is a bearer token."""
    served = server(answer)
    monkeypatch.setenv("OLLAMA_API_BASE_URL", served.url)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    with ollama.Client.from_env() as client:
        assert client.agent("m").max_tokens(9).build().prompt("Hello", stream=True).output == "Hi."
    monkeypatch.setenv("OLLAMA_API_KEY", "a-key")
    with ollama.Client.from_env() as client:
        assert client.agent("m").build().prompt("Hello").output == "Hi."
        assert [model.id for model in client.list_models()] == ["m:latest"]
    first, second, third = served.requests
    assert [first.path, second.path, third.path] == ["/api/chat", "/api/chat", "/api/tags"]
    assert parse(first.body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "options": {"num_predict": 9},
        "stream": True,
    }
    heads = [
        {name.lower(): value for name, value in request.headers.items()}
        for request in served.requests
    ]
    assert [head.get("authorization") for head in heads] == [None, "Bearer a-key", "Bearer a-key"]
    assert heads[0]["accept"] == "application/x-ndjson"


@pytest.mark.filterwarnings("ignore::rig_sync.InsecureUrlWarning")
@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "http://localhost:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com/ollama/", "https://example.com:443/ollama"),
    ],
)
def test_the_host_as_ollama_reads_it(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    """Scheme and port may be left out, and an address to listen on is this machine's."""
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert ollama.Client.from_env().endpoint.base_url == url
    assert ollama.Client.from_env(base_url="https://other:1").endpoint.base_url == "https://other:1"


def test_what_it_cannot_do() -> None:
    """The error begins with the provider's name."""
    model = ollama.Client().completion_model(ollama.LLAMA3_2)
    request = replace(model.completion("Hi").build(), parallel_tool_calls=False)
    with pytest.raises(ConfigError, match=r"^ollama: Ollama cannot keep to one call"):
        model.stream(request)
