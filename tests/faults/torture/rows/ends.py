"""Bodies that stop, where the answer is over and where it is not."""

from __future__ import annotations

from tests.faults.torture.judging import answers, ends_in_error, never_runs, runs
from tests.faults.torture.rows.base import HEL, LO, STOP, Row, delta
from tests.server import DONE, Close, Reset, Send, response, sse_response

__all__ = ["ROWS"]

FAILS = "an error, with the words"
EVENTS = {"Content-Type": "text/event-stream"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def _call(arguments: str) -> bytes:
    function = {"name": "add", "arguments": arguments}
    call = {"index": 0, "id": "a", "type": "function", "function": function}
    return delta({"role": "assistant", "content": None, "tool_calls": [call]})


WHOLE, CUT = '{"x": 1, "y": 2}', '{"x": 1, "y": '

ROWS = (
    Row("as documented", "the answer", sse_response(HEL, LO, STOP, DONE), answers()),
    Row(
        "EOF without finish reason and without `[DONE]`",
        FAILS,
        sse_response(HEL, LO),
        ends_in_error(),
    ),
    Row(
        "the same, body delimited by the end of the connection",
        FAILS,
        sse_response(HEL, LO, framing="close"),
        ends_in_error(),
    ),
    Row(
        "EOF inside an event",
        FAILS,
        sse_response(HEL, LO, b'data: {"id": "chatcmpl-1", "choi'),
        ends_in_error(),
    ),
    Row(
        "hung up inside a chunk of the HTTP body",
        FAILS,
        [Send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % 9999), Send(HEL + LO), Close()],
        ends_in_error(),
    ),
    Row(
        "hung up between chunks of the HTTP body",
        FAILS,
        [*sse_response(HEL, LO)[:-1], Close()],
        ends_in_error(),
    ),
    Row(
        "shorter than its Content-Length",
        FAILS,
        [Send(HEAD + b"Content-Length: 9999\r\n\r\n"), Send(HEL + LO), Close()],
        ends_in_error(),
    ),
    Row("reset (RST) in the text", "an error", sse_response(HEL, LO, Reset()), ends_in_error(None)),
    Row("hung up instead of an answer", "an error", [Close()], ends_in_error("")),
    Row("empty body with status 200", "an error", response(200, EVENTS), ends_in_error("")),
    Row(
        "an HTML page with status 200",
        "an error",
        response(200, {"Content-Type": "text/html"}, b"<html><body>Log in</body></html>"),
        ends_in_error(""),
    ),
    Row(
        "`[DONE]` without a finish reason",
        "the answer",
        sse_response(HEL, LO, DONE),
        answers(),
    ),
    Row(
        "a finish reason without `[DONE]`",
        "the answer",
        sse_response(HEL, LO, STOP),
        answers(),
    ),
    Row(
        "`[DONE]` without an end of line",
        "the answer",
        sse_response(HEL, LO, STOP, b"data: [DONE]"),
        answers(),
    ),
    Row(
        "agent: a whole call",
        "it runs",
        sse_response(_call(WHOLE), delta({}, "tool_calls"), DONE),
        runs("add 1 2"),
        kind="run",
    ),
    Row(
        "agent: EOF inside the arguments of a call",
        "it does not run",
        sse_response(_call(CUT)),
        never_runs(),
        kind="run",
    ),
    Row(
        "agent: EOF after the arguments of a call, without finish reason and `[DONE]`",
        "it does not run",
        sse_response(_call(WHOLE)),
        never_runs(),
        kind="run",
    ),
    Row(
        "agent: the token limit cut the arguments of a call",
        "it does not run",
        sse_response(_call(CUT), delta({}, "length"), DONE),
        never_runs(),
        kind="run",
    ),
)
