"""Every way in which a stream can end, and what the server says meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from rig_sync.agent.agent import Agent
from rig_sync.errors import (
    AuthenticationError,
    ConnectFailed,
    PauseTimeout,
    ProviderError,
    ReadFailed,
    RigError,
    ServerError,
    StreamTimeout,
    StreamTruncated,
)
from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import RaiseErrors
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.response import StreamingCompletionResponse
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from tests.server import (
    DONE,
    Close,
    Request,
    Reset,
    Script,
    Send,
    Stall,
    call_chunks,
    chat_chunks,
    error_response,
    response,
    spawn,
    sse,
    sse_response,
)

__all__ = ["REFUSED", "SCRIPTS", "WAYS", "Asked", "Way"]

ONE = chat_chunks("one ", finish=None, done=False)
TEXT = chat_chunks(*("word " * 20).split(" "))
AT_ONCE = Timeouts(first_event=0.02, idle=0.02)
AGAIN = RetryPolicy(attempts=2, initial=0.001)
WHOLE = b'{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'


# what the server says ------------------------------------------------------------------------


def _calling(request: Request) -> Script:
    """A call of each tool, until there are results."""
    if b'"tool"' in request.body:
        return sse_response(*TEXT)
    return sse_response(*call_chunks(("add", {"x": 1, "y": 2}), ("fail", {})))


SCRIPTS: dict[str, Script | Callable[[Request], Script]] = {
    "text": sse_response(*TEXT),
    "length": sse_response(*TEXT, framing="length"),
    "close": sse_response(*TEXT, framing="close"),
    "gzip": sse_response(*TEXT, framing="gzip-chunked"),
    "held": sse_response(*TEXT, Stall()),
    "stall": sse_response(*ONE, Stall()),
    "silence": [Stall()],
    "reset": sse_response(*ONE, Reset()),
    "reset at once": [Reset()],
    "hang up": [Close()],
    "truncated": sse_response(*ONE, Close()),
    "short": sse_response(*ONE),
    "rubbish": [Send(b"SSH-2.0-OpenSSH\r\n\r\n"), Close()],
    "bad frame": sse_response(*ONE, b"data: {rubbish\n\n", *TEXT),
    "error event": sse_response(*ONE, sse({"error": {"message": "no", "code": "boom"}}), DONE),
    "401": error_response(401),
    "502": response(502, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"),
    "302": response(302, {"Location": "http://127.0.0.1:9/"}),
    "calls": _calling,
    "whole": response(200, {"Content-Type": "application/json"}, WHOLE),
}


# the ways to end -----------------------------------------------------------------------------


class Asked:
    """Where to ask: models by what the server says to them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[tuple[str, bool], Client] = {}
        self.pause = PauseControl()
        self.cancel = CancelToken()

    def model(self, script: str, *, again: bool = False) -> CompletionModel:
        """A model that gets that script."""
        if (script, again) not in self._clients:
            url = f"{self._url}/{script.replace(' ', '-')}"
            retries = AGAIN if again else NO_RETRIES
            self._clients[script, again] = Client(base_url=url, retries=retries)
        return self._clients[script, again].completion_model("m")

    def close(self) -> None:
        """Let the connections go."""
        for client in self._clients.values():
            client.close()


def _stream(
    asked: Asked,
    script: str,
    *,
    timeouts: Timeouts | None = None,
    pause: PauseControl | None = None,
    again: bool = False,
    raise_errors: RaiseErrors = "terminal",
) -> StreamingCompletionResponse:
    """A stream of that script; it shares the token, and unless told otherwise the pause."""
    asking = asked.model(script, again=again).stream_completion("Hi")
    return asking.stream(
        timeouts=timeouts,
        pause=pause or asked.pause,
        cancel=asked.cancel,
        raise_errors=raise_errors,
    )


def _read(script: str, asked: Asked, **options: object) -> None:
    for _ in _stream(asked, script, **options):  # type: ignore[arg-type]  # they are of _stream
        pass


def _goes_on(asked: Asked) -> None:
    stream = _stream(asked, "bad frame", raise_errors="all")
    for _ in iter(partial(_next, stream), None):
        pass


def _next(stream: StreamingCompletionResponse) -> object:
    """The next item, or the error instead of it; None at the end."""
    try:
        return next(stream, None)
    except RigError as error:
        return str(error)


def _break(script: str, asked: Asked) -> None:
    for _ in _stream(asked, script):
        break


def _raise(asked: Asked) -> None:
    for _ in _stream(asked, "stall"):
        raise RigError("of the caller's own")


def _close(script: str, asked: Asked) -> None:
    with _stream(asked, script) as stream:
        next(stream)


def _cancel(asked: Asked) -> None:
    stream = _stream(asked, "stall")
    next(stream)
    stream.cancel()


def _cancel_elsewhere(asked: Asked) -> None:
    stream = _stream(asked, "stall")
    next(stream)
    other = spawn(stream.cancel)
    for _ in stream:
        pass
    other.join()


def _drop_elsewhere(asked: Asked) -> None:
    held = [_stream(asked, "stall")]
    next(held[0])
    spawn(held.clear).join()


def _never_start(asked: Asked) -> None:
    _stream(asked, "text")


def _leave_words(asked: Asked) -> None:
    words = _stream(asked, "stall").text_deltas()
    next(words)
    words.close()  # type: ignore[attr-defined]  # a generator


def _drop_paused(asked: Asked) -> None:
    pause = PauseControl()
    stream = _stream(asked, "stall", pause=pause)
    next(stream)
    pause.pause()


def _pause_too_long(asked: Asked) -> None:
    pause = PauseControl()
    stream = _stream(asked, "stall", pause=pause, timeouts=Timeouts(max_pause=0.01))
    next(stream)
    pause.pause()
    next(stream)


def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


def fail() -> str:
    """Fail."""
    raise RuntimeError("out of order")


def _agent(script: str, asked: Asked) -> Agent:
    return Agent(asked.model(script), tools=[add, fail])


def _run(asked: Asked, workers: int = 1) -> None:
    for _ in _agent("calls", asked).stream_prompt("Hi", tool_concurrency=workers):
        pass


def _leave_run(asked: Asked) -> None:
    for _ in _agent("calls", asked).stream_prompt("Hi"):
        break


def _cancel_run(asked: Asked) -> None:
    with _agent("stall", asked).stream_prompt("Hi") as run:
        next(run)
        run.cancel()


def _prompt(asked: Asked) -> None:
    _agent("calls", asked).prompt("Hi", stream=True)


def _send(script: str, asked: Asked, timeouts: Timeouts | None = None) -> None:
    asked.model(script).completion("Hi").send(timeouts=timeouts)


class Way(NamedTuple):
    """One way to end; it leaves nothing.

    Attributes:
        use: Makes one stream, or more.
        raises: What comes out of it; nothing, if none is named.
    """

    use: Callable[[Asked], None]
    raises: tuple[type[RigError], ...] = ()

    def go(self, asked: Asked) -> None:
        """Do it; whatever else comes out is raised."""
        try:
            self.use(asked)
        except self.raises:
            return
        assert not self.raises, f"{self} raised nothing"


_BROKEN = (ReadFailed, StreamTruncated)  # which of them depends on TLS, and on who is faster
_READS: dict[str, tuple[type[RigError], ...]] = {
    **dict.fromkeys(("text", "length", "close", "gzip", "held", "bad frame"), ()),
    **dict.fromkeys(("reset", "reset at once", "hang up", "truncated", "short"), _BROKEN),
    "rubbish": (ReadFailed,),
    "error event": (ProviderError,),
    "401": (AuthenticationError,),
    "502": (ServerError,),
    "302": (ProviderError,),
}

WAYS: dict[str, Way] = {
    **{f"read: {script}": Way(partial(_read, script), kinds) for script, kinds in _READS.items()},
    "first event in time": Way(partial(_read, "silence", timeouts=AT_ONCE), (StreamTimeout,)),
    "next event in time": Way(partial(_read, "stall", timeouts=AT_ONCE), (StreamTimeout,)),
    "retries": Way(partial(_read, "every second", again=True)),
    "retries in vain": Way(partial(_read, "hang up", again=True), _BROKEN),
    "every error raised": Way(_goes_on),
    "break": Way(partial(_break, "stall")),
    "break among words": Way(partial(_break, "text")),
    "an exception in the loop": Way(_raise, (RigError,)),
    "close": Way(partial(_close, "stall")),
    "close among words": Way(partial(_close, "text")),
    "cancel": Way(_cancel),
    "cancel elsewhere": Way(_cancel_elsewhere),
    "dropped elsewhere": Way(_drop_elsewhere),
    "never started": Way(_never_start),
    "words left": Way(_leave_words),
    "dropped while paused": Way(_drop_paused),
    "paused for too long": Way(_pause_too_long, (PauseTimeout,)),
    "an agent": Way(_run),
    "an agent, two tools at a time": Way(partial(_run, workers=2)),
    "an agent left": Way(_leave_run),
    "an agent cancelled": Way(_cancel_run),
    "an agent's prompt": Way(_prompt),
    "one-shot": Way(partial(_send, "whole")),
    "one-shot, refused": Way(partial(_send, "401"), (AuthenticationError,)),
    "one-shot, in silence": Way(partial(_send, "silence", timeouts=AT_ONCE), (StreamTimeout,)),
}
REFUSED = Way(partial(_read, "text"), (ConnectFailed,))
