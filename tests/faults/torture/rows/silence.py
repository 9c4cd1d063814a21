"""Servers that say nothing more, and do not hang up."""

from __future__ import annotations

from tests.faults.torture.judging import answers, expires
from tests.faults.torture.rows.base import HEL, LO, SHORT, STOP, Row, delta
from tests.server import DONE, Drip, Send, Stall, sse_response

__all__ = ["ROWS"]

FAILS = "a timeout, with the words"
COMMENT = b": keep-alive\n\n"

ROWS = (
    Row(
        "silent in the text, keep-alive comments go on",
        FAILS,
        sse_response(HEL, LO, Drip(COMMENT, 0.2), Stall()),
        expires(),
        idle=SHORT,
    ),
    Row(
        "silent in the text, chunks without content go on",
        FAILS,
        sse_response(HEL, LO, Drip(delta({}), 0.2), Stall()),
        expires(),
        idle=SHORT,
    ),
    Row(
        "silent in the text, one byte of an event now and then",
        FAILS,
        sse_response(HEL, LO, b"data: {", Drip(b" ", 0.2), Stall()),
        expires(),
        idle=SHORT,
    ),
    Row(
        "truly silent in the text",
        FAILS,
        sse_response(HEL, LO, Stall()),
        expires(),
        idle=SHORT,
    ),
    Row(
        "no headers",
        "a timeout",
        [Stall()],
        expires(""),
        first=SHORT,
        idle=SHORT,
    ),
    Row(
        "headers, then nothing",
        "a timeout",
        sse_response(Stall()),
        expires(""),
        first=SHORT,
        idle=SHORT,
    ),
    Row(
        "headers, then only keep-alive comments",
        "a timeout",
        sse_response(Drip(COMMENT, 0.2), Stall()),
        expires(""),
        first=SHORT,
        idle=SHORT,
    ),
    Row(
        "headers that never end, one byte now and then",
        "a timeout",
        [Send(b"HTTP/1.1 200 OK\r\nX-Slow: "), Drip(b"a", 0.2), Stall()],
        expires(""),
        first=SHORT,
        idle=SHORT,
    ),
    Row(
        "socket held open after `[DONE]`",
        "the answer, at once",
        sse_response(HEL, LO, STOP, DONE, Stall()),
        answers(within=5),
    ),
    Row(
        "keep-alive comments go on after `[DONE]`",
        "the answer, at once",
        sse_response(HEL, LO, STOP, DONE, Drip(COMMENT, 0.2), Stall()),
        answers(within=5),
    ),
    Row(
        "a finish reason, no `[DONE]`, socket held open with comments",
        "the answer",
        sse_response(HEL, LO, STOP, Drip(COMMENT, 0.2), Stall()),
        answers(),
        idle=SHORT,
    ),
)
