"""Streams through a proxy of the environment: by CONNECT, and for a whole URL; its credentials."""

from __future__ import annotations

import logging
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig_sync import InsecureUrlWarning
from rig_sync.errors import ConfigError, ConnectFailed, ReadFailed, RigError
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import RetryPolicy
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.faults.proxy import Proxy, certificate_for
from tests.server import (
    ScriptedServer,
    Send,
    Stall,
    Step,
    Tell,
    WaitFor,
    chat_chunks,
    spawn,
    sse_response,
)

pytestmark = pytest.mark.filterwarnings("ignore::rig_sync.InsecureUrlWarning")

SAID = "pa55word/of-the-proxy"
PASSWORD = "pa55word%2Fof-the-proxy"  # as a URL has it
USER = f"worker:{PASSWORD}"
PROOF = "Basic d29ya2VyOnBhNTV3b3JkL29mLXRoZS1wcm94eQ=="
ANSWER = sse_response(*chat_chunks("Hel", "lo"))
HELLO = chat_chunks("Hello", finish=None, done=False)
QUICK = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
SCHEMES = ("http", "https")
FREE = "the proxy's own words"


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for provider.test, and for localhost."""
    found = certificate_for(tmp_path_factory.mktemp("tls"), "provider.test", "localhost")
    if found is None:
        pytest.skip("there is no openssl to make a certificate with")
    return found


class Way:
    """Makes servers, and proxies to them that the environment names."""

    def __init__(
        self, server: ServerFactory, trusted: tuple[str, str], env: pytest.MonkeyPatch
    ) -> None:
        self.env = env
        self.proxies: list[Proxy] = []
        self._server = server
        self.trusted = trusted
        env.setenv("REQUESTS_CA_BUNDLE", trusted[0])

    def serve(self, scheme: str, *answers: Any) -> ScriptedServer:
        """The provider, with TLS for https."""
        return self._server(*answers, certificate=self.trusted if scheme == "https" else None)

    def proxy(
        self,
        served: ScriptedServer,
        *refusals: bytes,
        variable: str = "ALL_PROXY",
        tls: bool = False,
    ) -> Proxy:
        """A proxy to `served`, with credentials."""
        certificate = self.trusted if tls else None
        one = Proxy(
            served.port, credentials=f"worker:{SAID}", refusals=refusals, certificate=certificate
        )
        self.proxies.append(one)
        self.env.setenv(variable, one.address)
        return one


@pytest.fixture
def way(
    server: ServerFactory, trusted: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Way]:
    """The way to a provider, closed afterwards."""
    one = Way(server, trusted, monkeypatch)
    yield one
    for proxy in one.proxies:
        proxy.close()


def url(scheme: str) -> str:
    """A provider that no name server knows."""
    return f"{scheme}://provider.test/v1"


def refusal(status: str) -> bytes:
    """What a proxy says that does not want to."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(FREE)}\r\n\r\n{FREE}".encode()


VARIABLES = [
    ("http", "HTTP_PROXY"),
    ("http", "http_proxy"),
    ("https", "HTTPS_PROXY"),
    ("https", "https_proxy"),
    *((scheme, name) for scheme in SCHEMES for name in ("ALL_PROXY", "all_proxy")),
]


@pytest.mark.parametrize("tls", [False, True], ids=["plain proxy", "TLS proxy"])
@pytest.mark.parametrize(("scheme", "variable"), VARIABLES)
def test_prompt(way: Way, model: ModelFactory, scheme: str, variable: str, tls: bool) -> None:
    """Each piece comes as soon as it is there; the name is looked up by the proxy alone."""
    seen = threading.Event()
    served = way.serve(scheme, sse_response(*HELLO, WaitFor(seen), *chat_chunks(" again")), ANSWER)
    way.proxy(served, variable=variable, tls=tls)
    texts = []
    for text in model(url(scheme)).stream_completion("Hi").stream().text_deltas():
        texts.append(text)
        seen.set()
    assert texts == ["Hello", " again"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_credentials(way: Way, model: ModelFactory, scheme: str) -> None:
    """They go to the proxy, never to the provider; our key goes through a tunnel unseen."""
    served = way.serve(scheme, ANSWER)
    proxy = way.proxy(served)
    assert "".join(model(url(scheme)).stream_completion("Hi").stream().text_deltas()) == "Hello"
    asked = proxy.asked[0]
    assert asked.headers["proxy-authorization"] == PROOF
    if scheme == "https":
        assert (asked.method, asked.target) == ("CONNECT", "provider.test:443")
        assert KEY not in str(asked)
    else:
        assert asked.target == "http://provider.test/v1/chat/completions"
    request = served.requests[0]
    assert request.headers["host"] == "provider.test"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert not any("proxy" in name for name in request.headers)
    assert SAID not in str(request)
    assert PROOF not in str(request)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_connection(way: Way, model: ModelFactory, scheme: str) -> None:
    """Streams follow each other on one connection, and in one tunnel."""
    served = way.serve(scheme, ANSWER)
    proxy = way.proxy(served)
    patient = model(url(scheme))
    for _ in range(5):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
    assert (proxy.connections, served.connections, len(served.requests)) == (1, 1, 5)
    assert len(proxy.asked) == (1 if scheme == "https" else 5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_connection_ahead(way: Way, scheme: str) -> None:
    """`warm_up` makes the tunnel that the first stream goes through."""
    served = way.serve(scheme, ANSWER)
    proxy = way.proxy(served)
    with Client(KEY, base_url=url(scheme)) as client:
        client.warm_up()
        assert len(proxy.asked) == (1 if scheme == "https" else 0)
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
    assert (proxy.connections, served.connections, len(proxy.asked)) == (1, 1, 1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_whole_answers(way: Way, model: ModelFactory, scheme: str) -> None:
    """A one-shot call, with a request larger than any buffer, takes the same way."""
    body = b'{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    served = way.serve(scheme, [Send(head % len(body) + body)])
    way.proxy(served)
    long = "wörds " * 400_000
    assert model(url(scheme)).completion(long).send().text == "Hello"
    assert long.strip() in str(served.requests[0].json)


@pytest.mark.parametrize("tls", [False, True], ids=["plain proxy", "TLS proxy"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("moment", ["before the answer", "in the answer"])
def test_cancel(way: Way, model: ModelFactory, scheme: str, moment: str, tls: bool) -> None:
    """Cancelled, a stream closes the connection at both ends of the proxy."""
    ready = threading.Event()
    silence: list[Step] = [Tell(ready), Stall()]
    early = moment == "before the answer"
    served = way.serve(scheme, silence if early else sse_response(*HELLO, Stall()))
    proxy = way.proxy(served, tls=tls)
    stream = model(url(scheme)).stream_completion("Hi").stream()

    def cancel() -> None:
        assert ready.wait(5)
        stream.cancel()

    canceller = spawn(cancel)
    for _ in stream:
        ready.set()
    canceller.join()
    assert stream.message.text == ("" if early else "Hello")
    assert proxy.disconnected.wait(2)
    assert served.disconnected.wait(2)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shown", ["none", "wrong"])
def test_credentials_wanted(
    way: Way,
    model: ModelFactory,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    shown: str,
) -> None:
    """A 407 says what to set and shows nothing; the provider's own 401 it is not; no second try."""
    caplog.set_level(logging.DEBUG)
    served = way.serve(scheme, ANSWER)
    proxy = way.proxy(served)
    wrong = "worker:another-pa55word"
    at = proxy.url if shown == "none" else proxy.url.replace("://", f"://{wrong}@")
    way.env.setenv("ALL_PROXY", at)
    with pytest.raises(ConfigError, match=r"the proxy wants credentials.*407.*HTTPS_PROXY=") as got:
        list(model(url(scheme), retries=QUICK).stream_completion("Hi").stream())
    assert len(proxy.asked) == 1
    assert served.requests == []
    _shows_nothing(got.value, caplog.text)


def _shows_nothing(error: RigError, logged: str) -> None:
    told = f"{error!s} {error!r} {error.attempts} {error.__cause__!r} {logged}"
    for secret in (KEY, SAID, PASSWORD, PROOF, "pa55word", "Basic "):
        assert secret not in told


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "405 No", "451 Never"])
def test_a_tunnel_that_is_refused(way: Way, model: ModelFactory, status: str) -> None:
    """A 4xx for CONNECT would come again: it is the proxy's, and is not tried again."""
    served = way.serve("https", ANSWER)
    proxy = way.proxy(served, *[refusal(status)] * 3)
    with pytest.raises(ConfigError, match=rf"the proxy refuses.*{status[:3]}.*NO_PROXY"):
        list(model(url("https"), retries=QUICK).stream_completion("Hi").stream())
    assert len(proxy.asked) == 1


FAILURES = {
    "429": refusal("429 Too Many Requests"),
    "502": refusal("502 Bad Gateway"),
    "503": refusal("503 Service Unavailable"),
    "504": refusal("504 Gateway Timeout"),
    "closed": b"",
    "closed in the reply": b"HTTP/1.1 200 Conn",
    "no HTTP": b"220 mail.example.com ESMTP\r\n\r\n",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_tunnel_that_fails(way: Way, model: ModelFactory, failure: str) -> None:
    """Anything else is tried again; and once it works, nothing of it stays."""
    served = way.serve("https", ANSWER)
    proxy = way.proxy(served, *[FAILURES[failure]] * 5)
    patient = model(url("https"), retries=QUICK)
    with pytest.raises((ConnectFailed, ReadFailed), match="openai_compatible: ") as got:
        list(patient.stream_completion("Hi").stream())
    assert len(got.value.attempts) == 2
    _shows_nothing(got.value, "")
    assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert proxy.connections == 6


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_proxy_there(way: Way, model: ModelFactory, scheme: str) -> None:
    """A proxy that does not run is named as what is to be looked at, without its password."""
    way.env.setenv("ALL_PROXY", f"http://{USER}@127.0.0.1:1")
    with pytest.raises(ConnectFailed, match=r"proxy.*provider.test.*proxy in the environ") as got:
        list(model(url(scheme), retries=QUICK).stream_completion("Hi").stream())
    _shows_nothing(got.value, "")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_that_nobody_knows(
    way: Way,
    model: ModelFactory,
    certificate: tuple[str, str],
    scheme: str,
) -> None:
    """No credentials go to a proxy over TLS whose certificate is not trusted."""
    served = way.serve(scheme, ANSWER)
    with Proxy(served.port, credentials=f"worker:{SAID}", certificate=certificate) as proxy:
        way.env.setenv("ALL_PROXY", proxy.address)
        with pytest.raises(ConnectFailed, match="certificate"):
            list(model(url(scheme)).stream_completion("Hi").stream())
        assert proxy.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_needs_none(way: Way, model: ModelFactory, host: str) -> None:
    """What is on this machine is asked directly, whatever is set."""
    served = way.serve("http", ANSWER)
    proxy = way.proxy(served)
    here = f"http://{host}:{served.port}/v1"
    assert "".join(model(here).stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert proxy.asked == []


@pytest.mark.parametrize(
    "names", ["provider.test", ".test", "localhost,127.0.0.1,::1,provider.test", "*"]
)
def test_exceptions(way: Way, model: ModelFactory, names: str) -> None:
    """Hosts that NO_PROXY names are asked directly."""
    served = way.serve("http", ANSWER)
    proxy = way.proxy(served)
    way.env.setenv("NO_PROXY", names)
    find = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return find("127.0.0.1" if host == "provider.test" else host, port, *args, **kwargs)

    way.env.setattr(socket, "getaddrinfo", getaddrinfo)
    here = f"http://provider.test:{served.port}/v1"
    assert "".join(model(here).stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert proxy.asked == []


def test_other_exceptions(way: Way, model: ModelFactory) -> None:
    """NO_PROXY for other hosts, IPv6 addresses among them, changes nothing."""
    proxy = way.proxy(way.serve("https", ANSWER))
    way.env.setenv("NO_PROXY", "localhost,127.0.0.1,::1,.corp:8080,10.0.0.0/8")
    assert "".join(model(url("https")).stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert len(proxy.asked) == 1


BROKEN = [
    "http://",
    f"http://{USER}@",
    f"http://{USER}@127.0.0.1:notaport",
    "http://127.0.0.1:99999",
    "http://[::1",
]


@pytest.mark.parametrize("address", BROKEN)
def test_an_address_that_is_none(way: Way, model: ModelFactory, address: str) -> None:
    """A variable that cannot be right is told of, and not shown."""
    way.env.setenv("HTTPS_PROXY", address)
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as got:
        list(model(url("https"), retries=QUICK).stream_completion("Hi").stream())
    assert got.value.attempts == ()
    _shows_nothing(got.value, "")


@pytest.mark.parametrize("scheme", ["socks5h", "ftp"])
def test_other_kinds_of_proxies(way: Way, model: ModelFactory, scheme: str) -> None:
    """One that cannot be spoken to is told of; a SOCKS proxy is never just passed by."""
    way.env.setenv("ALL_PROXY", f"{scheme}://{USER}@127.0.0.1:1")
    with pytest.raises((ConfigError, ConnectFailed), match=r"(?i)socks|proxy") as got:
        list(model(url("https")).stream_completion("Hi").stream())
    _shows_nothing(got.value, "")


def test_a_certificate_bundle_that_is_not_there(way: Way, model: ModelFactory) -> None:
    """A path that leads nowhere is a mistake in the environment, and not tried again."""
    way.env.setenv("REQUESTS_CA_BUNDLE", "/nowhere/at/all.pem")
    with pytest.raises(ConfigError, match=r"/nowhere/at/all.pem.*REQUESTS_CA_BUNDLE") as got:
        list(model(url("https"), retries=QUICK).stream_completion("Hi").stream())
    assert got.value.attempts == ()


def test_certificates_that_change(
    way: Way, model: ModelFactory, certificate: tuple[str, str], tmp_path: Path
) -> None:
    """They are read once, and again when the file has become another."""
    served = way.serve("https", ANSWER)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(certificate[0]).read_bytes())
    way.env.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(ConnectFailed, match="certificate"):
        list(model(served).stream_completion("Hi").stream())
    bundle.write_bytes(Path(way.trusted[0]).read_bytes())
    os.utime(bundle, (1, 1))
    for _ in range(2):
        stream = model(served).stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"


def test_without_tls_is_warned_of(way: Way, model: ModelFactory) -> None:
    """Without TLS all on the way can read along: that is said at the start."""
    with pytest.warns(InsecureUrlWarning, match="not encrypted"):
        model("http://elsewhere.test/v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model("https://elsewhere.test/v1")
