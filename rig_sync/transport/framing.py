"""How a streamed body is cut into frames, by the wire's word for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from rig_sync.transport.aws import AwsEvents
from rig_sync.transport.ndjson import LineSource
from rig_sync.transport.sse import EventSource
from rig_sync.wire.base import Frame, FramingName

__all__ = ["FRAMINGS", "FrameSource", "Framing"]


class FrameSource(Protocol):
    """The frames of one body, each handed on as soon as it is whole; iterated once.

    Attributes:
        stray: The first 4 KiB of what is no part of any frame: an error page, say.
        incomplete: The frame just handed on was the last, and its end never came.
    """

    stray: bytes
    incomplete: bool

    def __iter__(self) -> Iterator[Frame]:
        """The frames; what reading the body raises passes through."""


class Framing(Struct, frozen=True):
    """One way to cut: the media type to ask for, and what cuts frames of at most so many bytes."""

    accept: str
    cut: Callable[[Iterable[bytes], int], FrameSource]


def _events(chunks: Iterable[bytes], limit: int) -> FrameSource:
    return EventSource(chunks, max_event_bytes=limit, salvage=True)


def _lines(chunks: Iterable[bytes], limit: int) -> FrameSource:
    return LineSource(chunks, max_line_bytes=limit)


def _frames(chunks: Iterable[bytes], limit: int) -> FrameSource:
    return AwsEvents(chunks, max_frame_bytes=limit)


FRAMINGS: dict[FramingName, Framing] = {
    "sse": Framing("text/event-stream", _events),
    "ndjson": Framing("application/x-ndjson", _lines),
    "aws": Framing("application/vnd.amazon.eventstream", _frames),
}
