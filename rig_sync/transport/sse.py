"""Server-sent events out of raw body bytes: the one place that imports sseclient-py.

sseclient-py is the parser, but it takes the bytes as they come: broken UTF-8 raises, a byte order
mark costs the first event, mixed line ends merge events, a large event takes quadratic time, and
there is no limit. So every event goes through it as a *block* that it cannot misread: LF line
ends, valid UTF-8, one `data` line, ended by one blank line.

    chunks --_whole_lines--> lines --_blocks--> blocks --sseclient--> events

Most provider traffic has that form already, and runs of such events pass on untouched, hundreds
at a time. Everything else is read line by line and written anew. A line feed *inside* an event's
data travels as an escape; `_restore` undoes it.

Nothing here reads ahead: sseclient-py gives every event of a block before it asks for the next
block, and a chunk is asked for when the one before has been used up. Both callers and the
promptness of a stream depend on it; `tests/sse/test_source.py` holds it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sseclient

from rig_sync.limits import Limits, event_too_large

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "EventSource"]

DEFAULT_MAX_EVENT_BYTES = Limits().event_bytes

_STRAY_BYTES = 4096
_RETRY_DIGITS = 1000  # int() refuses more than 4,300
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"", b"data", b"event", b"id", b"retry")  # the empty name is a comment

# One data line stands for several: LF becomes SUB 1 and SUB becomes SUB 0, which JSON never needs.
_LF, _CR, _SUB = 0x0A, 0x0D, 0x1A  # as numbers: a tenth of the time of `b"..." in`

# The repeat is bounded because the matcher keeps a record of each round.
_PLAIN_EVENTS = re.compile(rb"(?:(?:event:.*\n)?data:.*\n\n){1,1000}")


class EventSource:
    r"""The events of one response body, each handed on as soon as its blank line was read.

    Iterate once. Work and memory are linear in the bytes, however they are cut; what is buffered
    is one event. Not for use by two threads at once.

    >>> for event in EventSource([b"event: ping\nda", b"ta: {}\n\ndata: [DO", b"NE]\n\n"]):
    ...     print(event.event, event.data)
    ping {}
    message [DONE]

    Args:
        chunks: The body in any pieces. Pulled one at a time, the next one only when every event
            of those before has been handed on. What it raises passes through unchanged, after
            the events that were whole.
        max_event_bytes: The longest line and the most data of one event that is accepted.
        salvage: Hand on the last event although its blank line is missing; see `incomplete`.

    Attributes:
        stray: The first 4 KiB of lines that are not fields of an event: the JSON or HTML of an
            error body. An unterminated last line counts.
        last_event_id: The id to resume after; an id stays until another one comes.
        retry: The last valid reconnection time, in milliseconds.
        incomplete: The event just handed on was the last, and its blank line never came. Only
            with `salvage`; its id is not taken into `last_event_id`.

    Raises:
        SSELimitError: While iterating, when `max_event_bytes` is exceeded: raise the limit if the
            provider does send events that large.

    Source: WHATWG HTML, 9.2.5 and 9.2.6.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        salvage: bool = False,
    ) -> None:
        self.stray = b""
        self.last_event_id = ""
        self.retry: int | None = None
        self.incomplete = False
        self._chunks = chunks
        self._limit = max_event_bytes
        self._salvage = salvage
        self._tail = bytearray()  # the line that has not ended yet
        self._id = ""  # becomes last_event_id at the blank line
        self._to_restore = False  # the event of the block that sseclient-py is reading
        self._begin_event()

    def __iter__(self) -> Iterator[sseclient.Event]:
        """Yield the events; `id` is the last event id, `retry` a number or None."""
        for event in sseclient.SSEClient(self._blocks()).events():
            if self._to_restore:
                _restore(event)
            event.id = self.last_event_id
            yield event

    def _blocks(self) -> Iterator[bytes]:
        """Yield the body in blocks of whole events, verbatim where that is safe."""
        for lines in self._whole_lines():
            at, end = 0, len(lines)
            small = end <= self._limit  # and so is every event in it
            while at < end:
                stop = _end_of_plain(lines, at) if small and self._between_events else at
                if stop > at:
                    self._to_restore = False
                    yield _valid_utf8(lines[at:stop])
                    at = stop
                else:
                    stop = lines.index(b"\n", at)
                    block = self._take_line(lines[at:stop])
                    at = stop + 1
                    if block:
                        yield block
        block = self._end_of_body()
        if block:
            self.incomplete = True
            yield block

    def _whole_lines(self) -> Iterator[bytes]:
        """Yield the lines that have ended, LF for every line end, without the byte order mark.

        A CR ends its line at once; the LF that may follow it is dropped when it comes.
        """
        tail = self._tail
        started = after_cr = False
        for chunk in self._chunks:
            if after_cr or _CR in chunk:
                chunk, after_cr = _with_lf(chunk, after_cr)
            lines = self._cut(chunk) if tail or not chunk.endswith(b"\n") else chunk
            if lines:
                if not started:
                    started, lines = True, lines.removeprefix(_BOM)
                yield lines
        if not started and tail.startswith(_BOM):
            del tail[: len(_BOM)]

    def _cut(self, chunk: bytes) -> bytes:
        """The lines that end in `chunk`, each from its beginning; what follows them is kept."""
        tail = self._tail
        end = chunk.rfind(b"\n") + 1
        if not end:
            tail += chunk
            self._check_size(len(tail) - len(_BOM))  # it may begin the first, and is no part of it
            return b""
        lines = bytes(tail) + chunk[:end]
        tail[:] = chunk[end:]
        return lines

    def _begin_event(self) -> None:
        self._between_events = True
        self._event = b""
        self._event_retry = b""
        self._data: bytearray | None = None

    def _take_line(self, line: bytes) -> bytes | None:
        """Interpret one line; the block of the event that it ends, if it ends one with data."""
        if not line:
            self.last_event_id = self._id
            return self._end_event()
        self._check_size(len(line))
        name, _, value = line.partition(b":")
        if name not in _FIELDS:
            self._keep_stray(line)
            return None
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._take_data(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and 0 not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _RETRY_DIGITS:
            self._event_retry = value
            self.retry = int(value)
        if name:
            self._between_events = False
        return None

    def _take_data(self, value: bytes) -> None:
        if self._data is None:
            self._data = bytearray(value)
        else:
            self._data += b"\n"
            self._data += value
            self._check_size(len(self._data))

    def _end_event(self) -> bytes | None:
        """The event read since the last blank line as one block; None when it has no data."""
        event, retry, data = self._event, self._event_retry, self._data
        self._begin_event()
        if data is None:
            return None
        value = bytes(data)
        escape = _LF in value or _SUB in value
        self._to_restore = escape or bool(retry)
        if escape:
            value = value.replace(b"\x1a", b"\x1a0").replace(b"\n", b"\x1a1")
        block = b"data: " + value + b"\n\n"
        if retry:
            block = b"retry: " + retry + b"\n" + block
        if event:
            block = b"event: " + event + b"\n" + block
        return _valid_utf8(block)

    def _end_of_body(self) -> bytes | None:
        """The block of the event that the body broke off in: only when salvaging."""
        last = bytes(self._tail)
        self._check_size(len(last))
        if last and (self._salvage or last.partition(b":")[0] not in _FIELDS):
            self._take_line(last)
        return self._end_event() if self._salvage else None

    def _keep_stray(self, line: bytes) -> None:
        if len(self.stray) < _STRAY_BYTES:
            kept = (self.stray, line[:_STRAY_BYTES]) if self.stray else (line,)
            self.stray = b"\n".join(kept)[:_STRAY_BYTES]

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise event_too_large("a server-sent event or line is larger", self._limit)


def _restore(event: sseclient.Event) -> None:
    """Undo what `_end_event` had to write for sseclient-py: escapes, and `retry` as text."""
    event.data = event.data.replace("\x1a1", "\n").replace("\x1a0", "\x1a")
    if event.retry is not None:
        event.retry = int(event.retry)


def _end_of_plain(lines: bytes, start: int) -> int:
    r"""Where the run of plain events that begins at `start` ends: at `start` if there is none.

    >>> _end_of_plain(b"data: 1\n\nevent: a\ndata: 2\n\nid: 3\ndata: 3\n\n", 0)
    27
    """
    if lines.find(b"\n", start) == len(lines) - 2 and lines.startswith(b"data:", start):
        return len(lines)  # one event: what a TLS record brings; half the time of a match
    if lines[start] not in b"de":
        return start  # neither `data` nor `event`: most matches that would fail
    run = _PLAIN_EVENTS.match(lines, start)
    return run.end() if run else start


def _with_lf(chunk: bytes, after_cr: bool) -> tuple[bytes, bool]:
    r"""`chunk` with LF for every line end, and whether it ended in a CR whose LF may still come.

    >>> _with_lf(b"\na\r\nb\r", after_cr=True)
    (b'a\nb\n', True)
    """
    if not chunk:
        return chunk, after_cr
    if after_cr:
        chunk = chunk.removeprefix(b"\n")
    text = b"\n".join(chunk.splitlines())  # of bytes: at CR, LF and CRLF only
    return (text + b"\n" if chunk.endswith((b"\r", b"\n")) else text), chunk.endswith(b"\r")


def _valid_utf8(text: bytes) -> bytes:
    r"""`text`, with U+FFFD for what is not UTF-8.

    >>> _valid_utf8(b"caf\xe9") == "caf\ufffd".encode()
    True
    """
    if text.isascii():
        return text
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").encode()
    return text
