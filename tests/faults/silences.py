"""Ways to a provider, and all that may be silent on them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias
from unittest import mock

from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from tests.faults.proxy import HANDSHAKE, BlackHole, Deaf, Proxy, certificate_for
from tests.server import (
    Drip,
    Request,
    Script,
    ScriptedServer,
    Send,
    Stall,
    chat_chunk,
    chat_chunks,
    sse,
    sse_response,
)

__all__ = [
    "CONNECTING",
    "ENDLESS",
    "ONE",
    "PATIENCE",
    "ROUTES",
    "SILENCES",
    "UNANSWERED",
    "Connecting",
    "Route",
    "Stage",
    "Target",
    "connecting",
    "restored",
]

PATIENCE = 30.0  # seconds; what must not fire
CREDENTIALS = "worker:a/password"
SOON = 0.002

Route: TypeAlias = Literal["plain", "TLS", "CONNECT", "absolute-form"]
ROUTES: tuple[Route, ...] = ("plain", "TLS", "CONNECT", "absolute-form")

ONE = chat_chunks("one ", finish=None, done=False)


# silences ------------------------------------------------------------------------------------


def _after(first: list[bytes], step: Drip | Stall) -> Script:
    return sse_response(*first, step)


def _raw(first: list[bytes], data: bytes) -> Script:
    """Bytes that are no chunk, nor the end of one."""
    return [*sse_response(*first)[:-1], Drip(data, SOON)]


SILENCES: dict[str, Callable[[list[bytes]], Script]] = {
    "silent": lambda first: _after(first, Stall()),
    "a frame, byte by byte": lambda first: _after([*first, b"data: {"], Drip(b" ", SOON)),
    "comments": lambda first: _after(first, Drip(b": still here\n\n", SOON)),
    "pings": lambda first: _after(first, Drip(b"event: ping\ndata: {}\n\n", SOON)),
    "events of unknown types": lambda first: _after(first, Drip(sse({"type": "ping"}), SOON)),
    "bare newlines": lambda first: _after(first, Drip(b"\n", SOON)),
    "empty deltas": lambda first: _after(first, Drip(chat_chunk({"content": ""}), SOON)),
    "usage": lambda first: _after(
        first, Drip(sse({"choices": [], "usage": {"prompt_tokens": 1}}), SOON)
    ),
    "a chunk's header, byte by byte": lambda first: _raw(first, b"0"),
}
"""By name: the answer that says `first`, and then nothing that counts."""

UNANSWERED: dict[str, Script] = {
    "no headers": [Stall()],
    "a header, byte by byte": [Send(b"HTTP/1.1 200 OK\r\nX-Slow: "), Drip(b"x", SOON)],
    **{name: silence([]) for name, silence in SILENCES.items()},
}

ENDLESS = sse_response(*ONE, Drip(b"".join(ONE), SOON))


# the ways to a provider ----------------------------------------------------------------------


class Stage:
    """A provider at the end of `route`; what it answers is named by the prompt.

    Args:
        route: The way there.
        answers: By prompt.
        folder: For a certificate.
        env: Where the variables of the proxy and the certificate are set.

    Raises:
        LookupError: there is no openssl to make a certificate with.
    """

    def __init__(
        self,
        route: Route,
        answers: dict[str, Script],
        folder: Path,
        env: MutableMapping[str, str],
    ) -> None:
        self._answers = answers
        self._open = contextlib.ExitStack()
        secure = route in ("TLS", "CONNECT")
        certificate = _certificate(folder, env) if secure else None
        self.server = ScriptedServer(self._answer, certificate=certificate)
        self._open.callback(self.server.close)
        base = self.server.url
        if route in ("CONNECT", "absolute-form"):
            proxy = self._open.enter_context(Proxy(self.server.port, credentials=CREDENTIALS))
            env["HTTPS_PROXY" if secure else "HTTP_PROXY"] = proxy.address
            base = f"http{'s' if secure else ''}://provider.test"
        self._url = f"{base}/v1"

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def model(self, timeouts: Timeouts) -> CompletionModel:
        """A model there, without retries."""
        client = Client("key", base_url=self._url, timeouts=timeouts, retries=NO_RETRIES)
        self._open.callback(client.close)
        return client.completion_model("scripted")

    def _answer(self, request: Request) -> Script:
        body: Any = request.json
        return self._answers[_words(body["messages"][-1]["content"])]


def _words(content: Any) -> str:
    return content if isinstance(content, str) else str(content[0]["text"])


def _certificate(folder: Path, env: MutableMapping[str, str]) -> tuple[str, str]:
    found = certificate_for(folder, "provider.test", "localhost")
    if found is None:
        raise LookupError("there is no openssl to make a certificate with")
    env["REQUESTS_CA_BUNDLE"] = found[0]
    return found


Target: TypeAlias = BlackHole | Deaf


class Connecting(NamedTuple):
    """A connection that never stands.

    Attributes:
        scheme: Of the provider's address.
        target: Who takes the connection, if anybody.
        through: How it is reached.
    """

    scheme: str
    target: Callable[[], Target]
    through: Literal["nothing", "a proxy", "a proxy that works", "two addresses", "no name"]


CONNECT_REPLY = b"HTTP/1.1 200 OK\r\nX-Slow: "

CONNECTING: dict[str, Connecting] = {
    "nobody there": Connecting("http", BlackHole, "nothing"),
    "two addresses, nobody at either": Connecting("http", BlackHole, "two addresses"),
    "a name server that is silent": Connecting("http", BlackHole, "no name"),
    "a handshake that is silent": Connecting("https", Deaf, "nothing"),
    "a handshake, byte by byte": Connecting(
        "https", lambda: Deaf(HANDSHAKE, b"x", SOON), "nothing"
    ),
    "no proxy there, absolute-form": Connecting("http", BlackHole, "a proxy"),
    "no proxy there, CONNECT": Connecting("https", BlackHole, "a proxy"),
    "a CONNECT that is silent": Connecting("https", Deaf, "a proxy"),
    "a CONNECT, byte by byte": Connecting(
        "https", lambda: Deaf(CONNECT_REPLY, b"x", SOON), "a proxy"
    ),
    "a handshake in a tunnel that is silent": Connecting("https", Deaf, "a proxy that works"),
    "a handshake in a tunnel, byte by byte": Connecting(
        "https", lambda: Deaf(HANDSHAKE, b"x", SOON), "a proxy that works"
    ),
}


@contextlib.contextmanager
def connecting(case: Connecting, env: MutableMapping[str, str]) -> Iterator[str]:
    """Inside, a `base_url` that is never connected to."""
    with contextlib.ExitStack() as stack:
        target = case.target()
        stack.callback(target.close)
        host = "provider.test"
        if case.through == "a proxy that works":
            proxy = stack.enter_context(Proxy(target.port, credentials=CREDENTIALS))
            env[f"{case.scheme.upper()}_PROXY"] = proxy.address
        elif case.through == "a proxy":
            there = f"http://{CREDENTIALS.replace('/', '%2F')}@127.0.0.1:{target.port}"
            env[f"{case.scheme.upper()}_PROXY"] = there
        elif case.through == "nothing":
            host = f"127.0.0.1:{target.port}"
        else:
            stack.enter_context(_names(target.port, silent=case.through == "no name"))
        yield f"{case.scheme}://{host}/v1"


@contextlib.contextmanager
def _names(port: int, *, silent: bool) -> Iterator[None]:
    """Inside, any name has two addresses; or nobody ever says which."""
    over = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        if silent:
            over.wait(PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "nobody said")
        return 2 * [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        try:
            yield
        finally:
            over.set()


@contextlib.contextmanager
def restored(env: MutableMapping[str, str]) -> Iterator[None]:
    """Inside, variables may be set."""
    before = dict(env)
    try:
        yield
    finally:
        for name in env.keys() - before.keys():
            del env[name]
        env.update(before)
