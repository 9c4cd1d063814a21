"""What goes out to a provider, and what errors say of it."""

from __future__ import annotations

import pytest

from rig_sync.errors import RateLimited
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http
from rig_sync.transport.line import Line
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import chat_chunks, error_response, sse_response


def test_what_goes_out(
    server: ServerFactory,
    model: ModelFactory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Our headers, uncompressed answers, and no stranger's key, whatever `.netrc` says."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other")
    monkeypatch.setenv("NETRC", str(netrc))
    scripted = server(sse_response(*chat_chunks("Hello")))
    list(model(scripted).stream_completion("Hi").stream())
    (request,) = scripted.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    sent = {name: request.headers[name] for name in ("authorization", "accept", "accept-encoding")}
    assert sent == {
        "authorization": f"Bearer {KEY}",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
    }


def test_an_address_that_is_found_later() -> None:
    """A function is asked at each request, and not before."""
    addresses = iter(["http://127.0.0.1:1", "http://127.0.0.1:2"])
    endpoint = Endpoint("p", lambda: next(addresses), headers={"User-Agent": "mine"})
    assert repr(endpoint) == "Endpoint('p', 'on first use')"
    urls = [endpoint.request("/x", b"{}").url for _ in range(2)]
    assert urls == ["http://127.0.0.1:1/x", "http://127.0.0.1:2/x"]


def test_stamp(server: ServerFactory) -> None:
    """What the body said of waiting counts more than the headers; keys go."""
    endpoint = Endpoint("p", server(error_response(429, headers={"Retry-After": "9"})).url)
    http = Http()
    secret = Endpoint("p", "http://127.0.0.1", secrets=("", "s3cret"))
    for own, expected in ((None, 9.0), (2.0, 2.0)):
        reply = http.send(HttpRequest(endpoint.base_url, {}), connect=5, line=Line())
        assert b"".join(reply.chunks()).decode() == '{"error": {"message": "scripted 429"}}'
        error = RateLimited("slow down, s3cret", body="s3cret!", retry_after=own)
        secret.stamp(error, reply)
        reply.close()
        assert error.retry_after == expected
        assert (str(error), error.body) == ("p: slow down, [key]", "[key]!")
    http.close()
