"""Where servers put the usage of a stream, and what they put there."""

from __future__ import annotations

from tests.faults.torture.judging import counts
from tests.faults.torture.rows.base import HEL, LO, STOP, USAGE, Row, chunk, delta, frame
from tests.server import DONE, sse_response

__all__ = ["ROWS"]

RIGHT = "3 in, 2 out"
LAST = dict(USAGE)


def _usage(out: int) -> dict[str, int]:
    return {"prompt_tokens": 3, "completion_tokens": out, "total_tokens": 3 + out}


ROWS = (
    Row(
        "in a chunk of its own with `choices: []`",
        RIGHT,
        sse_response(HEL, LO, STOP, frame(chunk([], usage=LAST)), DONE),
        counts(3, 2),
    ),
    Row(
        "on the chunk with the finish reason",
        RIGHT,
        sse_response(HEL, LO, delta({}, "stop", usage=LAST), DONE),
        counts(3, 2),
    ),
    Row(
        "on the last chunk with words, `null` on the others",
        RIGHT,
        sse_response(
            HEL, delta({"content": "lo"}, usage=LAST), delta({}, "stop", usage=None), DONE
        ),
        counts(3, 2),
    ),
    Row(
        "on every chunk, as counted so far",
        RIGHT,
        sse_response(
            delta({"content": "Hel"}, usage=_usage(1)),
            delta({"content": "lo"}, usage=_usage(2)),
            delta({}, "stop", usage=LAST),
            frame(chunk([], usage=LAST)),
            DONE,
        ),
        counts(3, 2),
    ),
    Row(
        "in a chunk with `choices: null`",
        RIGHT,
        sse_response(HEL, LO, STOP, frame(chunk(None, usage=LAST)), DONE),
        counts(3, 2),
    ),
    Row(
        "in a chunk without `[DONE]` behind it",
        RIGHT,
        sse_response(HEL, LO, STOP, frame(chunk([], usage=LAST))),
        counts(3, 2),
    ),
    Row("none at all", "no numbers", sse_response(HEL, LO, STOP, DONE), counts(None, None)),
)
