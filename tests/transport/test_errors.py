"""Whatever goes wrong on the line or at the provider comes out as one of our errors."""

from __future__ import annotations

import pickle
import socket
import threading
import traceback
from collections.abc import Callable
from typing import NamedTuple

import pytest

from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ConfigError,
    ConnectFailed,
    ConnectTimeout,
    ContextLengthExceeded,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ReadFailed,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
)
from rig_sync.streaming.items import StreamError, StreamFinal, Text, ToolCall
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import (
    Close,
    Request,
    Reset,
    Script,
    Send,
    Step,
    call_chunks,
    chat_chunks,
    error_response,
    response,
    spawn,
    sse,
    sse_response,
)

HELLO = chat_chunks("Hello", finish=None, done=False)
GZIP = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}


class Case(NamedTuple):
    """How the line breaks, and what comes of it."""

    name: str
    script: Script
    error: type[RigError]
    says: str
    text: str = ""


BROKEN_LINES = [
    Case("fin before headers", [Close()], ReadFailed, "before the answer began"),
    Case("reset before headers", [Reset()], ReadFailed, "before the answer began"),
    Case("no http", [Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()], ReadFailed, "before the answer"),
    Case("reset in body", [*sse_response(*HELLO)[:-1], Reset()], ReadFailed, "broke", "Hello"),
    Case("fin in body", [*sse_response(*HELLO)[:-1], Close()], StreamTruncated, "ended", "Hello"),
    Case(
        "fin in a chunk",
        [*sse_response(*HELLO)[:-1], Send(b"40\r\ndata: {"), Close()],
        StreamTruncated,
        "ended",
        "Hello",
    ),
    Case("end without proof", sse_response(*HELLO), StreamTruncated, "ended", "Hello"),
    Case(
        "closed without proof", sse_response(*HELLO, framing="close"), StreamTruncated, "e", "Hello"
    ),
    Case(
        "short of its length",
        [*sse_response(*HELLO, *HELLO, framing="length")[:-1], Close()],
        StreamTruncated,
        "ended",
        "Hello",
    ),
    Case(
        "bad chunk size",
        [*sse_response(*HELLO)[:-1], Send(b"zz\r\n"), Close()],
        StreamTruncated,
        "ended",
        "Hello",
    ),
    Case("bad gzip", response(200, GZIP, b"data: {}\n\n"), ReadFailed, "compression"),
    Case("nothing", sse_response(), StreamTruncated, "before anything came"),
    Case("only comments", sse_response(b": hi\n\n: hi\n\n"), StreamTruncated, "before anything"),
    Case(
        "a web page",
        response(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"),
        ResponseDecodeError,
        "Sign in",
    ),
    Case(
        "a web page that says it is a stream",
        response(200, {"Content-Type": "text/event-stream"}, b"<html>Sign in</html>"),
        ResponseDecodeError,
        "Sign in",
    ),
    Case(
        "an error in a good answer",
        response(200, {"Content-Type": "text/plain"}, b'{"error": {"message": "no"}}'),
        ProviderError,
        "no",
    ),
]


@pytest.mark.parametrize("case", BROKEN_LINES, ids=lambda case: case.name)
def test_broken_line(server: ServerFactory, model: ModelFactory, case: Case) -> None:
    """A line that breaks is told apart by where it broke, and what had come stays."""
    stream = model(server(case.script)).stream_completion("Hi").stream()
    with pytest.raises(case.error, match=case.says) as caught:
        list(stream)
    assert type(caught.value) is case.error
    assert "openai_compatible" in str(caught.value)
    assert caught.value.partial is not None
    assert caught.value.partial.message.text == stream.message.text == case.text


def _refused_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "url", [_refused_port, lambda: "https://nowhere.invalid/v1"], ids=["refused", "no such name"]
)
def test_no_connection(model: ModelFactory, url: Callable[[], str]) -> None:
    """Who cannot be reached is named."""
    with pytest.raises(
        ConnectFailed, match=r"openai_compatible: no connection to (127|nowhere).*is base_url right"
    ):
        list(model(url()).stream_completion("Hi").stream())


def test_tls_to_a_plain_port(model: ModelFactory) -> None:
    """Speaking TLS to a server that does not is a failed connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                sock.recv(4096)

        served = spawn(answer)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        with pytest.raises(ConnectFailed, match="secure"):
            list(model(url).stream_completion("Hi").stream())
        served.join(5)


def test_tls_that_never_comes(server: ServerFactory, model: ModelFactory) -> None:
    """A handshake that nobody answers counts as connecting."""
    url = server().url.replace("http:", "https:")
    with pytest.raises(ConnectTimeout, match="no connection in time"):
        list(model(url, timeouts=Timeouts(connect=0.2)).stream_completion("Hi").stream())


def test_connect_is_no_limit_of_a_large_request(model: ModelFactory) -> None:
    """A request that takes longer to send than to connect is sent all the same."""
    size = 1 << 23  # more than the kernel takes by itself
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                threading.Event().wait(1.5)  # longer than `connect`; the client waits to send
                left = size
                while left > 0:
                    left -= len(sock.recv(1 << 20))
                for step in sse_response(*chat_chunks("Hello")):
                    assert isinstance(step, Send)
                    sock.sendall(step.data)

        served = spawn(answer)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        patient = model(url, timeouts=Timeouts(connect=1.0))
        stream = patient.stream_completion("x" * size).stream()
        assert "".join(stream.text_deltas()) == "Hello"
        stream.close()
        served.join(5)


def test_certificate_of_nobody(
    server: ServerFactory, model: ModelFactory, certificate: tuple[str, str]
) -> None:
    """A certificate that nobody vouches for is refused."""
    scripted = server(sse_response(*chat_chunks("no")), certificate=certificate)
    with pytest.raises(ConnectFailed, match="certificate"):
        list(model(scripted).stream_completion("Hi").stream())
    assert scripted.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_refused(server: ServerFactory, model: ModelFactory, status: int) -> None:
    """Nothing is sent to where a redirect points: the key is not for others."""
    other = server(sse_response(*chat_chunks("stolen")))
    scripted = server(response(status, {"Location": other.url}))
    with pytest.raises(ProviderError, match="redirects") as caught:
        list(model(scripted).stream_completion("Hi").stream())
    assert caught.value.status == status
    assert other.connections == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFound),
        (408, ServerError),
        (409, ServerError),
        (413, BadRequest),
        (418, ProviderError),
        (422, BadRequest),
        (429, RateLimited),
        (500, ServerError),
        (502, ServerError),
        (503, Overloaded),
        (529, Overloaded),
    ],
)
def test_refusals(
    server: ServerFactory, model: ModelFactory, status: int, kind: type[ProviderError]
) -> None:
    """A status is an error of its class, with what support and retries need to know."""
    headers = {"x-request-id": "req-7", "Retry-After": "3"}
    scripted = server(error_response(status, headers=headers))
    with pytest.raises(ProviderError, match=f"scripted {status}.*{status}.*req-7") as caught:
        list(model(scripted).stream_completion("Hi").stream())
    error = caught.value
    assert type(error) is kind
    assert (error.provider, error.status) == ("openai_compatible", status)
    assert (error.request_id, error.retry_after) == ("req-7", 3.0)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.retry_after) == (kind, str(error), 3.0)


def test_context_length(server: ServerFactory, model: ModelFactory) -> None:
    """A 400 that says the prompt is too long has its own class."""
    body = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    with pytest.raises(ContextLengthExceeded, match="Shorten the history"):
        list(model(server(error_response(400, body))).stream_completion("Hi").stream())


@pytest.mark.parametrize("where", ["first", "after content"])
def test_error_event(server: ServerFactory, model: ModelFactory, where: str) -> None:
    """An error inside a stream knows the request it belongs to."""
    before = [] if where == "first" else HELLO
    error = sse({"error": {"message": f"out of order, {KEY}", "code": "server_error"}})
    script = sse_response(*before, error, headers={"x-request-id": "req-8"})
    with pytest.raises(ServerError, match="out of order") as caught:
        list(model(server(script)).stream_completion("Hi").stream())
    assert caught.value.provider == "openai_compatible"
    assert caught.value.request_id == "req-8"
    assert KEY not in str(caught.value) + caught.value.body


def test_bad_frame(server: ServerFactory, model: ModelFactory) -> None:
    """A frame that is no JSON is an item; the stream goes on."""
    bad = b'data: {"choices": [' + KEY.encode() + b"\n\n"
    script = sse_response(*HELLO, bad, *chat_chunks("!"))
    first, defect, second, final = model(server(script)).stream_completion("Hi").stream()
    assert (first, second) == (Text("Hello"), Text("!"))
    assert isinstance(final, StreamFinal)
    assert isinstance(defect, StreamError)
    assert isinstance(defect.error, ResponseDecodeError)
    assert defect.error.recoverable
    assert defect.error.provider == "openai_compatible"
    assert KEY not in str(defect.error) + defect.error.body


def test_calls_before_the_error(server: ServerFactory, model: ModelFactory) -> None:
    """A tool call that was complete is delivered ahead of the error that ends the stream."""
    calls = call_chunks(("add", {"a": 1}), done=False)
    stream = model(server([*sse_response(*calls)[:-1], Reset()])).stream_completion("Hi").stream()
    items: list[object] = []
    with pytest.raises(ReadFailed) as caught:
        items.extend(stream)
    whole = [item for item in items if isinstance(item, ToolCall)]
    assert [call.arguments for call in whole] == [{"a": 1}]
    assert caught.value.partial is not None
    assert [call.id for call in caught.value.partial.message.tool_calls] == ["c0"]


# keys ----------------------------------------------------------------------------------------


def _echo(request: Request) -> list[Step]:
    return error_response(401, {"error": {"message": request.headers["authorization"]}})


def _echo_as_html(request: Request) -> list[Step]:
    page = "<html>" + "x" * (200 - 6 - 20) + request.headers["authorization"]
    return response(401, {"Content-Type": "text/html"}, page.encode())


def _echo_at_the_cut(request: Request) -> list[Step]:
    text = "x" * (4096 - 20) + request.headers["authorization"]
    return response(500, {"Content-Type": "text/plain"}, text.encode())


def _echo_as_a_stream(request: Request) -> list[Step]:
    page = "<html>" + "x" * (200 - 6 - 20) + request.headers["authorization"]
    return sse_response(page.encode())


@pytest.mark.parametrize("answer", [_echo, _echo_as_html, _echo_at_the_cut, _echo_as_a_stream])
def test_keys_are_taken_out(
    server: ServerFactory, model: ModelFactory, answer: Callable[[Request], Script]
) -> None:
    """A server that says our key back does not get it into an error, not even in part."""
    with pytest.raises(ProviderError) as caught:
        list(model(server(answer)).stream_completion("Hi").stream())
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.body
    assert KEY[:12] not in shown


@pytest.mark.parametrize("key", ["sk-line\nbreak", "sk-smart\u201cquote"])
def test_unsendable_key(server: ServerFactory, model: ModelFactory, key: str) -> None:
    """A key that no header can carry is a mistake of configuration, told without the key."""
    scripted = server(sse_response(*chat_chunks("no")))
    with pytest.raises(ConfigError, match="header") as caught:
        list(model(scripted, api_key=key).stream_completion("Hi").stream())
    assert "sk-" not in "".join(traceback.format_exception(caught.value))


def test_errors_are_still_errors_without_keys(server: ServerFactory, model: ModelFactory) -> None:
    """The empty key is not looked for in messages."""
    with pytest.raises(AuthenticationError, match="scripted 401"):
        list(model(server(error_response(401)), api_key="").stream_completion("Hi").stream())


@pytest.mark.parametrize("rest", [b"", b"data: [DONE]\n\n"], ids=["cut", "done"])
def test_an_error_as_a_field(server: ServerFactory, model: ModelFactory, rest: bytes) -> None:
    """Old llama.cpp writes `error: {...}` where `data` was due; `[DONE]` then proves nothing."""
    field = b'error: {"code": 500, "message": "out of slots", "type": "server_error"}\n\n'
    scripted = server(sse_response(*HELLO, field, *([rest] if rest else [])))
    stream = model(scripted).stream_completion("Hi").stream()
    assert next(stream) == Text("Hello")
    with pytest.raises(ServerError, match="out of slots") as caught:
        list(stream)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hello"


def test_a_stream_called_json(server: ServerFactory, model: ModelFactory) -> None:
    """What is plainly a stream is read as one, whatever the header says."""
    headers = {"Content-Type": "application/json"}
    scripted = server(sse_response(b"\n", *chat_chunks("Hel", "lo"), headers=headers))
    stream = model(scripted).stream_completion("Hi").stream()
    assert "".join(stream.text_deltas()) == "Hello"
