"""What the server sends for a plan, and what its reader has to see of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import NamedTuple

from rig_sync import (
    CompletionCall,
    Delta,
    FinalResponse,
    StreamAssistantItem,
    StreamError,
    StreamFinal,
    StreamUserItem,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolExecutionCommitted,
    ToolExecutionStarted,
)
from tests.faults.stress.plan import Failure, Plan, Turn
from tests.server import (
    DONE,
    Close,
    Reset,
    Script,
    Stall,
    Step,
    WaitFor,
    chat_chunk,
    error_response,
    sse,
    sse_response,
)

__all__ = ["ERRORS", "expected", "mark", "scripts"]

ERRORS: dict[str, frozenset[str]] = {
    "": frozenset(),
    "garbage": frozenset(),
    "reset": frozenset({"ReadFailed"}),
    "closed": frozenset({"StreamTruncated"}),
    "truncated": frozenset({"StreamTruncated"}),
    "stalled": frozenset({"FirstEventTimeout", "IdleTimeout"}),
    "error": frozenset({"ServerError"}),
}
"""How a stream may fail, by the fault."""

BAD = b"data: {bad\n\n"
FAILED = sse({"error": {"message": "scripted", "type": "server_error", "code": 500}})
OPENING, CLOSING = '{"text": "', '"}'


class _Event(NamedTuple):
    """One event as it is sent, and the marks of the items that come of it."""

    data: bytes
    marks: tuple[str, ...] = ()


def expected(plan: Plan, label: str) -> list[str]:
    """The marks of all items that a plan's stream has, up to what breaks it off."""
    marks: list[str] = []
    for number, turn in enumerate(plan.turns, 1):
        events, whole = _events(plan, turn, label, number)
        marks += [one for event in events for one in event.marks]
        if not whole:
            return marks
        if plan.kind != "model":
            marks.append(f"turn {number}")
        if plan.kind == "agent":
            ids = _ids(turn, label, number)
            marks += [f"started {one}" for one in ids]
            marks += [f"{what} {one}" for one in ids for what in ("committed", "result")]
    return marks if plan.kind == "model" else [*marks, "final"]


def mark(item: object) -> str | None:
    """What tells an item from the others of its stream; None for those that are not counted."""
    match item:
        case StreamAssistantItem(content):
            return mark(content)
        case Text(text) | str(text):
            return f"text {text}"
        case ToolCallDelta(content=Delta(arguments)):
            return f"piece {arguments}"
        case ToolCall(id=name):
            return f"call {name}"
        case StreamFinal(usage=usage):
            return f"end {usage.output_tokens}"
        case CompletionCall(turn=turn):
            return f"turn {turn}"
        case ToolExecutionStarted(call):
            return f"started {call.id}"
        case ToolExecutionCommitted(call):
            return f"committed {call.id}"
        case StreamUserItem(result):
            return f"result {result.id}"
        case StreamError(error) if error.recoverable:
            return "defect"
        case FinalResponse():
            return "final"
        case _:
            return None


def scripts(plan: Plan, label: str) -> Iterator[Script]:
    """The server's answers to a plan's requests, in order; the last one again if there are more."""
    for number, turn in enumerate(plan.turns, 1):
        yield from map(_failure, turn.tries)
        events, whole = _events(plan, turn, label, number)
        steps = list(_paced([event.data for event in events], turn))
        if not whole:
            steps += _break(turn)
        answer = sse_response(*steps)
        yield answer if whole or turn.fault in ("truncated", "error") else answer[:-1]


def _events(plan: Plan, turn: Turn, label: str, number: int) -> tuple[list[_Event], bool]:
    """The events of a turn, and whether they are all that an answer has."""
    words = [f"{label}.{number}.{place} " for place in range(turn.words)]
    if plan.kind == "typed":
        words = [OPENING, *words, CLOSING]
    events = [_Event(chat_chunk({"content": word}), (f"text {word}",)) for word in words]
    if turn.fault == "garbage":
        events.insert(turn.fault_at, _Event(BAD, ("defect",)))
    elif turn.fault:
        return events[: turn.fault_at], False
    ids = _ids(turn, label, number)
    for place, name in enumerate(ids):
        arguments = f'{{"n": {number}{place}}}'
        call = {"index": place, "id": name, "type": "function"}
        delta = {**call, "function": {"name": "get", "arguments": arguments}}
        events.append(_Event(chat_chunk({"tool_calls": [delta]}), (f"piece {arguments}",)))
    reason = "tool_calls" if ids else "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": number, "total_tokens": number + 1}
    events.append(_Event(chat_chunk(finish=reason, usage=usage)))
    events.append(_Event(DONE, (*(f"call {one}" for one in ids), f"end {number}")))
    return events, True


def _ids(turn: Turn, label: str, number: int) -> list[str]:
    return [f"{label}.{number}.c{place}" for place in range(turn.calls)]


def _paced(events: Sequence[bytes], turn: Turn) -> Iterator[bytes | Step]:
    """The events, several to a piece, with a wait before each piece."""
    sends, waits, at = cycle(turn.sends), cycle(turn.waits), 0
    while at < len(events):
        size, seconds = next(sends), next(waits)
        if seconds:
            yield WaitFor(_Elapsed(seconds))
        yield b"".join(events[at : at + size])
        at += size


def _break(turn: Turn) -> list[bytes | Step]:
    match turn.fault:
        case "reset":
            return [Reset()]
        case "stalled":
            return [Stall()]
        case "closed":
            return [Close()]
        case "error":
            return [FAILED]
        case _:
            return []


def _failure(failure: Failure) -> Script:
    match failure:
        case "503" | "429":
            return error_response(int(failure))
        case "reset":
            return [Reset()]
        case "closed":
            return [Close()]
        case "empty":
            return sse_response()


class _Elapsed(threading.Event):
    """Set so many seconds after it was first waited for."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._end: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        if self._end is None:
            self._end = time.monotonic() + self._seconds
        left = max(0.0, self._end - time.monotonic())
        super().wait(left if timeout is None else min(left, timeout))
        return time.monotonic() >= self._end
