"""JSON lines: any cutting, promptness, limits and remains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import dropwhile, pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig_sync.errors import SSELimitError
from rig_sync.transport.ndjson import LineSource

BOM = b"\xef\xbb\xbf"
LINES = [
    *(b"", b"  ", b"{}", b'{"a": 1}', b' {"a": 1} ', b'{"a": "\xff"}', b'{"a": "\xe2\x82'),
    *(b"null", b"[1]", b"<html>", b"data: {}", BOM, b'{"broken', "{\u2028}".encode(), b"{\x1a\r}"),
]
lines = st.one_of(st.sampled_from(LINES), st.binary(max_size=6).filter(lambda b: b"\n" not in b))
bodies = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r\n"])), max_size=12).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


class Reading(NamedTuple):
    """Everything a caller can see of one reading."""

    data: list[str]
    stray: bytes
    incomplete: bool


def read(chunks: Iterable[bytes]) -> Reading:
    source = LineSource(chunks)
    data = [line.data for line in source]
    return Reading(data, source.stray, source.incomplete)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[i : i + size] for i in range(0, len(body), size))


@given(bodies, st.sampled_from(LINES), st.data())
@settings(max_examples=200, deadline=None)
def test_every_cutting_reads_the_same(body: bytes, last: bytes, draw: st.DataObject) -> None:
    """Where the body is cut changes nothing, and the lines are those of a plain splitting."""
    body += last
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    cut = read(body[a:b] for a, b in pairwise([0, *cuts, len(body)]))
    assert cut == read([body]) == read(pieces(body, 1))
    plain = [line.strip() for line in body.removeprefix(BOM).split(b"\n")]
    told = dropwhile(lambda line: line[:1] != b"{", plain)
    assert cut.data == [line.decode("utf-8", "replace") for line in told if line]


def test_no_byte_late() -> None:
    """A line is handed on with its line feed, before another byte is asked for."""
    body = b'{"a": 1}\r\n{"b": 2}\n'
    pulled = 0

    def feed() -> Iterator[bytes]:
        nonlocal pulled
        for byte in pieces(body, 1):
            pulled += 1
            yield byte

    found = iter(LineSource(feed()))
    assert pulled == 0
    assert next(found).data == '{"a": 1}'
    assert pulled == 10
    assert next(found).data == '{"b": 2}'
    assert pulled == len(body)


def test_chunks_are_pulled_one_at_a_time() -> None:
    """Every line of a chunk is handed on before the next chunk is asked for."""
    log: list[str] = []

    def feed() -> Iterator[bytes]:
        for number, chunk in enumerate((b"{1}\n{1}\n{", b"2}\n", b"{3}\n{3}\n"), 1):
            log.append(f"pull {number}")
            yield chunk

    log.extend(line.data for line in LineSource(feed()))
    assert log == ["pull 1", "{1}", "{1}", "pull 2", "{2}", "pull 3", "{3}", "{3}"]


def test_an_unterminated_last_line() -> None:
    """It is handed on, marked as incomplete; those before it are not."""
    source = LineSource([b"{1}\n{2", b"}"])
    assert [(line.data, source.incomplete) for line in source] == [("{1}", False), ("{2}", True)]


def test_a_body_that_breaks_off() -> None:
    """What the chunks raise passes through, after the lines that were whole."""
    broken = OSError("cut")

    def feed() -> Iterator[bytes]:
        yield b"{1}\n{2"
        raise broken

    seen: list[str] = []
    with pytest.raises(OSError, match="cut") as caught:
        seen.extend(line.data for line in LineSource(feed()))
    assert caught.value is broken
    assert seen == ["{1}"]


def test_remains() -> None:
    """What comes before the first object is kept for the error message: 4 KiB, lines apart."""
    source = LineSource([b"<html>\r\n\r\n<body>No</body>\n{1}\nnull\n"])
    assert [line.data for line in source] == ["{1}", "null"]
    assert source.stray == b"<html>\n<body>No</body>"
    assert len(read(pieces(b"<p>\n" + b"x" * 9000 + b"\ny\n", 100)).stray) == 4096


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("body", [b"{12345678}\n", b"{12345678", b"<12345678>\n{}\n"])
def test_too_long(body: bytes, size: int) -> None:
    """A line above the limit raises, however it is cut, after the lines before it."""
    seen: list[str] = []
    source = LineSource(pieces(b"{123456}\n" + body, size), max_line_bytes=8)
    with pytest.raises(SSELimitError, match="event_bytes=8"):
        seen.extend(line.data for line in source)
    assert seen == ["{123456}"]


def test_a_line_without_end_is_given_up() -> None:
    """It costs no more than the limit and the chunk that exceeds it."""
    pulled = 0

    def feed() -> Iterator[bytes]:
        nonlocal pulled
        while True:
            pulled += 1
            yield b"{" * 100

    with pytest.raises(SSELimitError):
        next(iter(LineSource(feed(), max_line_bytes=1000)))
    assert pulled == 11


def test_work_is_linear() -> None:
    """A line of four megabytes in small pieces, and as many lines in one piece, end at once."""
    text = b"{" + b"x" * (1 << 22) + b"}\n"
    assert len(read(pieces(text, 64)).data[0]) == len(text) - 1
    assert len(read([b"{}\n" * (1 << 18)]).data) == 1 << 18
