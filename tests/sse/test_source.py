"""What `EventSource` promises beyond the standard: promptness, limits, remains, linear work."""

from __future__ import annotations

import gc
import re
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from types import FrameType
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig_sync.errors import SSELimitError
from rig_sync.transport.sse import DEFAULT_MAX_EVENT_BYTES, EventSource

BOM = "\ufeff"
FIELD_LINES = [
    *(b"", b"", b"", b": c", b":", b"data", b"data:", b"data: a", b"data:b", b"data:  c"),
    *(b'data: {"a": 1}', b"data: [DONE]", b"event", b"event: e", b"event:f", b"id", b"id: 7"),
    *(b"id: 8\0", b"retry: 10", b"retry: x", b"retry", b"Data: x", b'{"error": 1}', b"<html>"),
    *(b"data: \xff", b"data: \xe2\x82", "data: é\u2028€".encode(), b"data: \x1a1", b"\xef\xbb\xbf"),
]
LINE_ENDS = [b"\n", b"\n", b"\r\n", b"\r"]

lines = st.one_of(st.sampled_from(FIELD_LINES), st.binary(max_size=6))
bodies = st.lists(st.tuples(lines, st.sampled_from(LINE_ENDS)), max_size=14).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


class Reading(NamedTuple):
    """Everything a caller can see of one reading."""

    events: list[tuple[str, str, str | None, int | None]]
    retry: int | None
    last_event_id: str
    stray: bytes
    incomplete: bool


def read(chunks: Iterable[bytes], *, salvage: bool = False) -> Reading:
    source = EventSource(chunks, salvage=salvage)
    events = [(e.event, e.data, e.id, e.retry) for e in source]
    return Reading(events, source.retry, source.last_event_id, source.stray, source.incomplete)


def data_of(chunks: Iterable[bytes], *, salvage: bool = False) -> list[str]:
    return [data for _, data, _, _ in read(chunks, salvage=salvage).events]


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[i : i + size] for i in range(0, len(body), size))


def by_the_standard(body: bytes) -> list[tuple[str, str, str | None, int | None]]:
    """The events of a whole body, written down as plainly as the standard puts it."""
    events: list[tuple[str, str, str | None, int | None]] = []
    event, identity, retry = "", "", None
    data: list[str] = []
    text = body.decode("utf-8", "replace").removeprefix(BOM)
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((event or "message", "\n".join(data), identity, retry))
            event, data, retry = "", [], None
        elif name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            identity = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value)
    return events


# ---- any cutting -------------------------------------------------------------------------------


@given(bodies)
@settings(max_examples=200, deadline=None)
@example(b"data: \x1a1\ndata: \x1a0\n\n")
def test_events_are_those_of_the_standard(body: bytes) -> None:
    """A body of any lines gives what a plain reading of the standard gives."""
    assert read([body]).events == by_the_standard(body)


@given(bodies, st.binary(max_size=8), st.booleans(), st.data())
@settings(max_examples=200, deadline=None)
def test_every_cutting_reads_the_same(
    body: bytes, last: bytes, salvage: bool, draw: st.DataObject
) -> None:
    """Where the body is cut changes nothing that a caller can see."""
    body += last
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    cut = [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]
    assert read(cut, salvage=salvage) == read([body], salvage=salvage)


# ---- promptness --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"data: a\n\n",
        b"event: e\ndata: a\n\n",
        b"data: a\r\n\r",  # the LF need not have come
        b"data: a\r\r",
        b"data: a\n\r",
        b"id: 1\nretry: 2\n: c\ndata: a\ndata: b\n\n",
        b"\xef\xbb\xbfdata: \xff\n\n",
    ],
)
def test_no_byte_late(body: bytes) -> None:
    """An event is there with the byte that ends its blank line, and the next one is not lost."""
    pulled = 0

    def feed() -> Iterator[bytes]:
        nonlocal pulled
        for byte in pieces(body + b"\ndata: next\n\n", 1):
            pulled += 1
            yield byte

    events = iter(EventSource(feed()))
    assert next(events).data.startswith(("a", "\ufffd"))
    assert pulled == len(body)
    assert next(events).data == "next"


def test_chunks_are_pulled_one_at_a_time() -> None:
    """Every event of a chunk is handed on before the next chunk is asked for."""
    chunks = [
        b"data: 1\n\ndata: 1\n\nevent: e\ndata: 1\n\nda",
        b"ta: 2\n\nid: 7\ndata: 2\n\ndata: 2\ndata: 2\n\ndata: 2\n\nevent: e\nda",
        b"ta: 3\n\n: comment\ndata: 3\n\ndata: \xff\n\ndata: 3\n\n",
        b"data: 4\r\n\r\ndata: 4\r\n\r\nretry: 5\r\ndata: 4\r\n\r",
        b"\nda",
        b"ta: 6\n\ndata: 6\n\n",
    ]
    log: list[str] = []

    def feed() -> Iterator[bytes]:
        for number, chunk in enumerate(chunks, 1):
            log.append(f"pull {number}")
            yield chunk

    log.extend(event.data for event in EventSource(feed()))
    assert log == [
        *("pull 1", "1", "1", "1"),
        *("pull 2", "2", "2", "2\n2", "2"),
        *("pull 3", "3", "3", "\ufffd", "3"),
        *("pull 4", "4", "4", "4"),
        "pull 5",
        *("pull 6", "6", "6"),
    ]


def test_nothing_is_pulled_before_the_first_event_is_asked_for() -> None:
    """Making a source, or its iterator, reads nothing."""
    pulled: list[bytes] = []

    def feed() -> Iterator[bytes]:
        for chunk in (b"data: a\n\n", b"data: b\n\n"):
            pulled.append(chunk)
            yield chunk

    events = iter(EventSource(feed()))
    assert pulled == []
    assert next(events).data == "a"
    assert len(pulled) == 1


@pytest.mark.parametrize("ready", [b"data: a\n\ndata: b\n\n", b"id: 1\ndata: a\n\ndata: b\n\n"])
def test_an_exception_of_the_chunks_passes_through(ready: bytes) -> None:
    """It is the same object, and comes after the events that were whole."""
    broken = OSError("cut")

    def feed() -> Iterator[bytes]:
        yield ready + b"data: lost"
        raise broken

    seen: list[str] = []
    source = EventSource(feed(), salvage=True)
    with pytest.raises(OSError, match="cut") as caught:
        seen.extend(event.data for event in source)
    assert caught.value is broken
    assert seen == ["a", "b"]
    assert not source.incomplete


def test_a_break_lets_go_of_the_chunks_at_once() -> None:
    """No reference cycle keeps the body alive when a reader stops early."""

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"data: a\n\n"

    body = Body()
    gone = weakref.ref(body)
    gc.disable()
    try:
        source = EventSource(body)
        for _ in source:
            break
        del source, body, _
        assert gone() is None
    finally:
        gc.enable()


# ---- limits ------------------------------------------------------------------------------------

TOO_LARGE = {
    "one-event": b"data: 0123456789\n\n",
    "one-event-crlf": b"data: 0123456789\r\n\r\n",
    "data-of-many-lines": b"data: 012\ndata: 345\ndata: 678\n" + b"data: 012\ndata: 345\n\n",
    "event-name": b"event: 0123456789\ndata: a\n\n",
    "id": b"id: 0123456789a\ndata: a\n\n",
    "comment": b":0123456789012345\n",
    "other-field": b"0123456789012345: x\n",
    "unterminated": b"data: 0123456789",
    "unterminated-stray": b'{"error": "0123456789"}',
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("salvage", [False, True])
@pytest.mark.parametrize("body", TOO_LARGE.values(), ids=TOO_LARGE)
def test_too_large(body: bytes, size: int, salvage: bool) -> None:
    """Whatever is larger than the limit raises, however it is cut, after the events before it."""
    seen: list[str] = []
    source = EventSource(pieces(b"data: a\n\n" + body, size), max_event_bytes=14, salvage=salvage)
    with pytest.raises(SSELimitError, match="event_bytes=14"):
        seen.extend(event.data for event in source)
    assert seen == ["a"]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_as_large_as_allowed(size: int) -> None:
    """The limit is for one line and the data of one event; what is as large passes."""
    body = b"data: 01234567\n\ndata: 0123456\ndata: 890123\n\n: 456789012345\n" * 5
    source = EventSource(pieces(body, size), max_event_bytes=14)
    assert [event.data for event in source] == ["01234567", "0123456\n890123"] * 5


def test_a_body_that_never_ends_a_line_is_given_up() -> None:
    """A line without end costs no more than the limit and the chunk that exceeds it."""
    pulled = 0

    def feed() -> Iterator[bytes]:
        nonlocal pulled
        while pulled < 1000:
            pulled += 1
            yield b"x" * 1000

    with pytest.raises(SSELimitError):
        list(EventSource(feed(), max_event_bytes=10_000))
    assert pulled == 11


def test_default_limit() -> None:
    """An event of the default size passes, one of a byte more does not."""
    value = b"x" * (DEFAULT_MAX_EVENT_BYTES - len(b"data: "))
    (event,) = EventSource(pieces(b"data: " + value + b"\n\n", 65536))
    assert len(event.data) == len(value)
    with pytest.raises(SSELimitError):
        list(EventSource(pieces(b"data: x" + value + b"\n\n", 65536)))


# ---- work and memory ---------------------------------------------------------------------------


def calls_of(chunks: Iterable[bytes]) -> int:
    """How many calls, of Python's functions and C's, it takes to read `chunks`."""
    count = 0

    def step(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        for _ in EventSource(chunks):
            pass
    finally:
        sys.setprofile(before)
    return count


WORK: dict[str, Callable[[int], Iterable[bytes]]] = {
    "plain events": lambda n: [b"data: {}\n\n" * n],
    "plain events in pieces": lambda n: pieces(b"event: e\ndata: {}\n\n" * n, 100),
    "bad utf-8 at the end": lambda n: [b"data: {}\n\n" * n + b"data: \xff\n\n"],
    "data lines": lambda n: [b"data: x\n" * n + b"\n"],
    "data lines in pieces": lambda n: pieces(b"data: x\n" * n + b"\n", 100),
    "one line in pieces": lambda n: pieces(b"data: " + b"x" * 10 * n + b"\n\n", 10),
    "comments": lambda n: [b": x\n" * n],
    "stray lines": lambda n: [b"<p>\n" * n],
}


@pytest.mark.parametrize("make", WORK.values(), ids=WORK)
def test_calls_grow_with_the_body(make: Callable[[int], Iterable[bytes]]) -> None:
    """Twice the body is at most twice the calls."""
    once, twice = (calls_of(make(n)) for n in (2000, 4000))
    assert twice <= 2.2 * once


def test_eight_megabytes_in_small_pieces() -> None:
    """One event of 8 MB in 128-byte pieces is read; quadratic copying would take minutes."""
    value = b"x" * (8 << 20)
    assert data_of(pieces(b"data: " + value + b"\n\n", 128)) == [value.decode()]


def test_a_million_data_lines() -> None:
    """One event of a million lines is read; quadratic joining would take minutes."""
    assert data_of(pieces(b"data: x\n" * 1_000_000 + b"\n", 65536)) == ["x\n" * 999_999 + "x"]


def test_a_million_events_that_only_look_plain() -> None:
    """A large chunk of plain events with something else among them is not scanned again."""
    chunk = (b"data: x\n\n" * 1000 + b"data: y\ndata: \xff\n\n") * 100
    assert len(data_of([chunk])) == 100_100


def peak_of(chunks: Iterable[bytes]) -> int:
    """The most bytes that reading `chunks` holds at a time, the chunks themselves left out."""
    tracemalloc.start()
    try:
        for _ in EventSource(chunks):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "piece",
    [b'data: {"a": 1}\n\n' * 2000, b": keep-alive\n" * 2000, b"<p>stray</p>\n" * 2000],
    ids=["events", "comments", "stray"],
)
def test_memory_does_not_grow(piece: bytes) -> None:
    """What was read is let go, be it events, comments without end, or a page of HTML."""
    assert peak_of([piece] * 20) < peak_of([piece] * 2) + len(piece)


def test_memory_of_one_large_chunk() -> None:
    """A chunk of very many small events takes no more than a part of it at a time."""
    chunk = b"data:\n\n" * 50_000
    assert peak_of([chunk]) < 3 * len(chunk)


# ---- the end of a body -------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 1000])
def test_the_unterminated_event_is_dropped_or_salvaged(end: bytes, size: int) -> None:
    """The standard drops it; `salvage` hands it on and marks it, but does not take its id."""
    body = b"id: 1\ndata: a\n\nid: 2\nevent: e\ndata: b\ndata: c" + end
    kept = ("message", "a", "1", None)
    assert read(pieces(body, size)) == Reading([kept], None, "1", b"", False)
    salvaged = ("e", "b\nc", "1", None)
    assert read(pieces(body, size), salvage=True) == Reading([kept, salvaged], None, "1", b"", True)


def test_incomplete_is_set_with_the_last_event() -> None:
    """A reader can tell the salvaged event from the whole ones while it holds it."""
    source = EventSource([b"data: a\n\ndata: b\n\ndata: [DONE]"], salvage=True)
    assert [(event.data, source.incomplete) for event in source] == [
        ("a", False),
        ("b", False),
        ("[DONE]", True),
    ]


@pytest.mark.parametrize("end", [b"data: a\n\n", b": c", b"event: e\n", b"", b"\xef\xbb\xbf"])
def test_nothing_to_salvage(end: bytes) -> None:
    """A body whose end holds no data is not incomplete."""
    assert not read([end], salvage=True).incomplete


def test_a_salvaged_bom_body() -> None:
    """The byte order mark goes even when the body has no line end at all."""
    assert data_of(pieces(b"\xef\xbb\xbfdata: a", 1), salvage=True) == ["a"]


# ---- what was not an event ---------------------------------------------------------------------


@pytest.mark.parametrize("salvage", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("body", "stray"),
    [
        (b'{"error": "x"}', b'{"error": "x"}'),
        (b'{\r\n  "error": "x"\r\n}\r\n', b'{\n  "error": "x"\n}'),
        (b'data: a\n\n<html>\n<p>502\n\n</html>', b"<html>\n<p>502\n</html>"),
        (b"\xef\xbb\xbf[1]", b"[1]"),
        (b"data: a\n\n: c\n\nid: 1\ndata: b", b""),
        (b"data: a\n\n: c", b""),
        (b"status: 500\ndata: a\n\n", b"status: 500"),
        (b"\0\x01binary\xff", b"\0\x01binary\xff"),
    ],
)  # fmt: skip
def test_stray(body: bytes, stray: bytes, size: int, salvage: bool) -> None:
    """Lines that are no fields are kept for the error message, an unterminated one as well."""
    assert read(pieces(body, size), salvage=salvage).stray == stray


@pytest.mark.parametrize("line", [b"<p>x</p>\n", b"<p>" + b"x" * 10_000 + b"\n"])
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_stray_is_cut_off(line: bytes, size: int) -> None:
    """The first 4 KiB are kept, no more."""
    body = line * 1000
    assert read(pieces(body, size)).stray == body[:4096]
