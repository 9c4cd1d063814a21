"""The bytes around the events: all that the standards allow, and what gateways make of it."""

from __future__ import annotations

from tests.faults.torture.judging import answers, ends_in_error
from tests.faults.torture.rows.base import HEL, LO, STOP, Row, delta
from tests.server import DONE, Close, Script, Send, bytewise, response, sse_response

__all__ = ["ROWS"]

ANSWER = "the answer"
EVENTS = (HEL, LO, STOP, DONE)
WHOLE = b"".join(EVENTS)
ODD = "a\u2028b\u2029c\x85d\x0be"
WIDE = "é€🦀"
WIDE_EVENTS = (delta({"content": WIDE}), STOP, DONE)
BIG = "word " * 800_000
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def _row(name: str, script: Script, text: str = "Hello") -> Row:
    return Row(name, ANSWER, script, answers(text))


def _cut_between_cr_and_lf() -> Script:
    pieces = (piece for one in EVENTS for piece in (one[:-2] + b"\r", b"\n\r", b"\n"))
    return sse_response(*pieces)


ROWS = (
    _row(
        "U+2028, U+2029, U+0085 and U+000B in the text",
        sse_response(delta({"content": ODD}), STOP, DONE),
        ODD,
    ),
    _row("every byte in a chunk of its own", sse_response(*bytewise(WIDE_EVENTS)), WIDE),
    _row("all events in one write", sse_response(WHOLE)),
    _row("CRLF", sse_response(WHOLE.replace(b"\n", b"\r\n"))),
    _row("CRLF, cut between the two", _cut_between_cr_and_lf()),
    _row("CR alone", sse_response(WHOLE.replace(b"\n", b"\r"))),
    _row("`data:` without a space", sse_response(WHOLE.replace(b"data: ", b"data:"))),
    _row("a byte order mark", sse_response(b"\xef\xbb\xbf" + WHOLE)),
    _row(
        "`id:`, `event: message` and `retry:` lines",
        sse_response(WHOLE.replace(b"data: ", b"id: 1\nevent: message\nretry: 10\ndata: ")),
    ),
    _row(
        "JSON spread over several `data:` lines",
        sse_response(WHOLE.replace(b', "choices"', b',\ndata: "choices"')),
    ),
    _row(
        "10,000 comments between two words",
        sse_response(HEL, b": keep-alive\n\n" * 10_000, LO, STOP, DONE),
    ),
    _row("an event of 4 MB", sse_response(delta({"content": BIG}), STOP, DONE), BIG),
    _row(
        "no Content-Type",
        [Send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)), Send(WHOLE)],
    ),
    _row(
        "Content-Type says Latin-1, the body is UTF-8",
        response(
            200, {"Content-Type": "text/event-stream; charset=latin-1"}, b"".join(WIDE_EVENTS)
        ),
        WIDE,
    ),
    _row(
        "HTTP/1.0, no length",
        [
            Send(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
            Send(WHOLE),
            Close(),
        ],
    ),
    _row(
        "chunk extensions and trailers in the HTTP body",
        [
            Send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"),
            Send(b"Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%s\r\n" % (len(WHOLE), WHOLE)),
            Send(b"0\r\nX-Sum: 1\r\n\r\n"),
        ],
    ),
    _row("103 Early Hints ahead of the answer", [Send(HINTS), *sse_response(*EVENTS)]),
    _row("gzip, though identity was asked for", sse_response(*EVENTS, framing="gzip-chunked")),
    Row(
        "gzip, cut before its end",
        "an error, with the words",
        [*sse_response(HEL, LO, framing="gzip-chunked")[:-1], Close()],
        ends_in_error(),
    ),
    Row(
        "Content-Encoding says gzip, the body is plain",
        "an error",
        sse_response(*EVENTS, headers={"Content-Encoding": "gzip"}),
        ends_in_error(""),
    ),
)
