"""Connections are kept, shared by threads, never shared with a forked child."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from rig_sync.errors import ConnectFailed, ConnectTimeout, UntrustedCertificate
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import (
    Close,
    Stall,
    Tell,
    WaitFor,
    chat_chunk,
    chat_chunks,
    error_response,
    sse_response,
)
from tests.threads.scripts import run_script

ANSWER = sse_response(*chat_chunks("Hel", "lo"))


@pytest.mark.parametrize("framing", ["chunked", "length", "gzip-chunked"])
def test_one_connection(
    server: ServerFactory,
    model: ModelFactory,
    framing: Literal["chunked", "length", "gzip-chunked"],
) -> None:
    """Streams that were read to their end follow each other on one connection."""
    scripted = server(sse_response(*chat_chunks("Hel", "lo"), framing=framing))
    patient = model(scripted)
    for _ in range(100):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()  # the reader has given the connection back
    assert len(scripted.requests) == 100
    assert scripted.connections == 1


def test_one_connection_after_refusals(server: ServerFactory, model: ModelFactory) -> None:
    """The body of an error is read too, so that its connection can be used again."""
    scripted = server(error_response(400), error_response(400), ANSWER)
    patient = model(scripted)
    for _ in range(2):
        with pytest.raises(Exception, match="scripted 400"):
            list(patient.stream_completion("Hi").stream())
    assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert scripted.connections == 1


def test_one_connection_over_tls(
    server: ServerFactory,
    model: ModelFactory,
    certificate: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS connections are kept as well."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    scripted = server(ANSWER, certificate=certificate)
    patient = model(scripted)
    for _ in range(100):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
    assert len(scripted.requests) == 100
    assert scripted.connections == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_connection_ahead(
    server: ServerFactory,
    certificate: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tls: bool,
) -> None:
    """`warm_up` opens the one that the first stream goes out on, and sends nothing; once."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
    scripted = server(ANSWER, certificate=certificate if tls else None)
    with Client(KEY, base_url=f"{scripted.url}/v1") as client:
        for _ in range(2):
            client.warm_up()
            assert scripted.requests == []
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
        assert (len(scripted.requests), scripted.connections) == (1, 1)


def test_no_connection_ahead(certificate: tuple[str, str], server: ServerFactory) -> None:
    """What is in its way is told as a stream tells it: with the provider, without its key."""
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    distrusted = server(ANSWER, certificate=certificate)
    for url, kind in (
        (f"http://127.0.0.1:{port}", ConnectFailed),
        (distrusted.url, UntrustedCertificate),
    ):
        with Client(KEY, base_url=url) as client, pytest.raises(kind) as caught:
            client.warm_up()
        assert str(caught.value).startswith("openai_compatible: ")
        assert KEY not in str(caught.value)
    assert distrusted.requests == []


def test_a_connection_ahead_that_does_not_come_about(server: ServerFactory) -> None:
    """It has the time to connect, be it within the handshake."""
    silent = server([Stall()])
    url = silent.url.replace("http://", "https://")
    with (
        Client(KEY, base_url=url, timeouts=Timeouts(connect=0.2)) as client,
        pytest.raises(ConnectTimeout, match="connect"),
    ):
        client.warm_up()


@pytest.mark.parametrize("way", ["break", "cancel", "close"])
def test_a_body_left_unread_costs_its_connection(
    server: ServerFactory, model: ModelFactory, way: str
) -> None:
    """What was not read to its end is not given back: the next answer would begin in the middle."""
    first = chat_chunk({"content": "Hel"})
    scripted = server(sse_response(first, Stall()), ANSWER)
    patient = model(scripted)
    stream = patient.stream_completion("Hi").stream()
    for _ in stream:
        if way == "break":
            break
        if way == "cancel":
            stream.cancel()
        else:
            stream.close()
            break
    del stream
    assert scripted.disconnected.wait(2)
    assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"
    assert [request.connection for request in scripted.requests] == [0, 1]


def test_a_connection_that_the_server_closed_meanwhile(
    server: ServerFactory, model: ModelFactory
) -> None:
    """A kept connection that died is not used: no error, and no try is spent on it."""
    go = threading.Event()
    scripted = server([*ANSWER, WaitFor(go), Close()], ANSWER)
    patient = model(scripted)
    for number in range(2):
        stream = patient.stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
        if number == 0:
            go.set()
            scripted.wait_closed(0)
    assert scripted.connections == 2


def test_shared_by_threads(server: ServerFactory, model: ModelFactory) -> None:
    """Threads share the pool, no answer goes astray, and no more is opened than is used at once."""
    scripted = server(lambda request: sse_response(*chat_chunks(_prompt(request.json))))
    patient = model(scripted)

    def ask(number: int) -> str:
        stream = patient.stream_completion(f"prompt {number}").stream()
        text = "".join(stream.text_deltas())
        stream.close()
        return text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(100)))
    assert answers == [f"prompt {number}" for number in range(100)]
    assert scripted.connections <= 20  # a busy machine may lose one to the time for the rest


def _prompt(body: object) -> str:
    assert isinstance(body, dict)
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


FORK_IDLE = """
import os, sys, warnings
from rig_sync.providers.openai_compatible import Client
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since 3.12

model = Client(base_url=sys.argv[1]).completion_model("m")

def ask():
    with model.stream_completion("Hi").stream() as stream:
        assert "".join(stream.text_deltas()) == "Hello"

ask()
child = os.fork()
if not child:
    ask()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
ask()
"""


def test_a_forked_child_opens_its_own(server: ServerFactory) -> None:
    """A child never speaks on its parent's connection, and the parent keeps it."""
    scripted = server(ANSWER)
    run_script(FORK_IDLE, scripted.url + "/v1").check()
    assert [request.connection for request in scripted.requests] == [0, 1, 0]


FORK_OPEN = """
import os, sys, warnings
from rig_sync.providers.openai_compatible import Client
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since 3.12

model = Client(base_url=sys.argv[1]).completion_model("m")
stream = model.stream_completion("Hi").stream()
assert next(stream).text == "Hel"

def next_error():
    try:
        return next(stream)
    except Exception as error:
        return error

child = os.fork()
if not child:
    {child}
assert os.waitpid(child, 0)[1] == 0
model.stream_completion("go on").send()
assert "".join(stream.text_deltas()) == "lo"
"""


@pytest.mark.parametrize(
    "child",
    [
        "os._exit(0)",
        "sys.exit(0)",
        "del stream; sys.exit(0)",
        "stream.cancel(); sys.exit(0)",
        "stream.close(); sys.exit(0)",
        "exit_code = 'before the fork' not in str(next_error()); sys.exit(exit_code)",
    ],
)
def test_a_forked_child_leaves_an_open_stream_alone(server: ServerFactory, child: str) -> None:
    """However a child ends, the stream that its parent was reading goes on."""
    go = threading.Event()
    first, *rest = chat_chunks("Hel", "lo")
    whole = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
    scripted = server(
        sse_response(first, WaitFor(go), *rest),
        [*error_response(200, whole), Tell(go)],
    )
    run_script(FORK_OPEN.format(child=child), scripted.url + "/v1").check()
