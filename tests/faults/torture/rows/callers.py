"""What callers do: leave the loop (with the garbage collector off), stand in an event loop."""

from __future__ import annotations

from tests.faults.torture.judging import answers, lets_go
from tests.faults.torture.rows.base import HEL, LO, STOP, Row
from tests.server import DONE, Drip, Stall, sse_response

__all__ = ["ROWS"]

RIGHT = "nothing is raised, the connection is closed"

ROWS = (
    Row(
        "`break` while the server goes on",
        RIGHT,
        sse_response(HEL, Drip(LO, 0.05), Stall()),
        lets_go(),
        kind="leave",
    ),
    Row(
        "`break` while the server is silent",
        RIGHT,
        sse_response(HEL, Stall()),
        lets_go(),
        kind="leave",
    ),
    Row(
        "called inside a running event loop",
        "the answer",
        sse_response(HEL, LO, STOP, DONE),
        answers(),
        kind="loop",
    ),
)
