"""Which turns in a recorded history came from which earlier recorded response.

Conversations interleave independent chats, and clients send scripted histories: so nothing is
taken for granted but what a turn says. What a response said is read off `expected.jsonl.gz`, not
asked of our decoder, so that a turn we misread is a difference and no missing pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rig_sync._json import JsonObject
from tests.wire.corpus import Expected, Recording
from tests.wire.roundtrip.reader import Reader, Said, Turn, cut, parts_of
from tests.wire.roundtrip.texts import folded, without_thoughts

__all__ = ["Known", "Pair", "Told", "pairs_in"]

SERVER_STATE = ("previous_response_id", "conversation", "previous_interaction_id")
LONG = 8
"""Characters of an id that cannot be in a body by chance."""


class Known(NamedTuple):
    """A turn of which the response is known."""

    turn: Turn
    response: Recording


class Pair(NamedTuple):
    """A request with turns of known responses; `items` is its whole history."""

    request: Recording
    items: list[JsonObject]
    known: list[Known]


class Told(NamedTuple):
    """A request after the first that has no such turn, and why."""

    request: Recording
    reason: str


def pairs_in(reader: Reader, conversation: Sequence[Recording]) -> Iterator[Pair | Told]:
    """What can be rebuilt in one conversation: a `Pair` or a reason for each later request."""
    for number, request in enumerate(conversation[1:], 1):
        items = reader.history(_body(request))
        before = [entry for entry in conversation[:number] if _answered(entry)]
        known = list(_known(reader, items, before))
        if known:
            yield Pair(request, items, known)
        else:
            yield Told(request, _reason(reader, request, items, before))


def _body(recording: Recording) -> JsonObject:
    body = recording.exchange.request.json
    return body if isinstance(body, dict) else {}


def _answered(recording: Recording) -> bool:
    expected = recording.expected
    return expected is not None and expected.status < 300 and expected.error is None


def _known(
    reader: Reader, items: Sequence[JsonObject], before: Sequence[Recording]
) -> Iterator[Known]:
    free = list(before)
    for turn in cut(reader, items):
        head = parts_of(reader, items[: turn.start])
        found = [
            ((_has_id(entry, turn.said), _led_to(reader, entry, head), entry.index), entry)
            for entry in free
        ]
        fitting = [
            (rank, entry)
            for rank, entry in found
            if rank[0] or _says(entry.expected, turn.said, followed=rank[1])
        ]
        if fitting:
            _, best = max(fitting, key=lambda pair: pair[0])
            free.remove(best)
            yield Known(turn, best)


def _led_to(reader: Reader, entry: Recording, head: list[JsonObject]) -> bool:
    """Whether the request of `entry` had just the history ahead of the turn."""
    return parts_of(reader, reader.history(_body(entry))) == head


def _has_id(entry: Recording, said: Said) -> bool:
    """Whether an id in the turn is one that the response gave."""
    calls = entry.expected.tool_calls if entry.expected else []
    if calls:
        return not said.ids.isdisjoint({call.id for call in calls if call.id})
    content = entry.exchange.response.content
    return any(len(name) >= LONG and f'"{name}"'.encode() in content for name in said.ids)


def _says(expected: Expected | None, said: Said, *, followed: bool) -> bool:
    """Whether a turn without ids of the response's says the same all the same.

    Calls: where the family has no ids; else only right behind the request that led to them, for
    some clients change ids. Words: white space, quotation marks and thoughts between tags aside.
    """
    if expected is None:
        return False
    if expected.tool_calls:
        calls = [(call.name, call.arguments) for call in expected.tool_calls]
        return calls == list(said.calls) and (
            followed or not any(c.id for c in expected.tool_calls)
        )
    words, turn = (without_thoughts(text) for text in (expected.text + expected.refusal, said.text))
    return bool(folded(words)) and folded(words) == folded(turn)


def _reason(
    reader: Reader, request: Recording, items: Sequence[JsonObject], before: Sequence[Recording]
) -> str:
    body = _body(request)
    if not body:
        return "the request is not known"
    if any(body.get(name) for name in SERVER_STATE):
        return "the server keeps the history"
    if not before:
        return "nothing was answered before"
    turns = list(cut(reader, items))
    if not turns:
        return "a new conversation"
    heads = [parts_of(reader, items[: turn.start]) for turn in turns]
    if any(_led_to(reader, entry, head) for entry in before for head in heads):
        return "the client put another turn in its place"
    return "the history came from elsewhere"
