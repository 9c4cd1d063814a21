"""What has to hold of a schedule once it has been played."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rig_sync import Message, ToolCall, ToolResult
from rig_sync.agent.stream import RunStream
from tests.faults.stress.script import ERRORS, expected
from tests.faults.stress.stage import Failed, Watched

__all__ = ["faults_of"]


def faults_of(watched: Watched) -> Iterator[str]:
    """Everything about a stream that must not be."""
    yield from watched.wrong
    plan = watched.plan
    whole = expected(plan, watched.label)
    yield from _misplaced(watched, whole)
    yield from _failures(watched)
    count = len(list(chain.from_iterable(watched.seen)))
    wanted = len([one for one in whole if plan.how != "words" or one.startswith("text ")])
    complete = not ERRORS[plan.turns[-1].fault] and count >= wanted
    reasons = (complete, watched.cancelled, watched.closed, watched.dropped, watched.failures)
    unheard = plan.how == "words" and plan.raise_errors == "none"  # of an error that is an item
    if not any(reasons) and not unheard:
        yield f"ended after {count} of {wanted} items, for no reason"
    if watched.over and watched.cancelled and not complete:
        yield from _told_of_cancel(watched)
    if watched.over and not (complete or watched.cancelled or watched.failures or unheard):
        yield "ended as if it were whole"
    yield from _unanswered(watched)


def _misplaced(watched: Watched, whole: list[str]) -> Iterator[str]:
    """Items that are lost, doubled, of another stream or out of order."""
    words = watched.plan.how == "words"
    if words:
        whole = [one for one in whole if one.startswith("text ")]
    place = {name: number for number, name in enumerate(whole)}
    found: list[int] = []
    for seen in watched.seen:
        marks = [one for one in seen if not words or one.startswith("text ")]
        for one in marks:
            if one not in place:
                yield f"not of this stream: {one!r}"
        places = [place[one] for one in marks if one in place]
        if places != sorted(places):
            yield f"out of order: {places}"
        found += places
    if sorted(found) != list(range(len(found))):
        yield f"lost or doubled: {sorted(found)} of {len(whole)}"


def _failures(watched: Watched) -> Iterator[str]:
    allowed = ERRORS[watched.plan.turns[-1].fault]
    if len(watched.failures) > 1:
        yield f"failed more than once: {watched.failures}"
    for failure in watched.failures:
        if failure.kind not in allowed:
            yield f"failed by {failure}"
        if not _is_told_whole(failure, watched.plan.kind):
            yield f"nothing of what came is on {failure}"


def _is_told_whole(failure: Failed, kind: str) -> bool:
    return failure.partial and (kind == "model" or failure.history > 0)


def _told_of_cancel(watched: Watched) -> Iterator[str]:
    for stream in watched.held:
        if not stream.cancelled and not watched.closed and not watched.failures:
            yield "cancelled, and says that it was not"


def _unanswered(watched: Watched) -> Iterator[str]:
    """A history in which a call has no result."""
    for stream in watched.held:
        if isinstance(stream, RunStream):
            yield from _open_calls(stream.messages)


def _open_calls(messages: tuple[Message, ...]) -> Iterator[str]:
    waiting: set[str] = set()
    for message in messages:
        for part in getattr(message, "content", ()):
            if isinstance(part, ToolCall):
                waiting.add(part.id)
            elif isinstance(part, ToolResult):
                waiting.discard(part.id)
    if waiting:
        yield f"calls without a result in the history: {sorted(waiting)}"
