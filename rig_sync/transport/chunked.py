r"""Whole HTTP chunks out of what has arrived, many at a time.

Providers send an event a chunk, and the standard library reads one chunk at a time: three calls
and a copy for each. In a burst dozens of them are there already.
"""

from __future__ import annotations

import http.client
import io
import re
from collections.abc import Callable

__all__ = ["chunk_reader", "whole_chunks"]

# Digits enough for any chunk that fits into a buffer; what else a head may have is left to others.
_HEAD = re.compile(rb"([0-9A-Fa-f]{1,7})(?:;[^\r\n]*)?\r\n")
_END = b"\r\n"


def whole_chunks(arrived: bytes) -> tuple[bytes, int]:
    r"""The data of the whole chunks that `arrived` begins with, and the bytes that they took.

    The last chunk of a body, which is empty, is none of them, nor is what comes in pieces, or has
    a head or an end that is not as usual.

    >>> whole_chunks(b"2\r\nab\r\n3\r\ncde\r\n5\r\nfg")
    (b'abcde', 15)
    """
    pieces = []
    at = 0
    while head := _HEAD.match(arrived, at):
        begin = head.end()
        end = begin + int(head[1], 16)
        if end == begin or not arrived.startswith(_END, end):
            break
        pieces.append(arrived[begin:end])
        at = end + len(_END)
    return b"".join(pieces), at


def chunk_reader(inner: http.client.HTTPResponse, size: int) -> Callable[[], bytes]:
    """What reads a chunked body, as `read1(size)` does, but all chunks that are whole at once.

    Between two chunks it waits for the connection's buffer to have something; whenever that does
    not begin with a whole chunk the standard library reads on, and it alone sees the body's end.
    """
    read1 = inner.read1
    buffer: object = inner.fp
    if not isinstance(buffer, io.BufferedReader):
        return lambda: read1(size)

    def read() -> bytes:
        if not inner.chunk_left and inner.fp is not None:
            arrived = buffer.peek()
            if inner.chunk_left == 0 and arrived.startswith(_END):  # that of the one before
                buffer.read(len(_END))  # from the buffer: never blocks
                inner.chunk_left = None  # a head comes next
                arrived = arrived[len(_END) :] or buffer.peek()
            if inner.chunk_left is None:
                data, taken = whole_chunks(arrived)
                if data:
                    buffer.read(taken)
                    return data
        return read1(size)

    return read
