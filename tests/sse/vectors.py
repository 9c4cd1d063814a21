"""Runs test vectors for server-sent events through `EventSource` in every feeding.

    python -m tests.sse.vectors FILE [--cuts N] [--seed S]

A vector passes when every feeding of its bytes gives what it expects: whole, in the vector's own
pieces, byte by byte, cut in two at every place, and cut at random places. FILE is a list of
`{name, chunks, expected, final_retry, final_last_event_id}`, where `chunks` is latin-1 text that
stands for bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from rig_sync.transport.sse import EventSource

DEFAULT_CUTS = 10_000


class Event(NamedTuple):
    """What an event has to be."""

    event: str
    data: str
    id: str = ""
    retry: int | None = None


class Outcome(NamedTuple):
    """What reading a body has to give."""

    events: tuple[Event, ...]
    retry: int | None = None
    last_event_id: str = ""


class Vector(NamedTuple):
    """One body and its outcome."""

    name: str
    chunks: tuple[bytes, ...]
    expected: Outcome

    @property
    def body(self) -> bytes:
        """All the bytes."""
        return b"".join(self.chunks)


class EventJson(TypedDict):
    """An expected event as the file has it."""

    event: str
    data: str
    id: str
    retry: int | None


class VectorJson(TypedDict):
    """A vector as the file has it."""

    name: str
    chunks: list[str]
    expected: list[EventJson]
    final_retry: int | None
    final_last_event_id: str


def load(path: Path) -> list[Vector]:
    """The vectors of `path`."""
    rows: list[VectorJson] = json.loads(path.read_text(encoding="utf-8"))
    return [_vector(row) for row in rows]


def _vector(row: VectorJson) -> Vector:
    events = tuple(Event(e["event"], e["data"], e["id"], e["retry"]) for e in row["expected"])
    outcome = Outcome(events, row["final_retry"], row["final_last_event_id"])
    return Vector(row["name"], tuple(c.encode("latin-1") for c in row["chunks"]), outcome)


def read(chunks: Iterable[bytes]) -> Outcome:
    """What `EventSource` makes of `chunks`."""
    source = EventSource(chunks)
    # `id` and `retry` as they are at that moment: nothing may be filled in later
    events = tuple(Event(e.event, e.data, e.id or "", e.retry) for e in source)
    return Outcome(events, source.retry, source.last_event_id)


def fixed_feedings(vector: Vector) -> Iterator[Sequence[bytes]]:
    """Whole, in the vector's own pieces, byte by byte, and cut in two at every place."""
    body = vector.body
    yield (body,)
    yield vector.chunks
    yield [body[i : i + 1] for i in range(len(body))]
    for cut in range(1, len(body)):
        yield body[:cut], body[cut:]


def random_feeding(body: bytes, rng: random.Random) -> list[bytes]:
    """`body` cut at up to twelve random places; empty pieces occur."""
    cuts = sorted(rng.randint(0, len(body)) for _ in range(rng.randint(1, 12)))
    return [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def failure(vector: Vector, cuts: int, rng: random.Random) -> str | None:
    """Why `vector` fails, or None when all the feedings and `cuts` random ones pass."""
    for feeding in fixed_feedings(vector):
        if (outcome := read(feeding)) != vector.expected:
            return _report(vector, feeding, outcome)
    for _ in range(cuts):
        feeding = random_feeding(vector.body, rng)
        if (outcome := read(feeding)) != vector.expected:
            return _report(vector, feeding, outcome)
    return None


def _report(vector: Vector, feeding: Sequence[bytes], outcome: Outcome) -> str:
    pieces = ascii(list(feeding))
    shown = pieces if len(pieces) <= 400 else f"{pieces[:400]}..."
    return f"{vector.name}: {shown}\n  expected {vector.expected!a}\n  got      {outcome!a}"


def run(vectors: Sequence[Vector], cuts: int = DEFAULT_CUTS, seed: int = 0) -> list[str]:
    """One report for each vector that fails; `cuts` random cuttings in all, shared out evenly."""
    rng = random.Random(seed)
    each, left_over = divmod(cuts, max(1, len(vectors)))
    shares = (each + (i < left_over) for i in range(len(vectors)))
    reports = (failure(v, share, rng) for v, share in zip(vectors, shares, strict=True))
    return [report for report in reports if report]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the vectors of one file; 0 when all of them pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.sse.vectors", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=Path)
    parser.add_argument("--cuts", type=int, default=DEFAULT_CUTS, help="random cuttings in all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    vectors = load(arguments.file)
    reports = run(vectors, arguments.cuts, arguments.seed)
    for report in reports:
        print(report)
    print(f"{len(vectors) - len(reports)} of {len(vectors)}")
    return 1 if reports or not vectors else 0


if __name__ == "__main__":
    sys.exit(main())
