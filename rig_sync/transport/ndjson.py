"""JSON objects, one a line, out of raw body bytes: the streams of Ollama.

Source: https://github.com/ndjson/ndjson-spec
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from rig_sync.limits import event_too_large
from rig_sync.transport.sse import DEFAULT_MAX_EVENT_BYTES

__all__ = ["JsonLine", "LineSource"]

_STRAY_BYTES = 4096
_BOM = b"\xef\xbb\xbf"


class JsonLine(Struct):
    """The text of one object; lines have no names, so `event` is empty."""

    data: str
    event: str = ""


class LineSource:
    r"""The lines of one response body, each handed on as soon as its line feed was read.

    Iterate once. Work and memory are linear in the bytes, however they are cut; what is buffered
    is one line. Lines end in LF or CRLF; blank ones, white space around an object and a byte order
    mark mean nothing. What is no UTF-8 becomes U+FFFD.

    >>> for line in LineSource([b'{"a": 1}\n{"b"', b': 2}\n']):
    ...     print(line.data)
    {"a": 1}
    {"b": 2}

    Args:
        chunks: The body in any pieces. Pulled one at a time, the next one only when every line
            of those before has been handed on. What it raises passes through unchanged.
        max_line_bytes: The longest line that is accepted.

    Attributes:
        stray: The first 4 KiB of lines ahead of the first object: the HTML of an error page, say.
            After it every line is handed on, for one that is none is a defect of the stream.
        incomplete: The line just handed on was the last, and its line feed never came.

    Raises:
        SSELimitError: While iterating, when a line is longer than `max_line_bytes`: raise the
            limit if the provider does send lines that large.
    """

    def __init__(
        self, chunks: Iterable[bytes], *, max_line_bytes: int = DEFAULT_MAX_EVENT_BYTES
    ) -> None:
        self.stray = b""
        self.incomplete = False
        self._chunks = chunks
        self._limit = max_line_bytes
        self._tail = bytearray()  # the line that has not ended yet

    def __iter__(self) -> Iterator[JsonLine]:
        """Yield the lines' texts."""
        started = begun = False
        for line in self._lines():
            if not started:
                started, line = True, line.removeprefix(_BOM)
            line = line.strip()
            begun = begun or line.startswith(b"{")
            if begun and line:
                yield JsonLine(line.decode("utf-8", "replace"))
            elif line:
                self._keep_stray(line)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines without their ends; an unterminated last one too."""
        tail = self._tail
        for chunk in self._chunks:
            start = 0
            while (end := chunk.find(b"\n", start)) >= 0:
                self._check_size(len(tail) + end - start)
                line = chunk[start:end]
                if tail:
                    line = bytes(tail) + line
                    tail.clear()
                yield line
                start = end + 1
            tail += chunk[start:] if start else chunk
            self._check_size(len(tail))
        if tail:
            self.incomplete = True
            yield bytes(tail)

    def _keep_stray(self, line: bytes) -> None:
        if len(self.stray) < _STRAY_BYTES:
            kept = (self.stray, line[:_STRAY_BYTES]) if self.stray else (line,)
            self.stray = b"\n".join(kept)[:_STRAY_BYTES]

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise event_too_large("a line of the stream is longer", self._limit)
