"""How late deadlines are: `python -m tests.faults.deadlines [--rounds N]`.

Every deadline, on every way to a provider, through every kind of silence: the median and the worst
lateness in ms, and a last line `N deadlines, worst X ms late`. The exit code is 1 above 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias
from unittest import mock

from rig_sync import InsecureUrlWarning, PauseControl
from rig_sync.agent.agent import Agent
from rig_sync.agent.items import StreamUserItem
from rig_sync.errors import (
    ConnectTimeout,
    FirstEventTimeout,
    IdleTimeout,
    PauseTimeout,
    StreamTimeout,
    ToolTimeout,
    TotalTimeout,
)
from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import Text
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
    call_chunks,
    chat_chunk,
    chat_chunks,
    sse,
    sse_response,
)

__all__ = [
    "CONNECTING",
    "ENDLESS",
    "ONE",
    "ROUTES",
    "SILENCES",
    "UNANSWERED",
    "Connecting",
    "Route",
    "Stage",
    "connecting",
    "measure",
    "restored",
]

LIMIT = 0.050  # seconds that a deadline may be late
DEADLINE = 0.15
PATIENCE = 30.0  # seconds; what must not fire
CREDENTIALS = "worker:a/password"
SOON = 0.002

Route: TypeAlias = Literal["plain", "TLS", "CONNECT", "absolute-form"]
ROUTES: tuple[Route, ...] = ("plain", "TLS", "CONNECT", "absolute-form")

ONE = chat_chunks("one ", finish=None, done=False)
HEAD = sse_response()[0]


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


# measuring -----------------------------------------------------------------------------------


class Late(NamedTuple):
    """How late one deadline was, in seconds, in each round."""

    deadline: str
    route: str
    silence: str
    seconds: list[float]


def _late(kind: type[StreamTimeout], wait: Callable[[], object], deadline: float) -> float:
    """Seconds that `kind` came after its time."""
    began = time.monotonic()
    try:
        wait()
    except StreamTimeout as error:
        late = time.monotonic() - began - deadline
        if type(error) is not kind:
            raise AssertionError(f"{kind.__name__} was due: {error!r}") from error
        return late
    raise AssertionError(f"{kind.__name__} did not come")


def _streams(
    route: Route, folder: Path, env: MutableMapping[str, str], rounds: int
) -> Iterator[Late]:
    """first_event, idle and total, of streams and of whole answers."""
    begun = {name: silence(ONE) for name, silence in SILENCES.items()}
    first, rest = Timeouts(first_event=DEADLINE), Timeouts(idle=DEADLINE)
    total = Timeouts(total=DEADLINE)
    with Stage(route, UNANSWERED, folder, env) as stage:
        for name in UNANSWERED:
            stream = _seconds(stage.model(first), name, FirstEventTimeout, rounds)
            yield Late("first_event", route, name, stream)
            yield Late(
                "total", route, name, _seconds(stage.model(total), name, TotalTimeout, rounds)
            )
        whole = [
            _late(
                FirstEventTimeout,
                lambda: stage.model(first).completion("no headers").send(),
                DEADLINE,
            )
            for _ in range(rounds)
        ]
        yield Late("first_event", route, "no headers of a whole answer", whole)
    with Stage(route, begun, folder, env) as stage:
        for name in begun:
            late = _seconds(stage.model(rest), name, IdleTimeout, rounds, first=True)
            yield Late("idle", route, name, late)
    with Stage(route, {"endless": ENDLESS}, folder, env) as stage:
        late = _seconds(stage.model(total), "endless", TotalTimeout, rounds)
        yield Late("total", route, "endless text", late)
        paused = [_paused(stage) for _ in range(rounds)]
        yield Late("max_pause", route, "endless text", paused)


def _seconds(
    model: CompletionModel,
    prompt: str,
    kind: type[StreamTimeout],
    rounds: int,
    *,
    first: bool = False,
) -> list[float]:
    """How late `kind` was each time; `first`: counted from the first item on."""
    found = []
    for _ in range(rounds):
        with model.stream_completion(prompt).stream() as stream:
            if first:
                assert next(stream) == Text("one ")
            found.append(_late(kind, lambda: list(stream), DEADLINE))
    return found


def _paused(stage: Stage) -> float:
    pause = PauseControl()
    model = stage.model(Timeouts(max_pause=DEADLINE, idle=DEADLINE / 2, total=PATIENCE))
    with model.stream_completion("endless").stream(pause=pause) as stream:
        next(stream)
        pause.pause()
        return _late(PauseTimeout, lambda: list(stream), DEADLINE)


def _connections(env: MutableMapping[str, str], rounds: int) -> Iterator[Late]:
    """connect, wherever it may take its time."""
    for name, case in CONNECTING.items():
        late = []
        for _ in range(rounds):
            with restored(env), connecting(case, env) as url:
                late.append(_connection(url))
        yield Late("connect", "", name, late)


def _connection(url: str) -> float:
    timeouts = Timeouts(connect=DEADLINE)
    with Client("key", base_url=url, timeouts=timeouts, retries=NO_RETRIES) as client:
        stream = client.completion_model("scripted").stream_completion("Hi").stream()
        return _late(ConnectTimeout, lambda: list(stream), DEADLINE)


def _tools(rounds: int) -> Iterator[Late]:
    """tool, until its caller is told of it."""
    late: list[float] = []
    over, began = threading.Event(), [0.0]

    def hang() -> str:
        """Hang."""
        began[0] = time.monotonic()
        over.wait(PATIENCE)
        return "never"

    def answer(request: Request) -> Script:
        body: Any = request.json
        told = body["messages"][-1]["role"] == "tool"
        return sse_response(*(chat_chunks("fine") if told else call_chunks(("hang", {}))))

    with ScriptedServer(answer) as server:
        timeouts = Timeouts(tool=DEADLINE)
        with Client("key", base_url=server.url, timeouts=timeouts) as client:
            agent = Agent(client.completion_model("scripted"), tools=[hang])
            for _ in range(rounds):
                for item in agent.stream_prompt("Hi"):
                    if isinstance(item, StreamUserItem):
                        late.append(time.monotonic() - began[0] - DEADLINE)
                        assert ToolTimeout.__name__ in str(item.content)
    over.set()
    yield Late("tool", "", "a tool that hangs", late)


def measure(rounds: int, env: MutableMapping[str, str]) -> Iterator[Late]:
    """Every deadline, everywhere; sets variables in `env`, and takes them away again.

    First how late this machine is by itself, now: what waits for a mere event.
    """
    yield Late("none", "", "an event that never comes", [_control() for _ in range(10 * rounds)])
    with tempfile.TemporaryDirectory() as folder:
        for route in ROUTES:
            with restored(env):
                yield from _streams(route, Path(folder), env, rounds)
        yield from _connections(env, rounds)
        yield from _tools(rounds)


def _control() -> float:
    began = time.monotonic()
    threading.Event().wait(DEADLINE)
    return time.monotonic() - began - DEADLINE


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


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.deadlines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each deadline (default 3)")
    rounds = parser.parse_args(arguments).rounds
    warnings.simplefilter("ignore", InsecureUrlWarning)
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        del os.environ[name]
    count, worst = 0, 0.0
    for late in measure(rounds, os.environ):
        if late.deadline != "none":
            count += len(late.seconds)
            worst = max(worst, *late.seconds)
        middle = statistics.median(late.seconds)
        where = f"{late.deadline:<12} {late.route:<14} {late.silence:<40}"
        print(f"{where} {1e3 * middle:6.1f} {1e3 * max(late.seconds):6.1f}", flush=True)
    print(f"{count} deadlines, worst {1e3 * worst:.1f} ms late")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
