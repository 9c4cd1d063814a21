"""What is done with frames that are no event as they should be; the same for every wire.

Decoding straight into a Struct is the short way, and a wire keeps it in its own loop. Only what
does not come through, raising one of `UNREADABLE`, comes here.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from rig_sync._json import parse_object
from rig_sync.streaming.raw import Defect
from rig_sync.wire.base import Frame, bad_frame, misfits
from rig_sync.wire.lenient import lenient

__all__ = ["SILENT", "is_plain_error", "salvaged", "salvaged_or_silent"]

S = TypeVar("S", bound=Struct)

SILENT = frozenset({"", "null", "[DONE]"})
"""What servers send between events, or behind them, that says nothing."""


def is_plain_error(frame: Frame) -> bool:
    """Whether a server-sent event is an error that is told in words, not in an object."""
    return frame.event == "error" and not _is_object(frame.data)


def salvaged(data: str, kind: type[S], why: Exception) -> tuple[S | None, list[Defect]]:
    """What can be used of `data`, and what is wrong with it.

    Args:
        data: A frame's.
        kind: What it should have been; every field has a default.
        why: What decoding it raised.

    Returns:
        The fields that fit and a defect for each of the others; None and one defect when `data`
        is no JSON object at all.

    >>> class Point(Struct):
    ...     x: int = 0
    >>> salvaged('{"x": "up"}', Point, ValueError())[0], salvaged('{"x"', Point, ValueError())[0]
    (Point(x=0), None)
    """
    payload = parse_object(data)
    if payload is None:
        return None, [bad_frame(data, str(why))]
    event, wrong = lenient(payload, kind)
    return event, list(misfits(wrong, data))


def salvaged_or_silent(data: str, kind: type[S], why: Exception) -> tuple[S | None, list[Defect]]:
    """As `salvaged`, for server-sent events: words that say nothing are no defect.

    >>> salvaged_or_silent("null", Struct, ValueError())
    (None, [])
    """
    if _is_object(data):
        return salvaged(data, kind, why)
    return None, [] if data.strip() in SILENT else [bad_frame(data, "no JSON object")]


def _is_object(data: str) -> bool:
    return data.lstrip()[:1] == "{"
