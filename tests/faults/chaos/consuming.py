"""The consumer of one stream: what it asks, what it does on the way, and what it got."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, TypeAlias

from msgspec import Struct

from rig_sync.completion import CompletionResponse
from rig_sync.errors import RigError
from rig_sync.model import CallOptions, CompletionModel
from rig_sync.streaming.items import StreamedAssistantContent, StreamError
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.response import StreamingCompletionResponse
from tests.faults.chaos.plans import Act, Plan
from tests.faults.chaos.serving import MARK

__all__ = ["Outcome", "Way", "consume"]

Way: TypeAlias = Literal["end", "raised", "left"]


class Outcome(Struct):
    """What a consumer saw.

    Attributes:
        way: How it ended: by itself, by an exception, or because the consumer left.
        items: What was streamed.
        error: What was raised.
        response: What had come in the end; None when the consumer left.
        cancelled: What the stream says of that.
        seconds: It took, without what the consumer's own pauses took.
    """

    way: Way
    items: list[StreamedAssistantContent]
    error: BaseException | None = None
    response: CompletionResponse | None = None
    cancelled: bool = False
    seconds: float = 0.0


def consume(model: CompletionModel, plan: Plan) -> Outcome:
    """Read that stream, and do what is to be done meanwhile."""
    act = plan.act
    pause = PauseControl() if "pause" in act.kind else None
    request = model.completion(MARK.format(plan.number)).build()
    stream = model.stream(
        request, CallOptions(pause=pause), raise_errors=plan.raise_errors, unary=plan.whole
    )
    outcome = Outcome("end", [])
    timers: list[threading.Timer] = []
    began = time.monotonic()
    try:
        for at in itertools.count():
            if at == act.item and act.kind != "none":
                timers += _do(act, stream, pause)
                if act.kind in ("close", "drop"):
                    outcome.way = "left"
                    del stream
                    break
            item = _next(stream)
            if item is None:
                break
            outcome.items.append(item)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
        outcome.way, outcome.error = "raised", error.with_traceback(None)
    outcome.seconds = time.monotonic() - began
    last = outcome.items[-1] if outcome.items and outcome.way == "end" else None
    if isinstance(last, StreamError) and not last.error.recoverable:  # it was not to be raised
        outcome.items.pop()
        outcome.way, outcome.error = "raised", last.error
    if outcome.way != "left":
        outcome.response, outcome.cancelled = stream.response, stream.cancelled
        stream.close()
        del stream
    for timer in timers:
        timer.join()
    outcome.seconds -= act.delay if pause is not None else 0.0
    return outcome


def _next(stream: StreamingCompletionResponse) -> StreamedAssistantContent | None:
    """The next item; an error after which the stream goes on is one too."""
    try:
        return next(stream, None)
    except RigError as error:
        if not error.recoverable:
            raise
        return StreamError(error.with_traceback(None))


def _do(
    act: Act, stream: StreamingCompletionResponse, pause: PauseControl | None
) -> Iterator[threading.Timer]:
    """Act, here or in another thread; yields the threads that do the rest."""
    if pause is not None:
        then = stream.cancel if act.kind == "pause, cancel" else pause.resume
        if not act.elsewhere:
            pause.pause()
        yield _later(0.0, partial(_pause, pause, act.delay, then))
    elif act.elsewhere:
        yield _later(act.delay, _acts(act, stream))
    else:
        _acts(act, stream)()


def _pause(pause: PauseControl, seconds: float, then: Callable[[], None]) -> None:
    pause.pause()
    threading.Event().wait(seconds)
    then()
    pause.resume()


def _acts(act: Act, stream: StreamingCompletionResponse) -> Callable[[], object]:
    match act.kind:
        case "cancel":
            return stream.cancel
        case "close":
            return stream.close
        case _:
            held = [stream]
            return held.clear


def _later(seconds: float, call: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer
