"""Connections: while they are made, kept, and when one closes under a request."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from rig_sync import PauseControl, Timeouts
from rig_sync.errors import (
    BadRequest,
    ConnectFailed,
    ConnectTimeout,
    FirstEventTimeout,
    ReadFailed,
    TotalTimeout,
)
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.faults.proxy import BlackHole, Hasty
from tests.faults.silences import (
    CONNECTING,
    connecting,
    restored,
)
from tests.faults.test_deadlines import LATE, fires
from tests.server import (
    Close,
    Reset,
    Send,
    WaitFor,
    chat_chunks,
    sse_response,
)
from tests.threads.watching import settled, threads_gone

pytestmark = pytest.mark.filterwarnings("ignore::rig_sync.InsecureUrlWarning")

QUICK = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
ANSWER = sse_response(*chat_chunks("Hello"))
LONG = 30.0
NO_SECRETS = ("a/password", "a%2Fpassword", KEY)


@pytest.fixture
def env(certificate: tuple[str, str]) -> Iterator[MutableMapping[str, str]]:
    """The environment, as it was before once the test is over; few certificates are trusted."""
    with restored(os.environ):
        os.environ["REQUESTS_CA_BUNDLE"] = certificate[0]
        yield os.environ


# while a connection is made ------------------------------------------------------------------

HOPELESS = {"a name server that is silent"}  # nobody can be woken: the stream ends at once


@pytest.mark.parametrize("name", CONNECTING)
def test_connect(name: str, env: MutableMapping[str, str]) -> None:
    """It ends in time, is tried again where its thread could be woken, and leaves nothing."""
    retries = RetryPolicy(attempts=2, initial=0, maximum=0)
    with connecting(CONNECTING[name], env) as url:
        client = Client(KEY, base_url=url, timeouts=Timeouts(connect=0.4), retries=retries)
        tries = 1 if name in HOPELESS else 2
        with client, fires(ConnectTimeout, 0.4 * tries) as caught:
            list(client.completion_model("m").stream_completion("Hi").stream())
        assert [one.kind for one in caught.value.attempts] == ["ConnectTimeout"] * (tries - 1)
        assert "connect" in str(caught.value)
        assert not any(secret in f"{caught.value!r}" for secret in NO_SECRETS)
        if name not in HOPELESS:
            assert threads_gone()
    assert threads_gone()


@pytest.mark.parametrize("name", CONNECTING)
@pytest.mark.parametrize("way", ["cancel", "total", "first_event"])
def test_leaving_while_connecting(name: str, way: str, env: MutableMapping[str, str]) -> None:
    """Whoever leaves is free at once, and so is the thread that was connecting."""
    with connecting(CONNECTING[name], env) as url:
        timeouts = Timeouts(connect=LONG)
        if way != "cancel":
            timeouts = replace(timeouts, **{way: 0.2})
        with Client(KEY, base_url=url, timeouts=timeouts, retries=NO_RETRIES) as client:
            stream = client.completion_model("m").stream_completion("Hi").stream()
            if way == "cancel":
                leaver = threading.Timer(0.2, stream.cancel)
                leaver.start()
                began = time.monotonic()
                assert list(stream) == []
                assert time.monotonic() - began < LATE
                leaver.join()
            else:
                with fires(TotalTimeout if way == "total" else FirstEventTimeout, 0.2):
                    next(stream)
        if name not in HOPELESS:
            assert threads_gone()
    assert threads_gone()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
@pytest.mark.parametrize(
    "name", ["nobody there", "a handshake, byte by byte", "a CONNECT, byte by byte"]
)
def test_descriptors(name: str, env: MutableMapping[str, str]) -> None:
    """A hundred connections that never stood leave no descriptor."""
    timeouts = Timeouts(connect=0.02)
    with connecting(CONNECTING[name], env) as url:
        before = _descriptors()
        with Client(KEY, base_url=url, timeouts=timeouts, retries=NO_RETRIES) as client:
            model = client.completion_model("m")
            for number in range(100):
                stream = model.stream_completion("Hi").stream()
                if number % 2:
                    threading.Timer(0.005, stream.cancel).start()
                with contextlib.suppress(ConnectTimeout):
                    list(stream)
            settled(lambda: _descriptors() <= before, to=True)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


Addresses = list[tuple[int, int, int, str, tuple[Any, ...]]]


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """What any name leads to from now on, in this order."""
    found: Addresses = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    return found


def _at(port: int, family: int = socket.AF_INET, host: str = "127.0.0.1") -> Any:
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def test_an_address_that_does_not_answer(
    server: ServerFactory, model: ModelFactory, addresses: Addresses
) -> None:
    """The first address that nobody answers at cannot take the time of the next."""
    served = server(sse_response(*chat_chunks("Hello")))
    with BlackHole() as hole:
        addresses += [_at(hole.port), _at(hole.port), _at(served.port)]
        patient = model("http://provider.test/v1", timeouts=Timeouts(connect=3))
        began = time.monotonic()
        assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"
        assert 2 <= time.monotonic() - began < 2 + LATE


@pytest.mark.parametrize("first", ["refuses", "is of a family that this system has not"])
def test_an_address_that_fails(
    server: ServerFactory, model: ModelFactory, addresses: Addresses, first: str
) -> None:
    """The next one is tried at once."""
    served = server(sse_response(*chat_chunks("Hello")))
    strange = _at(served.port, getattr(socket, "AF_APPLETALK", 5))
    addresses += [_at(1) if first == "refuses" else strange, _at(served.port)]
    patient = model("http://provider.test/v1", timeouts=Timeouts(connect=LONG))
    assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"


def test_no_address(model: ModelFactory, addresses: Addresses) -> None:
    """A name without any is told of."""
    with pytest.raises(ConnectFailed, match="has no address"):
        list(model("http://provider.test/v1").stream_completion("Hi").stream())


def test_the_wait_for_a_key_is_no_connecting(server: ServerFactory) -> None:
    """A function that is slow to give a key has the time of `first_event`."""
    served = server(sse_response(*chat_chunks("Hello")))

    def key() -> str:
        threading.Event().wait(1.5)
        return KEY

    timeouts = Timeouts(connect=1.0, first_event=LONG)
    with Client(key, base_url=served.url, timeouts=timeouts, retries=NO_RETRIES) as client:
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
    client = Client(key, base_url=served.url, timeouts=Timeouts(first_event=0.2))
    with client, fires(FirstEventTimeout, 0.2):
        list(client.completion_model("m").stream_completion("Hi").stream())


def test_connect_is_over_once_it_stands(server: ServerFactory, model: ModelFactory) -> None:
    """Neither the request nor the wait for the headers is connecting."""
    go = threading.Event()
    served = server([WaitFor(go), *sse_response(*chat_chunks("Hello"))])
    stream = model(served, timeouts=Timeouts(connect=1.0)).stream_completion("Hi").stream()
    threading.Timer(1.5, go.set).start()
    assert "".join(stream.text_deltas()) == "Hello"


def test_pausing_while_connecting(env: MutableMapping[str, str]) -> None:
    """While paused nothing is raised: not before it goes on."""
    pause = PauseControl()
    pause.pause()
    with connecting(CONNECTING["nobody there"], env) as url:
        timeouts = Timeouts(connect=1.0)
        with Client(KEY, base_url=url, timeouts=timeouts, retries=NO_RETRIES) as client:
            stream = client.completion_model("m").stream_completion("Hi").stream(pause=pause)
            threading.Timer(0.05, pause.resume).start()
            threading.Timer(0.1, pause.pause).start()  # long before the time to connect is over
            threading.Timer(1.5, pause.resume).start()
            with fires(ConnectTimeout, 1.5):
                list(stream)


# what servers do around the answer -----------------------------------------------------------

INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "all": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n",
}


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_answers(server: ServerFactory, model: ModelFactory, interim: str) -> None:
    """What comes ahead of an answer is not taken for it, at once or later on the connection."""
    served = server([Send(INTERIM[interim]), *ANSWER])
    patient = model(served)
    for _ in range(3):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
    assert (len(served.requests), served.connections) == (3, 1)


@pytest.mark.parametrize("ending", [Close(), Reset()], ids=["fin", "reset"])
def test_a_kept_connection_that_closes_under_a_request(
    server: ServerFactory, model: ModelFactory, ending: Close | Reset
) -> None:
    """A server may close a kept connection just as a request arrives: that is tried again."""
    served = server(ANSWER, [ending], ANSWER)
    patient = model(served, retries=QUICK)
    for _ in range(2):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
    assert [request.connection for request in served.requests] == [0, 0, 1]


TOO_LARGE = (
    b"HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\n"
    b'Connection: close\r\nContent-Length: 42\r\n\r\n{"error": {"message": "no more than 1 MB"}}'
)
WORDS = "word " * 2_000_000


@pytest.mark.parametrize("then", ["drain", "close"])
def test_an_answer_ahead_of_the_body(model: ModelFactory, then: Literal["drain", "close"]) -> None:
    """A server may refuse a large request before it has read it.

    The refusal is read all the same; one that resets the connection takes it away with it.
    """
    with Hasty(TOO_LARGE, then) as served:
        kinds = (BadRequest,) if then == "drain" else (BadRequest, ReadFailed)
        with pytest.raises(kinds, match="no more than 1 MB" if then == "drain" else None) as caught:
            list(model(served.url, retries=QUICK).stream_completion(WORDS).stream())
        assert served.connections == 1 + len(caught.value.attempts)
        if isinstance(caught.value, BadRequest):
            assert caught.value.status == 413


def test_a_server_that_takes_no_body(model: ModelFactory) -> None:
    """One that stops reading has no more time than one that is silent."""
    with Hasty(b"", "hold") as served:
        short = model(served.url, timeouts=Timeouts(first_event=0.5))
        began = time.monotonic()
        with pytest.raises(FirstEventTimeout):
            list(short.stream_completion(WORDS).stream())
        assert 0.5 <= time.monotonic() - began < LATE
        assert threads_gone()
