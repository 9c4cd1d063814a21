"""The good answers that are spoilt: those of the conformance suite, rarer ones, recorded ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

from rig_sync._json import compact
from rig_sync.limits import Limits
from rig_sync.transport.framing import FRAMINGS
from rig_sync.wire.base import Wire
from tests.faults.fuzz.rare import RARE
from tests.wire.aws_frames import aws_frame
from tests.wire.conformance.scenarios import suite, variants, wires
from tests.wire.corpus import read_corpus

__all__ = ["WIRES", "Piece", "Seeds", "recorded", "rendered", "seeds"]

WIRES: dict[str, Wire] = {name: suite(name).WIRE for name in wires()}
"""Those that have a conformance suite: all."""

PER_PROVIDER = 25
LARGEST = 60_000


class Piece(Struct):
    """One frame of a stream."""

    event: str
    data: str


class Seeds(Struct):
    """Good answers of one wire: streamed, whole, and errors."""

    streams: list[list[Piece]]
    bodies: list[str]


@cache
def seeds(wire: str) -> Seeds:
    """Those of our own making."""
    found = Seeds([], [])
    for entry in suite(wire).SCENES.values():
        for scene in variants(entry).values():
            found.streams.append(_frames(wire, scene.body))
            if scene.whole is not None:
                found.bodies.append(scene.whole.decode())
    rare = RARE[wire]
    found.streams += [[Piece(*frame) for frame in frames] for frames in rare.streams]
    found.bodies += map(compact, rare.bodies)
    return found


def recorded(folder: Path, wanted: Iterable[str]) -> Mapping[str, Seeds]:
    """Some of the recordings in `folder`, of each provider a few, by wire."""
    families = {name.replace("_", ".", 1): name for name in wanted}
    found: dict[str, Seeds] = defaultdict(lambda: Seeds([], []))
    taken: dict[tuple[str, str, bool], int] = defaultdict(int)
    for recording in read_corpus(folder, families)[0]:
        exchange = recording.exchange
        name = families[exchange.family]
        group = (name, exchange.provider, exchange.streaming)
        body = exchange.response.content
        if taken[group] >= PER_PROVIDER or len(body) > LARGEST or not body:
            continue
        taken[group] += 1
        if exchange.streaming and exchange.response.status < 300:
            found[name].streams.append(_frames(name, body))
        else:
            found[name].bodies.append(body.decode("utf-8", "replace"))
    return found


def _frames(wire: str, body: bytes) -> list[Piece]:
    limit = Limits().event_bytes
    frames = FRAMINGS[WIRES[wire].framing].cut([body], limit)
    return [Piece(frame.event, frame.data) for frame in frames]


def rendered(framing: str, frames: Iterable[Piece]) -> bytes:
    r"""The bytes that a server would send for `frames`.

    >>> rendered("sse", [Piece("a", "1"), Piece("message", "2")])
    b'event: a\ndata: 1\n\ndata: 2\n\n'
    """
    return b"".join(_rendered(framing, frame) for frame in frames)


def _rendered(framing: str, frame: Piece) -> bytes:
    data = frame.data.encode("utf-8", "replace")
    if framing == "ndjson":
        return data + b"\n"
    if framing == "aws":
        kind = "exception" if frame.event.endswith("Exception") else "event"
        return aws_frame({f":{kind}-type": frame.event, ":message-type": kind}, data)
    name = b"" if frame.event in ("message", "") else b"event: %b\n" % frame.event.encode()
    lines = (b"data: %b\n" % line for line in data.split(b"\n"))
    return name + b"".join(lines) + b"\n"
