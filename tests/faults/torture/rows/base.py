"""One row of the table, and the pieces that chat wires are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.faults.torture.asking import DONE_WORDS, Kind
from tests.faults.torture.judging import Judge
from tests.server import DONE, Script, sse_response

__all__ = [
    "HEL",
    "LO",
    "PATIENT",
    "SHORT",
    "STOP",
    "USAGE",
    "Row",
    "body",
    "chunk",
    "delta",
    "frame",
    "second_turn",
]

SHORT = 2.0
PATIENT = 10.0


class Row(NamedTuple):
    """A wire, and what a client should make of it.

    Attributes:
        name: What is wrong with it.
        right: What should come of it, for the reader.
        script: What the server sends.
        judge: Whether it is right.
        kind: What the client is asked for.
        first: Seconds it is to wait for the first content.
        idle: Seconds it is to wait for more.
    """

    name: str
    right: str
    script: Script
    judge: Judge
    kind: Kind = "text"
    first: float = PATIENT
    idle: float = PATIENT


def chunk(choices: object, **more: object) -> dict[str, Any]:
    """A chunk as documented, around these choices."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "torture"}
    return {**head, "choices": choices, **more}


def delta(fields: object, finish: str | None = None, **more: object) -> bytes:
    """A frame with one choice; of a delta that is no object too."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return frame(chunk([choice], **more))


def frame(payload: object, line_end: str = "\n", start: str = "data: ") -> bytes:
    """An event; text goes as it is, all else as JSON."""
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return f"{start}{data}{line_end}{line_end}".encode("utf-8", "surrogatepass")


USAGE: Mapping[str, int] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HEL = delta({"role": "assistant", "content": "Hel"})
LO = delta({"content": "lo"})
STOP = delta({}, "stop")


def body(*frames: bytes) -> Script:
    """Those frames, ended as they should be."""
    return sse_response(*frames, STOP, DONE)


def second_turn() -> Script:
    """What an agent is told after the result of a tool."""
    return sse_response(delta({"role": "assistant", "content": DONE_WORDS}), STOP, DONE)
