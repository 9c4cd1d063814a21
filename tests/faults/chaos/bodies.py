"""The bodies that are served: recorded ones, or those of our own scenes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from rig_sync.wire.base import Wire
from tests.wire.conformance.scenarios import suite, variants, wires
from tests.wire.corpus import read_corpus
from tests.wire.fidelity import WIRES as FAMILIES

__all__ = ["MEDIA_TYPES", "Body", "own_bodies", "recorded_bodies", "wires_by_name"]

LARGEST = 64 * 1024
"""Of larger bodies a stream would take longer than its deadline; nine of ten are smaller."""

MEDIA_TYPES = {
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "aws": "application/vnd.amazon.eventstream",
}


class Body(Struct, frozen=True):
    """One answer: `streamed`, or the JSON of a one-shot call.

    Attributes:
        name: Where it is from.
        wire: The name of its wire.
        framing: How that cuts streams.
        content: The bytes.
        streamed: Whether it is a stream.
    """

    name: str
    wire: str
    framing: str
    content: bytes
    streamed: bool = True


def wires_by_name() -> dict[str, Wire]:
    """Every wire, as it is without options."""
    return {name: suite(name).WIRE for name in wires()}


def recorded_bodies(folder: Path) -> list[Body]:
    """The recorded answers with a good status, of every family that has a wire."""
    return sorted(_recorded(folder), key=lambda body: (body.name, body.streamed))


def own_bodies() -> list[Body]:
    """Those of the conformance scenes, of every wire."""
    return list(_own())


def _recorded(folder: Path) -> Iterator[Body]:
    recordings, _ = read_corpus(folder, FAMILIES)
    for recording in recordings:
        exchange = recording.exchange
        content = exchange.response.content
        if exchange.response.status < 300 and 0 < len(content) <= LARGEST:
            wire = FAMILIES[exchange.family]("/chaos")
            name = f"{recording.name} [{recording.index}]"
            yield Body(name, wire.name, wire.framing, content, exchange.streaming)


def _own() -> Iterator[Body]:
    for wire in wires():
        stated = suite(wire)
        framing = stated.WIRE.framing
        for scenario, entry in stated.SCENES.items():
            for label, scene in variants(entry).items():
                name = f"{wire}: {scenario} {label}".strip()
                if scene.body:
                    yield Body(name, wire, framing, scene.body)
                if scene.whole:
                    yield Body(name, wire, framing, scene.whole, streamed=False)
