"""What is measured of each stack."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.feeds import ARGUMENT, LETTERS, Feed
from benchmarks.stacks import LOOP, OURS, Stack

__all__ = ["CASES", "QUICK", "Case"]

OBJECTS = ("calls", "json")  # kinds of feeds that are one object, cut into pieces

Figures = dict[str, float]


class Case(NamedTuple):
    """One kind of load.

    Attributes:
        name: For the command line.
        measure: Of `benchmarks.worker`.
        feed: What the server sends.
        figures: What is made of a worker's answer, by the name of each figure.
        times: Streams, or what the measure says.
        tls: Over TLS.
        function: Of the stack's module, instead of its own.
        only: Names of stacks; empty is all that read the feed's wire.
        fresh: A process of its own for each round, for the memory of one before would hide some.
        rounds: Part of the rounds that are asked for.
    """

    name: str
    measure: str
    feed: Feed
    figures: Callable[[Mapping[str, Any]], Figures]
    times: int = 1
    tls: bool = False
    function: str = ""
    only: tuple[str, ...] = ()
    fresh: bool = False
    rounds: float = 1.0

    @property
    def letters(self) -> int:
        """What comes out of one stream."""
        if self.feed.kind in OBJECTS:
            return (self.feed.pieces - 2) * ARGUMENT
        return self.feed.pieces * (1 if self.feed.kind == "huge" else LETTERS)

    @property
    def warm(self) -> Feed:
        """A short stream of its kind, which is read before anything is measured."""
        kind = self.feed.kind if self.feed.kind in OBJECTS else "burst"
        return Feed(self.feed.wire, kind, 20)

    def concerns(self, stack: Stack) -> bool:
        """Whether a stack is measured."""
        return stack.wire == self.feed.wire and (not self.only or stack.name in self.only)


def per_event(name: str) -> Callable[[Mapping[str, Any]], Figures]:
    """CPU microseconds per piece of text, and how often a thread slept in a thousand."""

    def figures(answer: Mapping[str, Any]) -> Figures:
        pieces = max(1, answer["pieces"])
        found = {name: answer["cpu"] / pieces * 1e6}
        if "switches" in answer:
            found[f"{name}, sleeps"] = answer["switches"] / pieces * 1e3
        return found

    return figures


def at_once(name: str) -> Callable[[Mapping[str, Any]], Figures]:
    """The same, and how many of the streams failed."""
    events = per_event(name)
    return lambda answer: {**events(answer), f"{name}, failed": answer["failed"]}


def each(name: str, streams: int = 1) -> Callable[[Mapping[str, Any]], Figures]:
    """CPU milliseconds per stream."""
    return lambda answer: {name: answer["cpu"] / streams * 1e3}


def delays(answer: Mapping[str, Any]) -> Figures:
    """The middle of them, and the one in a hundred."""
    cuts = statistics.quantiles(answer["late"], n=100)
    return {"paced p50": cuts[49], "paced p99": cuts[98]}


def first(answer: Mapping[str, Any]) -> Figures:
    return {"first": statistics.median(answer["first"])}


def grown(name: str) -> Callable[[Mapping[str, Any]], Figures]:
    return lambda answer: {name: answer["grown"]}


BOTH = (LOOP, OURS)
FEW = (*BOTH, "openai create")  # the others take minutes
EVENTS = 10_000
SHORT = Feed("chat", "burst", 20)
PACED = Feed("chat", "paced", 420, 200)
SLOW = Feed("chat", "paced", 30, 5)
LONG = Feed("chat", "burst", 50_000)
POURED = Feed("chat", "endless", 1)
HUGE = Feed("chat", "huge", 10_000_000)
CALLS = Feed("chat", "calls", 20_000)
GROWING = Feed("chat", "json", 20_000)
WRITES = Feed("chat", "writes", EVENTS)
PART = Feed("chat", "burst", 250)


def _burst(wire: str) -> Case:
    figures = per_event(f"burst {wire}")
    return Case(f"burst-{wire}", "streams", Feed(wire, "burst", EVENTS), figures)


def _threads(count: int) -> Case:
    name = f"{count} at once"
    return Case(name.replace(" ", "-"), "threads", PART, at_once(name), count, rounds=0.4)


CASES = (
    *map(_burst, ("chat", "responses", "anthropic", "gemini")),
    Case("writes", "streams", WRITES, per_event("writes")),
    Case("tls", "streams", WRITES, per_event("tls"), tls=True),
    Case("short", "streams", SHORT, each("short", 50), 50),
    Case("short-tls", "streams", SHORT, each("short tls", 50), 50, tls=True, only=BOTH),
    Case("first", "first", SHORT, first, 50),
    Case("paced", "late", PACED, delays),
    _threads(50),
    _threads(200),
    Case("1000", "threads", SLOW, at_once("1,000 at once"), 1000, only=FEW, rounds=0.4),
    Case("grow", "grow", LONG, grown("grow"), fresh=True, rounds=0.2),
    Case("hold", "hold", POURED, grown("hold"), 100, fresh=True, rounds=0.2),
    Case("huge", "streams", HUGE, each("huge"), rounds=0.4),
    Case("calls", "streams", CALLS, each("calls"), function="calls", only=BOTH),
    Case("typed", "streams", GROWING, each("typed"), function="typed", only=BOTH),
)

QUICK = ("burst-chat", "short", "paced")
"""Enough to see whether everything runs."""
