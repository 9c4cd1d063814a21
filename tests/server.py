"""A server that speaks exactly the bytes a test scripts, over a real loopback socket.

A script is a list of steps, one script for each request in the order of arrival:

    with ScriptedServer(sse_response(*chat_chunks("Hello"), Stall())) as server:
        ...

Nothing waits for ever: a step that is never released is an error, and errors in the server's
threads are raised when it is closed. It needs Linux, as the fixtures around it do.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from rig_sync._closing import Closing

__all__ = [
    "DONE",
    "Close",
    "Drip",
    "Flood",
    "Framing",
    "Request",
    "Reset",
    "Script",
    "ScriptedServer",
    "Send",
    "Stall",
    "Step",
    "Tell",
    "WaitFor",
    "bytewise",
    "call_chunks",
    "chat_chunk",
    "chat_chunks",
    "error_response",
    "response",
    "spawn",
    "sse",
    "sse_response",
]

BOUND = 20.0  # seconds after which a step that was never released has failed
TICK = 0.002

Framing = Literal["chunked", "length", "close", "gzip-chunked"]


# steps ---------------------------------------------------------------------------------------


class Send(NamedTuple):
    """These bytes, as they are."""

    data: bytes


class WaitFor(NamedTuple):
    """Nothing more until the test sets `event`."""

    event: threading.Event


class Tell(NamedTuple):
    """Sets `event`: all before it was handed to the kernel."""

    event: threading.Event


class Drip(NamedTuple):
    """`data` every so many seconds, until the client goes or `until` is set."""

    data: bytes
    seconds: float = 0.02
    until: threading.Event | None = None


class Flood(NamedTuple):
    """`data` again and again, as fast as the client takes it, until it goes."""

    data: bytes


class Stall(NamedTuple):
    """Silence until the client goes, or the server is closed."""


class Close(NamedTuple):
    """The polite end of the connection (FIN)."""


class Reset(NamedTuple):
    """The rude one (RST)."""


Step: TypeAlias = Send | WaitFor | Tell | Drip | Flood | Stall | Close | Reset
Script: TypeAlias = Sequence[Step]
Answer: TypeAlias = "Script | Callable[[Request], Script]"


# scripts -------------------------------------------------------------------------------------


def response(
    status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> list[Step]:
    """A whole response, with its length."""
    fields = {"Content-Length": str(len(body)), **(headers or {})}
    return [Send(_head(status, fields) + body)]


def error_response(
    status: int, body: object = None, headers: Mapping[str, str] | None = None
) -> list[Step]:
    """A JSON error as OpenAI words it; `body` instead, if given."""
    payload = {"error": {"message": f"scripted {status}"}} if body is None else body
    fields = {"Content-Type": "application/json", **(headers or {})}
    return response(status, fields, json.dumps(payload).encode())


def sse_response(
    *pieces: bytes | Step,
    framing: Framing = "chunked",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> list[Step]:
    """A stream of `pieces`, each sent by itself; steps among them are done where they stand."""
    fields = {"Content-Type": "text/event-stream", **(headers or {})}
    steps: list[Step] = []
    squeeze = zlib.compressobj(wbits=31) if framing == "gzip-chunked" else None
    for piece in pieces:
        if not isinstance(piece, bytes):
            steps.append(_framed_step(piece, framing))
        elif squeeze is not None:
            packed = squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            steps.append(Send(chunk(packed)))
        else:
            steps.append(Send(chunk(piece) if framing == "chunked" else piece))
    match framing:
        case "chunked" | "gzip-chunked":
            fields["Transfer-Encoding"] = "chunked"
            rest = b"" if squeeze is None else chunk(squeeze.flush())
            steps.append(Send(rest + b"0\r\n\r\n"))
        case "length":
            fields["Content-Length"] = str(sum(len(p) for p in pieces if isinstance(p, bytes)))
        case "close":
            fields["Connection"] = "close"
            steps.append(Close())
    if squeeze is not None:
        fields["Content-Encoding"] = "gzip"
    return [Send(_head(status, fields)), *steps]


def chunk(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _framed_step(step: Step, framing: Framing) -> Step:
    if framing == "chunked" and isinstance(step, Drip | Flood):
        return step._replace(data=chunk(step.data))
    return step


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Scripted')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def sse(payload: object) -> bytes:
    """One event with `payload` as JSON."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def chat_chunk(delta: object = None, finish: str | None = None, usage: object = None) -> bytes:
    """One chunk of an OpenAI chat stream."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    payload: dict[str, object] = {"id": "chat-1", "model": "scripted", "choices": choices}
    if usage is not None:
        payload["usage"] = usage
    return sse(payload)


def chat_chunks(
    *texts: str, finish: str | None = "stop", usage: object = None, done: bool = True
) -> list[bytes]:
    """The events of a chat stream that says `texts`, one event each."""
    events = [chat_chunk({"content": text}) for text in texts]
    if finish is not None:
        events.append(chat_chunk(finish=finish, usage=usage))
    return [*events, DONE] if done else events


def call_chunks(*calls: tuple[str, object], done: bool = True) -> list[bytes]:
    """The events of a chat stream that calls tools by name and arguments; ids are c0, c1, …."""
    events = []
    for number, (name, arguments) in enumerate(calls):
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": number, "id": f"c{number}", "type": "function", "function": function}
        events.append(chat_chunk({"tool_calls": [call]}))
    return [*events, chat_chunk(finish="tool_calls"), DONE] if done else events


def bytewise(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Every byte for itself."""
    return (bytes([byte]) for piece in pieces for byte in piece)


def spawn(run: Callable[[], object]) -> threading.Thread:  # noqa: TID251 - the tests' own threads
    """A started daemon thread; its name tells it from those of rig_sync."""
    thread = _thread(run)
    thread.start()
    return thread


def _thread(run: Callable[[], object]) -> threading.Thread:  # noqa: TID251
    return threading.Thread(target=run, name="test", daemon=True)  # noqa: TID251


# the server ----------------------------------------------------------------------------------


class Request(NamedTuple):
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> object:
        """The body."""
        return json.loads(self.body)


class _ClientGone(Exception):
    """The client closed or reset the connection."""


class _ServerClosed(Exception):
    """The test is over."""


class ScriptedServer(Closing):
    """Answers the nth request with the nth of `answers`; the last one serves all that follow.

    Args:
        answers: Scripts, or functions that make one of the request.
        certificate: Files of a certificate and its key, for TLS.
        sndbuf: The kernel's send buffer, in bytes (it doubles them).

    Attributes:
        requests: Every request so far.
        disconnected: Set when a client's end of a connection is seen.
        disconnected_at: When that was, by `time.monotonic`.
    """

    def __init__(
        self,
        *answers: Answer,
        certificate: tuple[str, str] | None = None,
        sndbuf: int | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.errors: list[Exception] = []
        self.disconnected = threading.Event()
        self.disconnected_at = 0.0
        self.stopping = threading.Event()
        self._answers = answers
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        if sndbuf is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = spawn(self._accept)

    @property
    def url(self) -> str:
        """Where it is; a certificate is for `localhost`."""
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}"

    @property
    def connections(self) -> int:
        """Connections so far."""
        return len(self._links)

    @property
    def open_connections(self) -> int:
        """Connections of which neither end has been closed."""
        return sum(link.thread.is_alive() for link in self._links)

    def wait_closed(self, connection: int) -> None:
        """Returns once the server's end of that connection is closed."""
        self._links[connection].thread.join(BOUND)
        assert not self._links[connection].thread.is_alive()

    @property
    def bytes_written(self) -> int:
        """Bytes that the kernel took, over all connections."""
        return sum(link.written for link in self._links)

    def close(self) -> None:
        """Stop; raises the first error of the server's threads."""
        self.stopping.set()
        with socket.socket() as last:
            last.connect_ex(("127.0.0.1", self.port))  # wakes the accept
        self._accepting.join(BOUND)
        self._listener.close()
        for link in self._links:
            link.thread.join(BOUND)
        if self.errors:
            raise self.errors[0]

    def next_script(self, request: Request) -> Script:
        """Notes `request`; how to answer it."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        if not self._answers:
            raise AssertionError(f"nothing is scripted for {request.method} {request.path}")
        answer = self._answers[min(number, len(self._answers) - 1)]
        return answer(request) if callable(answer) else answer

    def client_gone(self) -> None:
        """A client's end was seen."""
        if not self.disconnected.is_set():
            self.disconnected_at = time.monotonic()
            self.disconnected.set()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            link = _Link(self, sock, self._tls, len(self._links))
            self._links.append(link)  # before it serves: a client that was answered is counted
            link.thread.start()


class _Link:
    """One connection, served by one thread."""

    def __init__(
        self, server: ScriptedServer, sock: socket.socket, tls: ssl.SSLContext | None, number: int
    ) -> None:
        self.written = 0
        self._server = server
        self._sock = sock
        self._tls = tls
        self._number = number
        self._buffer = b""
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLRDHUP)
        self.thread = _thread(self._serve)

    def _serve(self) -> None:
        try:
            self._sock.settimeout(TICK)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                self._handshake(self._tls)
            while True:
                for step in self._server.next_script(self._read_request()):
                    self._do(step)
        except (_ClientGone, ConnectionError, ssl.SSLError):
            self._server.client_gone()
        except _ServerClosed:
            pass
        except Exception as error:  # noqa: BLE001 - raised again where the server is closed
            self._server.errors.append(error)
        finally:
            self._sock.close()

    def _handshake(self, tls: ssl.SSLContext) -> None:
        self._sock.settimeout(BOUND)
        self._sock = tls.wrap_socket(self._sock, server_side=True)
        self._sock.settimeout(TICK)

    def _do(self, step: Step) -> None:
        match step:
            case Send(data):
                self._send(data)
            case WaitFor(event):
                self._wait(event)
            case Tell(event):
                event.set()
            case Drip(data, seconds, until):
                self._drip(data, seconds, until or threading.Event())
            case Flood(data):
                while True:
                    self._send(data)
            case Stall():
                self._wait(threading.Event(), bound=float("inf"))
            case Close():
                raise _ServerClosed
            case Reset():
                linger = struct.pack("ii", 1, 0)
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                raise _ServerClosed

    def _read_request(self) -> Request:
        head, _, self._buffer = self._read_until(lambda data: b"\r\n\r\n" in data).partition(
            b"\r\n\r\n"
        )
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        size = int(headers.get("content-length", "0"))
        data = self._read_until(lambda data: len(data) >= size)
        body, self._buffer = data[:size], data[size:]
        return Request(method, path, headers, body, self._number)

    def _read_until(self, enough: Callable[[bytes], bool]) -> bytes:
        while not enough(self._buffer):
            if self._server.stopping.is_set():
                raise _ServerClosed
            try:
                data = self._sock.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise _ClientGone
            self._buffer += data
        return self._buffer

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._check()
            try:
                sent = self._sock.send(view)
            except TimeoutError:
                continue
            self.written += sent
            view = view[sent:]

    def _drip(self, data: bytes, seconds: float, until: threading.Event) -> None:
        end = time.monotonic() + BOUND
        while not until.is_set() and time.monotonic() < end:
            self._send(data)
            pause = time.monotonic() + seconds
            while time.monotonic() < pause and not until.wait(TICK):
                self._check()

    def _wait(self, event: threading.Event, bound: float = BOUND) -> None:
        end = time.monotonic() + bound
        while not event.wait(TICK):
            self._check()
            if time.monotonic() > end:
                raise AssertionError(f"connection {self._number}: nobody released the server")

    def _check(self) -> None:
        if self._server.stopping.is_set():
            raise _ServerClosed
        if self._poll.poll(0):
            raise _ClientGone
