"""A proxy on loopback, and a server that takes connections and never serves one.

The proxy passes everything on to one port of this machine, whatever name it is asked for: so a
test reaches `https://provider.test` without a name server. A proxy that refuses, stalls or trickles
needs no more than a `ScriptedServer`: CONNECT is a request like another.
"""

from __future__ import annotations

import base64
import contextlib
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from rig_sync._closing import Closing
from tests.server import spawn

__all__ = ["HANDSHAKE", "Asked", "BlackHole", "Deaf", "Hasty", "Proxy", "certificate_for"]

_Socket = TypeVar("_Socket", bound=socket.socket)

BOUND = 20.0
PIECE = 65536
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
WANTS_CREDENTIALS = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="the house"\r\nContent-Length: 0\r\n\r\n'
)


def certificate_for(folder: Path, *names: str) -> tuple[str, str] | None:
    """Files of a certificate for `names` that signed itself, and of its key; None: no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={names[0]}", "-keyout", key, "-out", cert]
    command += ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


class Asked(NamedTuple):
    """What a proxy was asked for.

    Attributes:
        method: `CONNECT`, or the request's own.
        target: `host:port`, or the whole URL.
        headers: By names in small letters.
        connection: Which one it came by.
    """

    method: str
    target: str
    headers: dict[str, str]
    connection: int


class _Listening(Closing):
    """Serves each connection on a thread of its own, until it is closed.

    Attributes:
        url: Where it is.
        connections: How many there were.
        disconnected: Set when a connection has ended.
    """

    def __init__(self, certificate: tuple[str, str] | None = None) -> None:
        self.connections = 0
        self.disconnected = threading.Event()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []  # noqa: TID251 - a type here
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = spawn(self._accept)

    @property
    def url(self) -> str:
        """Where it is; a certificate is for `localhost`."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop, and end every connection."""
        self.stopping.set()
        with socket.socket() as last:
            last.connect_ex(("127.0.0.1", self.port))  # wakes the accept
        self._accepting.join(BOUND)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                _shut(sock)
        for thread in self._threads:
            thread.join(BOUND)

    def serve(self, sock: socket.socket, number: int) -> None:
        """Do what is to be done with the connection; it is closed afterwards."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            number, self.connections = self.connections, self.connections + 1
            self._threads.append(spawn(self._task(sock, number)))

    def _task(self, sock: socket.socket, number: int) -> Callable[[], None]:
        def run() -> None:
            with contextlib.suppress(OSError), self._kept(sock):
                if self._tls is None:
                    self.serve(sock, number)
                else:
                    sock.settimeout(BOUND)
                    secure = self._tls.wrap_socket(sock, server_side=True)
                    with self._kept(secure):
                        secure.settimeout(None)
                        self.serve(secure, number)
            self.disconnected.set()

        return run

    @contextlib.contextmanager
    def _kept(self, sock: _Socket) -> Iterator[_Socket]:
        """Inside, `close` ends it."""
        with self._lock:
            self._open.add(sock)
        try:
            if self.stopping.is_set():
                _shut(sock)
            yield sock
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()


class Deaf(_Listening):
    """Takes connections and answers nothing that was asked; says `drip` every so many seconds.

    For a TLS handshake that never comes to its end: a drip of `HANDSHAKE` is taken for one.
    """

    def __init__(self, start: bytes = b"", drip: bytes = b"", seconds: float = 0.01) -> None:
        self._start, self._drip, self._seconds = start, drip, seconds
        super().__init__()

    def serve(self, sock: socket.socket, number: int) -> None:  # noqa: ARG002 - all are alike
        """Drip until the client goes; it speaks first."""
        sock.recv(1, socket.MSG_PEEK)
        sock.sendall(self._start)
        hung_up = spawn(lambda: _swallow(sock))
        while hung_up.is_alive():
            if self._drip:
                sock.sendall(self._drip)
            hung_up.join(self._seconds)


class Hasty(_Listening):
    """Answers once it has a request's headers, and lets the body be.

    Args:
        answer: What it says.
        then: `close` with the body unread, which resets the connection; `drain` the body when its
            own end of the connection is closed; `hold` the connection and read nothing.
    """

    def __init__(self, answer: bytes, then: Literal["close", "drain", "hold"]) -> None:
        self._answer, self._then = answer, then
        super().__init__()

    def serve(self, sock: socket.socket, number: int) -> None:  # noqa: ARG002 - all are alike
        """Answer, and be done."""
        while b"\r\n\r\n" not in sock.recv(PIECE, socket.MSG_PEEK):
            pass
        sock.sendall(self._answer)
        if self._then == "drain":
            sock.shutdown(socket.SHUT_WR)
            _swallow(sock)
        elif self._then == "hold":
            self.stopping.wait(BOUND)


class BlackHole(Closing):
    """An address that nobody answers at: its queue of connections is full. Linux alone.

    Attributes:
        url: Where it is not.
    """

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._waiting = [socket.socket() for _ in range(4)]
        for one in self._waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))

    def close(self) -> None:
        """Let the address go."""
        for one in (*self._waiting, self._listener):
            one.close()


HANDSHAKE = b"\x16\x03\x03\x3f\xff"
"""The beginning of a TLS record that has 16 KiB still to come."""


class Proxy(_Listening):
    """Passes on what it is asked to 127.0.0.1, by CONNECT or for a whole URL.

    Args:
        upstream: The port that everything goes to.
        credentials: `user:password` to be shown; without them the answer is 407.
        refusals: Said to the first connections instead, one each.
        certificate: Files of a certificate for localhost and of its key, for TLS to the proxy.

    Attributes:
        asked: Every request that it has seen: of a tunnel only the CONNECT.
    """

    def __init__(
        self,
        upstream: int,
        *,
        credentials: str = "",
        refusals: tuple[bytes, ...] = (),
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self._upstream = upstream
        self._proof = "Basic " + base64.b64encode(credentials.encode()).decode()
        self._wanted = bool(credentials)
        self._refusals = refusals
        self._credentials = credentials
        super().__init__(certificate)

    @property
    def address(self) -> str:
        """Where it is, with the credentials, as an environment variable has it."""
        at = quote(self._credentials, safe=":") + "@" if self._credentials else ""
        return self.url.replace("://", f"://{at}")

    def serve(self, sock: socket.socket, number: int) -> None:
        """Let it through, or refuse it."""
        requests = _Requests(number, self.asked)
        passed_on = b""
        while not self.asked or self.asked[-1].connection != number:
            data = sock.recv(PIECE)
            if not data:
                return
            passed_on += requests.feed(data)
        first = next(asked for asked in self.asked if asked.connection == number)
        if number < len(self._refusals):
            sock.sendall(self._refusals[number])
        elif self._wanted and first.headers.get("proxy-authorization") != self._proof:
            sock.sendall(WANTS_CREDENTIALS)
        else:
            with self._kept(socket.create_connection(("127.0.0.1", self._upstream))) as server:
                if first.method == "CONNECT":
                    sock.sendall(ESTABLISHED)
                    _pump(sock, server, lambda data: data)
                else:
                    server.sendall(passed_on)
                    _pump(sock, server, requests.feed)


class _Requests:
    """What a client sends, cut into requests, noted, and rewritten for the server."""

    def __init__(self, connection: int, asked: list[Asked]) -> None:
        self._connection = connection
        self._asked = asked
        self._buffer = b""
        self._body = 0  # bytes that are still to come of one

    def feed(self, data: bytes) -> bytes:
        """What is to be passed on: requests for a path, without what was meant for the proxy."""
        self._buffer += data
        out = b""
        while self._buffer:
            if self._body:
                piece, self._buffer = self._buffer[: self._body], self._buffer[self._body :]
                self._body -= len(piece)
                out += piece
                continue
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                break
            self._buffer = rest
            out += self._rewritten(head.decode("latin-1").split("\r\n"))
        return out

    def _rewritten(self, lines: list[str]) -> bytes:
        method, target, _ = lines[0].split(" ")
        fields = [line.partition(":") for line in lines[1:]]
        headers = {name.lower(): value.strip() for name, _, value in fields}
        self._asked.append(Asked(method, target, headers, self._connection))
        self._body = int(headers.get("content-length", "0"))
        kept = [line for line in lines[1:] if not line.lower().startswith("proxy-")]
        return "\r\n".join([f"{method} {urlsplit(target).path} HTTP/1.1", *kept, "", ""]).encode()


def _pump(client: socket.socket, server: socket.socket, upward: Callable[[bytes], bytes]) -> None:
    """Pass on what either says, until one of them is done; in one thread, for the sake of TLS."""
    while True:
        held = isinstance(client, ssl.SSLSocket) and client.pending() > 0
        ready = [client] if held else select.select([client, server], [], [])[0]
        for sock in ready:
            data = sock.recv(PIECE)
            if not data:
                return
            if sock is client:
                server.sendall(upward(data))
            else:
                client.sendall(data)


def _swallow(sock: socket.socket) -> None:
    """Read until the other end goes."""
    with contextlib.suppress(OSError):
        while sock.recv(PIECE):
            pass


def _shut(sock: socket.socket) -> None:
    """Wake whoever reads from it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
