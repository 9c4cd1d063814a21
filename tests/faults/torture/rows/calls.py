"""Tool calls, in pieces, as servers really send them."""

from __future__ import annotations

from typing import Any

from tests.faults.torture.judging import Judge, calls
from tests.faults.torture.rows.base import Row, delta
from tests.server import DONE, sse_response

__all__ = ["ROWS"]

LEFT_OUT = object()
ADD: tuple[str, dict[str, Any]] = ("add", {"x": 1, "y": 2})
SUB: tuple[str, dict[str, Any]] = ("sub", {"z": 3})
NOW: tuple[str, dict[str, Any]] = ("now", {})


def piece(
    index: object = 0,
    id: object = LEFT_OUT,
    name: object = LEFT_OUT,
    arguments: object = LEFT_OUT,
) -> dict[str, object]:
    """One entry of `tool_calls`."""
    inner = {"name": name, "arguments": arguments}
    function = {key: value for key, value in inner.items() if value is not LEFT_OUT}
    entry = {"index": index, "id": id, "function": function}
    if id is not LEFT_OUT:
        entry["type"] = "function"
    return {key: value for key, value in entry.items() if value is not LEFT_OUT}


def _row(
    name: str,
    *pieces: object,
    judge: Judge | None = None,
    right: str = "both calls",
    finish: str = "tool_calls",
) -> Row:
    """Each of `pieces` in a chunk of its own; a list of them in one."""
    fields = [one if isinstance(one, list) else [one] for one in pieces]
    frames = [delta({"role": "assistant", "content": None})]
    frames += [delta({"tool_calls": entries}) for entries in fields]
    script = sse_response(*frames, delta({}, finish), DONE)
    return Row(name, right, script, judge or calls(ADD, SUB), kind="tools")


def _alone(
    name: str, *pieces: object, is_: tuple[str, dict[str, Any]] = ADD, finish: str = "tool_calls"
) -> Row:
    return _row(name, *pieces, judge=calls(is_), right="the call", finish=finish)


X, Y, Z = '{"x": 1, ', '"y": 2}', '{"z": 3}'

ROWS = (
    _row(
        "as documented",
        piece(0, "a", "add", ""),
        piece(0, arguments=X),
        piece(0, arguments=Y),
        piece(1, "b", "sub", ""),
        piece(1, arguments=Z),
        judge=calls(ADD, SUB, ids=("a", "b")),
    ),
    _row(
        "two calls in one chunk",
        [piece(0, "a", "add", X + Y), piece(1, "b", "sub", Z)],
        judge=calls(ADD, SUB, ids=("a", "b")),
    ),
    _row(
        "pieces of two calls by turns",
        piece(0, "a", "add", X),
        piece(1, "b", "sub", '{"z"'),
        piece(0, arguments=Y),
        piece(1, arguments=": 3}"),
        judge=calls(ADD, SUB, ids=("a", "b")),
    ),
    _row(
        "no index",
        piece(LEFT_OUT, "a", "add", X),
        piece(LEFT_OUT, arguments=Y),
        piece(LEFT_OUT, "b", "sub", Z),
    ),
    _row("`index: null`", piece(None, "a", "add", X + Y), piece(None, "b", "sub", Z)),
    _row("one index, two ids", piece(0, "a", "add", X + Y), piece(0, "b", "sub", Z)),
    _row(
        "one index, two ids, one name, in pieces",
        piece(0, "a", "add", X),
        piece(0, arguments=Y),
        piece(0, "b", "add", ""),
        piece(0, arguments='{"x": 3, '),
        piece(0, arguments='"y": 4}'),
        judge=calls(ADD, ("add", {"x": 3, "y": 4})),
    ),
    _row(
        "one index, no ids, two names",
        piece(0, LEFT_OUT, "add", X + Y),
        piece(0, LEFT_OUT, "sub", Z),
    ),
    _row("the first index is 1", piece(1, "a", "add", X + Y), piece(2, "b", "sub", Z)),
    _alone("the id is missing", piece(0, LEFT_OUT, "add", X + Y)),
    _alone("`id: null`", piece(0, None, "add", X + Y)),
    _alone('`id: ""`', piece(0, "", "add", X + Y)),
    _row(
        "both calls have the same id",
        piece(0, "a", "add", X + Y),
        piece(1, "a", "sub", Z),
    ),
    _alone("the id changes from piece to piece", piece(0, "a", "add", X), piece(0, "b", None, Y)),
    _alone("id and name in every piece", piece(0, "a", "add", X), piece(0, "a", "add", Y)),
    _alone('later pieces say `name: ""`', piece(0, "a", "add", X), piece(0, "", "", Y)),
    _alone("`arguments` is an object", piece(0, "a", "add", {"x": 1, "y": 2})),
    _alone('`arguments: ""`', piece(0, "a", "now", ""), is_=NOW),
    _alone("`arguments: null`", piece(0, "a", "now", None), is_=NOW),
    _alone("no `arguments`", piece(0, "a", "now"), is_=NOW),
    _alone('`finish_reason: "stop"` after a call', piece(0, "a", "add", X + Y), finish="stop"),
    Row(
        "`tool_calls` is an object, not a list",
        "the call",
        sse_response(
            delta({"tool_calls": piece(0, "a", "add", X + Y)}), delta({}, "tool_calls"), DONE
        ),
        calls(ADD),
        kind="tools",
    ),
)
