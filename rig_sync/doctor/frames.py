"""The frames in the bytes that came, and how they were cut. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from rig_sync._json import JsonObject, parse_object
from rig_sync.doctor.tap import Piece
from rig_sync.errors import RigError
from rig_sync.limits import Limits
from rig_sync.transport.framing import FRAMINGS
from rig_sync.wire.base import FramingName

__all__ = ["Cut", "LineEnd", "SeenFrame", "SseForm", "cut_frames", "sse_form"]

LineEnd: TypeAlias = Literal["LF", "CRLF", "CR", "mixed"]

MOST_FRAMES = 100_000


class SeenFrame(Struct, frozen=True):
    """One frame, as it came.

    Attributes:
        at: When its last byte was read, by `time.monotonic`.
        event: Its name; `message` for an event without one.
        data: Its text.
        payload: The JSON object in it; None when it is none.
    """

    at: float
    event: str
    data: str
    payload: JsonObject | None


class Cut(Struct, frozen=True):
    """A body, cut into its frames.

    Attributes:
        frames: The first 100,000 of them.
        stray: The beginning of what is no part of any frame.
        incomplete: The last frame was not ended.
    """

    frames: tuple[SeenFrame, ...] = ()
    stray: bytes = b""
    incomplete: bool = False

    @property
    def objects(self) -> list[JsonObject]:
        """The JSON objects in the frames."""
        return [frame.payload for frame in self.frames if frame.payload is not None]


def cut_frames(pieces: Sequence[Piece], framing: FramingName) -> Cut:
    r"""The frames in `pieces`, each with the time of the piece that ended it.

    >>> cut_frames([Piece(1.0, b"data: {}\n"), Piece(2.0, b"\n")], "sse").frames
    (SeenFrame(at=2.0, event='message', data='{}', payload={}),)
    """
    frames: list[SeenFrame] = []
    clock = [0.0]

    def chunks() -> Iterator[bytes]:
        for piece in pieces:
            clock[0] = piece.at
            yield piece.data

    source = FRAMINGS[framing].cut(chunks(), Limits().event_bytes)
    with contextlib.suppress(RigError):  # what breaks the frames is told where the answer is
        for frame in source:
            frames.append(SeenFrame(clock[0], frame.event, frame.data, parse_object(frame.data)))
            if len(frames) >= MOST_FRAMES:
                break
    return Cut(tuple(frames), bytes(source.stray), source.incomplete)


class SseForm(Struct, frozen=True):
    """How a body of server-sent events is written.

    Attributes:
        line_end: Of its lines.
        mark: It begins with a byte order mark.
        ended: A blank line follows the last event.
        comments: How many lines only keep the connection awake.
        comment: What the first of them says.
        several: Events whose data takes several lines.
        utf8: It is valid UTF-8.
    """

    line_end: LineEnd = "LF"
    mark: bool = False
    ended: bool = True
    comments: int = 0
    comment: str = ""
    several: int = 0
    utf8: bool = True


_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"^:(.*)$", re.MULTILINE)
_OPEN_END = re.compile(rb"(?:^|\n)data[^\n]*(?:\n[^\n]+)*\n?\Z")
_SEVERAL = re.compile(rb"^data:.*\n(?:(?!data:).+\n)*data:", re.MULTILINE)


def sse_form(body: bytes) -> SseForm:
    r"""How `body` is written.

    >>> form = sse_form(b": hello\r\n\r\ndata: 1\r\n")
    >>> form.line_end, form.ended, form.comments, form.comment
    ('CRLF', False, 1, 'hello')
    """
    mark = body.startswith(_MARK)
    text = body.removeprefix(_MARK)
    both, line_feeds, returns = (text.count(end) for end in (b"\r\n", b"\n", b"\r"))
    ends: dict[LineEnd, int] = {"CRLF": both, "LF": line_feeds - both, "CR": returns - both}
    used: list[LineEnd] = [end for end, times in ends.items() if times]
    even = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    comment = _COMMENT.search(even)
    return SseForm(
        line_end=used[0] if len(used) == 1 else "mixed" if used else "LF",
        mark=mark,
        ended=not _OPEN_END.search(even),
        comments=len(_COMMENT.findall(even)),
        comment="" if comment is None else comment[1].strip().decode("utf-8", "replace"),
        several=len(_SEVERAL.findall(even)),
        utf8=_is_utf8(body),
    )


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
