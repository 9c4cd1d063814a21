"""Errors that come with status 200, in every shape that servers have for them."""

from __future__ import annotations

import json

from tests.faults.torture.judging import reports
from tests.faults.torture.rows.base import HEL, LO, Row, chunk, frame
from tests.server import DONE, response, sse_response

__all__ = ["ROWS"]

SAID = "the model is overloaded"
RIGHT = "an exception of the SDK with the message, after the words"
ERROR = {"message": SAID, "type": "server_error", "code": "overloaded"}
FAILED = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]


def _after_words(name: str, *frames: bytes) -> Row:
    return Row(name, RIGHT, sse_response(HEL, LO, *frames), reports(SAID, "Hello"))


def _whole(name: str, status: int, payload: object) -> Row:
    script = response(status, {"Content-Type": "application/json"}, json.dumps(payload).encode())
    return Row(name, "an exception of the SDK with the message", script, reports(SAID))


ROWS = (
    _after_words('`data: {"error": {…}}`', frame({"error": ERROR})),
    _after_words('`data: {"error": {…}}`, then `[DONE]`', frame({"error": ERROR}), DONE),
    _after_words('`data: {"error": "…"}`, a string', frame({"error": SAID})),
    _after_words("`event: error` with an `error` key", b"event: error\n" + frame({"error": ERROR})),
    _after_words(
        "`event: error` without an `error` key", b"event: error\n" + frame({"message": SAID})
    ),
    _after_words("`event: error` with plain words", b"event: error\n" + frame(SAID)),
    _after_words(
        '`{"object": "error", …}` (vLLM)',
        frame({"object": "error", "message": SAID, "type": "ServerError", "code": 500}),
    ),
    _after_words(
        '`finish_reason: "error"` beside an `error` (OpenRouter)',
        frame(chunk(FAILED, error={"code": 502, "message": SAID})),
        DONE,
    ),
    Row(
        "an error with its status as the first event",
        "an exception of the SDK with the message",
        sse_response(frame({"error": {"message": SAID, "code": 429}})),
        reports(SAID),
    ),
    _whole("a JSON error instead of a stream, status 200", 200, {"error": ERROR}),
    _whole("a JSON error in a list, status 200 (Google)", 200, [{"error": ERROR}]),
    _whole("a JSON error with status 400", 400, {"error": ERROR}),
    _whole("a JSON error in a list, status 400 (Google)", 400, [{"error": ERROR}]),
)
