"""How far it has to go: the goal and the first bar of each figure, beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.results import Results
from benchmarks.stacks import OURS

__all__ = ["BARS", "Bar"]


class Bar(NamedTuple):
    """One figure that has to be at most, or at least, so much.

    Attributes:
        what: In words.
        measured: From the results; none if it was not.
        goal: To be reached.
        first: What must be held at any time.
        unit: Of all three.
        least: Whether more is better.
    """

    what: str
    measured: Callable[[Results], float | None]
    goal: float
    first: float
    unit: str = ""
    least: bool = False

    def verdict(self, results: Results) -> str:
        """`goal`, `first bar`, `missed`, or `not measured`."""
        value = self.measured(results)
        if value is None:
            return "not measured"
        sign = -1 if self.least else 1
        if value * sign <= self.goal * sign:
            return "goal"
        return "first bar" if value * sign <= self.first * sign else "missed"


def ratio(figure: str) -> Callable[[Results], float | None]:
    """Ours to the loop."""
    return lambda results: results.ratio(figure, OURS)


def value(figure: str) -> Callable[[Results], float | None]:
    return lambda results: results.value(figure, OURS)


def less_than(peer: str) -> Callable[[Results], float | None]:
    """How many times less ours takes in a burst."""

    def measured(results: Results) -> float | None:
        theirs, ours = (results.ratio("burst chat", name) for name in (peer, OURS))
        return theirs / ours if theirs and ours else None

    return measured


def added(figure: str) -> Callable[[Results], float | None]:
    """Ours less that of the loop directly before: the middle of the differences."""

    def measured(results: Results) -> float | None:
        ours = results.figures.get(figure, {}).get(OURS)
        if ours is None or not ours.ratios:
            return None
        pairs = zip(ours.values, ours.ratios, strict=True)
        return statistics.median(value - value / ratio for value, ratio in pairs)

    return measured


def failed(figure: str) -> Callable[[Results], float | None]:
    def measured(results: Results) -> float | None:
        found = results.figures.get(f"{figure}, failed", {}).get(OURS)
        return max(found.values) if found and found.values else None

    return measured


def size(place: int) -> Callable[[Results], float | None]:
    return lambda results: results.sizes[OURS][place] if OURS in results.sizes else None


BARS = (
    Bar("burst, chat: CPU, x the loop", ratio("burst chat"), 1.2, 2.0),
    Bar("burst, Responses: CPU, x the loop", ratio("burst responses"), 1.2, 2.0),
    Bar("burst, Anthropic: CPU, x the loop", ratio("burst anthropic"), 1.2, 2.0),
    Bar("burst, Gemini: CPU, x the loop", ratio("burst gemini"), 1.2, 2.0),
    Bar("TLS, a record per event: CPU, x the loop", ratio("tls"), 1.2, 2.0),
    Bar("burst: times less than openai `create`", less_than("openai create"), 11, 6, least=True),
    Bar("burst: times less than langchain", less_than("langchain-openai"), 17, 9, least=True),
    Bar("burst: times less than pydantic-ai", less_than("pydantic-ai"), 30, 18, least=True),
    Bar("burst: times less than litellm", less_than("litellm"), 65, 40, least=True),
    Bar("short stream: CPU, x the loop", ratio("short"), 1.3, 2.0),
    Bar("200 events a second: p50 over the loop", added("paced p50"), 60, 100, "µs"),
    Bar("200 events a second: p99 over the loop", added("paced p99"), 150, 300, "µs"),
    Bar("200 streams in threads: CPU, x the loop", ratio("200 at once"), 1.25, 2.0),
    Bar("1,000 streams at once: failed", failed("1,000 at once"), 0, 0),
    Bar("growth over 50,000 events", value("grow"), 1, 2, "MiB"),
    Bar("growth while the consumer stops", value("hold"), 1, 2, "MiB"),
    Bar("one event of 10 MB: CPU", value("huge"), 200, 400, "ms"),
    Bar("`import rig_sync`: CPU", value("import"), 40, 80, "ms"),
    Bar("the same with a client built: CPU", value("client"), 200, 300, "ms"),
    Bar("packages of the core", size(0), 9, 10),
    Bar("their size on the disk", size(1), 8, 10, "MiB"),
)
"""As they were set before the first line was written; ratios are medians of neighbouring pairs."""
