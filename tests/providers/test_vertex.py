"""Vertex AI: addresses, and tokens of three kinds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rig_sync import Client
from rig_sync.completion import CompletionRequest
from rig_sync.errors import AuthenticationError, ConfigError
from rig_sync.message import user
from rig_sync.providers import vertex
from rig_sync.transport.retry import NO_RETRIES
from tests.conftest import ServerFactory
from tests.server import error_response, sse, sse_response

HI = sse_response(
    sse({"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]})
)

GOOGLE_AUTH = {
    "__init__": """
from . import exceptions

class Credentials:
    def __init__(self):
        self.token, self.valid, self.count = None, False, 0
    def refresh(self, request):
        request()
        self.count += 1
        self.token, self.valid = f"token-number-{self.count}-of-google", self.count > 1

def default(scopes):
    assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
    if LOST:
        raise exceptions.DefaultCredentialsError("no credentials found")
    return Credentials(), None
""",
    "exceptions": """
class GoogleAuthError(Exception): ...
class DefaultCredentialsError(GoogleAuthError): ...
""",
    "transport/__init__": "",
    "transport/requests": "def Request(): return lambda: None",
}
"""What `google-auth` looks like from here."""


def ask(client: Client, model: str = "gemini-2.5-flash") -> None:
    with client:
        assert client.agent(model).build().prompt("Hello", stream=True).output == "Hi."


def install(folder: Path, *, lost: bool = False) -> None:
    """A `google-auth` of ours, in `folder`."""
    for name, source in GOOGLE_AUTH.items():
        path = folder / "google" / "auth" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"LOST = {lost}\n{source}")


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No project of the developer's reaches a test."""
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "VERTEX_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where modules called `google` are looked for, and only there."""
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "__init__.py").touch()
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_google(name)}
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if _is_google(name)]:
        del sys.modules[name]
    sys.modules.update(known)


def _is_google(name: str) -> bool:
    return name == "google" or name.startswith("google.")


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
    ],
)
@pytest.mark.parametrize(
    ("model", "resource"),
    [
        ("gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"),
        ("publishers/meta/models/x", "publishers/meta/models/x"),
        ("endpoints/12", "endpoints/12"),
    ],
)
def test_address(location: str, host: str, model: str, resource: str) -> None:
    """By location, project and model."""
    with vertex.Client("p 1", location, "token") as client:
        path = client.wire.path(CompletionRequest(model, (user("Hi"),)), stream=False)
        assert client.endpoint.base_url == host
    assert path == f"/v1/projects/p%201/locations/{location}/{resource}:generateContent"


def test_from_outside(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Project, location, token and address."""
    served = server(HI)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-1")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    monkeypatch.setenv("VERTEX_ACCESS_TOKEN", "s3cret-token")
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", served.url)
    client = vertex.Client.from_env()
    assert "s3cret" not in repr(client)
    ask(client)
    (request,) = served.requests
    assert request.headers["authorization"] == "Bearer s3cret-token"
    assert request.path == (
        "/v1/projects/p-1/locations/europe-west4/publishers/google/models/gemini-2.5-flash"
        ":streamGenerateContent?alt=sse"
    )


def test_no_location(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `global` then."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-1")
    monkeypatch.setenv("VERTEX_ACCESS_TOKEN", "token")
    with vertex.Client.from_env() as client:
        assert client.endpoint.base_url == "https://aiplatform.googleapis.com"


def test_a_token_for_each_request(server: ServerFactory) -> None:
    """A function is asked every time; its tokens stay out of messages."""
    tokens = iter(["token-number-one-is-long", "token-number-two-is-long"])
    served = server(HI, error_response(401, {"error": "token-number-two-is-long"}))
    client = vertex.Client("p", token=lambda: next(tokens), base_url=served.url, retries=NO_RETRIES)
    ask(client)
    with client, pytest.raises(AuthenticationError) as caught:
        client.agent("m").build().prompt("Hello")
    assert "token-number" not in str(caught.value) + caught.value.body
    sent = [request.headers["authorization"] for request in served.requests]
    assert sent == ["Bearer token-number-one-is-long", "Bearer token-number-two-is-long"]


def test_application_default_credentials(server: ServerFactory, google: Path) -> None:
    """Looked for at the first request, refreshed when they are no longer valid."""
    install(google)
    served = server(lambda _: HI)
    client = vertex.Client("p", base_url=served.url)
    for _ in range(3):
        ask(client)
    numbers = [request.headers["authorization"].split("-")[2] for request in served.requests]
    assert numbers == ["1", "2", "2"]


def test_no_credentials(server: ServerFactory, google: Path) -> None:
    """Google's own words are in the message."""
    install(google, lost=True)
    served = server(HI)
    with vertex.Client("p", base_url=served.url) as client:
        agent = client.agent("m").build()
        with pytest.raises(ConfigError, match=r"vertex: no Google .* no credentials found"):
            agent.prompt("Hello")
    assert served.requests == []


def test_no_token_and_no_library(google: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told when the client is made, with all that can be done."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-1")
    for make in (vertex.Client.from_env, partial(vertex.Client, "p")):
        with pytest.raises(ConfigError, match=r"VERTEX_ACCESS_TOKEN.*google-auth"):
            make()


@pytest.mark.parametrize(("project", "location"), [("", "global"), ("p", "")])
def test_no_project(project: str, location: str) -> None:
    """Neither can be guessed."""
    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        vertex.Client(project, location, "token")
    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        vertex.Client.from_env()
