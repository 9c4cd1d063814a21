"""Lists of models over the public API."""

from __future__ import annotations

import json

import pytest

from rig_sync import AuthenticationError, Client, ConfigError, ResponseDecodeError
from rig_sync._json import JsonObject
from rig_sync.catalog import ModelInfo
from rig_sync.providers import client_class
from tests.conftest import ServerFactory
from tests.server import error_response, response

OPENAI: JsonObject = {"id": "a", "object": "model", "owned_by": "us"}
GEMINI: JsonObject = {"name": "models/g", "displayName": "Gee", "inputTokenLimit": 9}
SHAPES: list[tuple[str, str, object, list[ModelInfo]]] = [
    (
        "openai",
        "/models",
        {"data": [OPENAI, 7, {"object": "model"}]},
        [ModelInfo("a", owned_by="us", raw=OPENAI)],
    ),
    (
        "gemini",
        "/v1beta/models?pageSize=1000",
        {"models": [GEMINI]},
        [ModelInfo("g", "Gee", context_length=9, raw=GEMINI)],
    ),
    (
        "ollama",
        "/api/tags",
        {"models": [{"name": "o:1b", "model": "o:1b"}]},
        [ModelInfo("o:1b", "o:1b", raw={"name": "o:1b", "model": "o:1b"})],
    ),
]


def client_of(provider: str, url: str) -> Client:
    return client_class(provider)("key", base_url=url)


@pytest.mark.parametrize(("provider", "path", "answer", "models"), SHAPES)
def test_shapes(
    server: ServerFactory, provider: str, path: str, answer: object, models: list[ModelInfo]
) -> None:
    """One GET, and every entry that has an id."""
    scripted = server(response(body=json.dumps(answer).encode()))
    with client_of(provider, scripted.url) as client:
        assert client.list_models() == models
    (request,) = scripted.requests
    assert (request.method, request.path, request.body) == ("GET", path, b"")
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("provider", "pages", "second"),
    [
        (
            "gemini",
            [{"models": [{"name": "models/a"}], "nextPageToken": "t/1"}, {"models": []}],
            "/v1beta/models?pageSize=1000&pageToken=t%2F1",
        ),
        (
            "anthropic",
            [
                {"data": [{"id": "a"}], "has_more": True, "last_id": "a"},
                {"data": [], "has_more": False, "last_id": "b"},
            ],
            "/v1/models?limit=1000&after_id=a",
        ),
        (
            "cohere",
            [{"models": [{"name": "a"}], "next_page_token": "n"}, {"models": []}],
            "/v1/models?page_size=1000&page_token=n",
        ),
    ],
)
def test_pages(server: ServerFactory, provider: str, pages: list[object], second: str) -> None:
    """Further pages are asked for until there are no more."""
    scripted = server(*(response(body=json.dumps(page).encode()) for page in pages))
    with client_of(provider, scripted.url) as client:
        assert [model.id for model in client.list_models()] == ["a"]
    assert [request.path for request in scripted.requests][1:] == [second]


def test_a_page_that_leads_to_itself(server: ServerFactory) -> None:
    """A server that names the same page again is not asked for ever."""
    page = {"models": [{"name": "models/a"}], "nextPageToken": "again"}
    scripted = server(response(body=json.dumps(page).encode()))
    with client_of("gemini", scripted.url) as client:
        assert len(client.list_models()) == 2


def test_no_list(server: ServerFactory) -> None:
    """Providers without a list say so; an answer without one is a typed error."""
    scripted = server(response(body=b"{}"), error_response(401))
    with client_of("voyage", scripted.url) as client, pytest.raises(ConfigError, match="voyage"):
        client.list_models()
    with client_of("openai", scripted.url) as client:
        with pytest.raises(ResponseDecodeError, match=r"openai: .*no list of models"):
            client.list_models()
        with pytest.raises(AuthenticationError):
            client.list_models()
