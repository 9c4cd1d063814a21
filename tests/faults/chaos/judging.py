"""What came of a stream, held against what was served.

Whether the answer was whole is decided without a connection: the wire's decoder is handed the bytes
that were served, in one piece. What a consumer got over the connection is to be a beginning of
that, and a terminal record only where that has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from rig_sync._json import parse_object
from rig_sync.errors import (
    ConfigError,
    PauseTimeout,
    ProviderError,
    RigError,
    StreamMisuse,
    StreamTimeout,
)
from rig_sync.limits import Limits
from rig_sync.streaming.items import (
    ReasoningDelta,
    StreamedAssistantContent,
    StreamFinal,
    Text,
    ToolCall,
    ToolCallDelta,
    Unknown,
)
from rig_sync.streaming.parts import Parts
from rig_sync.streaming.raw import Defect, End, Meta, RawEvent, TextDone, UsageReport
from rig_sync.transport.framing import FRAMINGS, FrameSource
from rig_sync.wire.base import Frame, Wire
from tests.faults.chaos.answering import Served
from tests.faults.chaos.consuming import Outcome
from tests.faults.chaos.plans import Plan

__all__ = ["Reading", "complaints", "ending", "reading"]

T = TypeVar("T")

QUICK = 0.3  # seconds: in less no deadline can have passed

_MINTED = re.compile(r"call_[0-9a-f]{12}(?=_\d+$)|^ours(?=_\d+$)")


class Reading(Struct, frozen=True):
    """What a body amounts to when it comes in one piece.

    Attributes:
        items: All of it.
        ended: The terminal proof was there, and something before it.
        finished: A finish reason was there: a proof too, once nothing more can come.
        failed: The provider's own error was there.
    """

    items: list[StreamedAssistantContent]
    ended: bool
    finished: bool
    failed: bool


def reading(wire: Wire, payload: bytes, *, whole: bool = False) -> Reading:
    """The reading of a body; `whole` says that the one-shot form was asked for."""
    parts = Parts(wire.name, lambda: "ours")
    items: list[StreamedAssistantContent] = []
    told = False
    try:
        for event in _events(wire, payload, whole):
            told = told or not isinstance(event, (Meta, UsageReport, TextDone, Defect))
            items += parts.feed(event)
            if parts.error is not None:
                break
    except RigError:
        pass
    ended = parts.ended
    if not ended:  # after a finish reason it counts as whole, once nothing more can come
        given_up = parts.finish is not None and parts.error is None
        items += parts.feed(End()) if given_up else parts.flush()
    return Reading(
        [_plain(item) for item in items],
        ended=ended and told,
        finished=parts.finish is not None,
        failed=parts.error is not None,
    )


def _events(wire: Wire, payload: bytes, whole: bool) -> Iterator[RawEvent]:
    """A stream's; a JSON body where events were due is taken for what it is."""
    start = payload.lstrip()[:1]
    if whole or start == b"[" or (start == b"{" and wire.framing != "ndjson"):
        return wire.decode_body(payload)
    source = FRAMINGS[wire.framing].cut([payload], Limits().event_bytes)
    return wire.decode_stream(_frames(source))


def _frames(source: FrameSource) -> Iterator[Frame]:
    for frame in source:
        if source.incomplete and frame.data.strip() != "[DONE]" and not parse_object(frame.data):
            return
        yield frame


def _plain(item: T) -> T:
    """Without the ids that are made up anew for each stream."""
    if isinstance(item, ToolCallDelta):
        inner_id = _MINTED.sub("ours", item.internal_call_id)
        return msgspec.structs.replace(item, internal_call_id=inner_id)
    if isinstance(item, Unknown):
        return msgspec.structs.replace(
            item, payload={}
        )  # some are put together at the end, of what came
    if isinstance(item, ToolCall):
        inner = item.internal_call_id
        return msgspec.structs.replace(
            item,
            id=_MINTED.sub("ours", item.id),
            internal_call_id=None if inner is None else _MINTED.sub("ours", inner),
        )
    return item


def ending(outcome: Outcome) -> str:
    """The shape in which it ended, in a word."""
    if outcome.way == "left":
        return "left by the consumer"
    if outcome.error is not None:
        return type(outcome.error).__name__
    return "cancelled" if outcome.cancelled else "read to its end"


def complaints(
    plan: Plan, is_served: Served, readings: Sequence[Reading], outcome: Outcome
) -> list[str]:
    """What is not as documented; nothing, if all is.

    Args:
        plan: The stream's.
        is_served: What was served.
        readings: That of what was served, and if it is the beginning of a good body, that body's;
            none where they do not apply.
        outcome: What the consumer saw.
    """
    found = [*_of_shape(plan, outcome)]
    if outcome.error is not None and not isinstance(outcome.error, RigError):
        return found
    for one in readings:
        found += _of_items(one, outcome)
    if readings and is_served.whole and plan.act.kind == "none":
        found += _of_whole(plan, readings[0], outcome)
    return found


def _of_shape(plan: Plan, outcome: Outcome) -> Iterator[str]:
    error, text = outcome.error, _text(outcome.items)
    finals = _finals(outcome)
    left = outcome.cancelled and plan.act.kind != "none"
    if outcome.way == "end" and not finals and not left:
        yield "a clean end without a terminal record"
    if finals and (finals != [len(outcome.items) - 1] or error is not None):
        yield f"terminal records at {finals} of {len(outcome.items)} items, then {error!r}"
    if outcome.cancelled and "cancel" not in plan.act.kind:
        yield "cancelled by nobody"
    if outcome.response is not None and outcome.response.text != text:
        yield f"the response says {outcome.response.text!r}, not {text!r}"
    if finals and plan.status >= 300 and not plan.garbled:
        yield f"a terminal record of status {plan.status}"
    if error is not None:
        yield from _of_error(plan, error, text)


def _of_error(plan: Plan, error: BaseException, text: str) -> Iterator[str]:
    if not isinstance(error, RigError) or isinstance(error, (StreamMisuse, ConfigError)):
        yield f"raised {error!r}"
    elif isinstance(error, PauseTimeout) and "pause" not in plan.act.kind:
        yield f"nobody paused: {error!r}"
    elif error.recoverable:
        yield f"a recoverable error ended it: {error!r}"
    elif error.partial is None:
        yield f"no partial on {error!r}"
    elif error.partial.text != text:
        yield f"partial says {error.partial.text!r}, streamed was {text!r}"
    status = error.status if isinstance(error, ProviderError) else plan.status
    if status != plan.status and plan.status >= 300 and not plan.garbled:
        yield f"the error has status {status} instead of {plan.status}"


def _of_items(whole: Reading, outcome: Outcome) -> Iterator[str]:
    ours, right = _told(outcome.items), _told(whole.items)
    if ours != right[: len(ours)]:
        at = next(at for at, item in enumerate(ours) if [item] != right[at : at + 1])
        yield f"item {at} is {ours[at]!r}, served was {right[at : at + 1]!r}"
    calls = [_call(item) for item in whole.items if isinstance(item, ToolCall)]
    for item in outcome.items:
        if isinstance(item, ToolCall) and _call(_plain(item)) not in calls:
            yield f"a call that nobody made: {item!r}"
    if _finals(outcome) and not (whole.ended or whole.finished):
        yield "a terminal record that was never served"


def _of_whole(plan: Plan, whole: Reading, outcome: Outcome) -> Iterator[str]:
    """All of it came: nothing may be missing; a slow machine may run into a deadline."""
    if isinstance(outcome.error, StreamTimeout):
        return
    if _finals(outcome) and whole.failed and not plan.pace:  # a slow one may be given up before
        yield "a terminal record, though the provider told of an error"
    if whole.ended and outcome.error is not None:
        yield f"a whole answer ended in {outcome.error!r}"
    given_up = bool(_finals(outcome)) and whole.finished and outcome.seconds > QUICK
    if len(_told(outcome.items)) < len(_told(whole.items)) and not given_up:
        yield f"only {len(_told(outcome.items))} of {len(_told(whole.items))} items came"


def _call(call: ToolCall) -> tuple[object, ...]:
    """What runs; a signature may come later, and then be cut off."""
    return call.id, call.name, call.arguments, call.malformed


def _finals(outcome: Outcome) -> list[int]:
    return [at for at, item in enumerate(outcome.items) if isinstance(item, StreamFinal)]


def _told(items: Sequence[StreamedAssistantContent]) -> list[object]:
    """What is told as it comes; the rest is put together when a stream ends."""
    kinds = (Text, ReasoningDelta, ToolCallDelta, Unknown)
    return [_plain(item) for item in items if isinstance(item, kinds)]


def _text(items: Sequence[StreamedAssistantContent]) -> str:
    return "".join(item.text for item in items if isinstance(item, Text))
