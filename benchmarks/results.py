"""What came out of a run: values, and ratios to the loop that ran directly before."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from benchmarks.venvs import Size

__all__ = ["Results", "Series", "Spread", "spread"]


class Series(msgspec.Struct):
    """A figure of one stack.

    Attributes:
        values: One per round.
        ratios: To the loop, which ran directly before; none for the loop itself.
        error: Why there are no values.
    """

    values: list[float] = msgspec.field(default_factory=list)
    ratios: list[float] = msgspec.field(default_factory=list)
    error: str = ""


class Spread(msgspec.Struct, frozen=True):
    """The middle half of some values."""

    low: float
    middle: float
    high: float


class Results(msgspec.Struct):
    """Everything that `results.json` holds.

    Attributes:
        date: Of the run.
        machine: Processor, cores, system, Python.
        rounds: As asked for.
        versions: By the name of the stack.
        figures: By the name of the figure, then of the stack.
        server: Microseconds per event, wall, that a loop which only receives took.
        sizes: Packages, and MiB, by the name of the stack.
        stalled: MB that the server could send to one that had stopped reading.
    """

    date: str
    machine: str
    rounds: int
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    figures: dict[str, dict[str, Series]] = msgspec.field(default_factory=dict)
    server: dict[str, float] = msgspec.field(default_factory=dict)
    sizes: dict[str, Size] = msgspec.field(default_factory=dict)
    stalled: dict[str, float] = msgspec.field(default_factory=dict)

    def series(self, figure: str, stack: str) -> Series:
        """Where its values go."""
        return self.figures.setdefault(figure, {}).setdefault(stack, Series())

    def value(self, figure: str, stack: str) -> float | None:
        """The median, if there is one."""
        found = self.figures.get(figure, {}).get(stack)
        return statistics.median(found.values) if found and found.values else None

    def ratio(self, figure: str, stack: str) -> float | None:
        """The median of the ratios to the loop."""
        found = self.figures.get(figure, {}).get(stack)
        return statistics.median(found.ratios) if found and found.ratios else None


def spread(values: Sequence[float]) -> Spread:
    """Their quartiles; of a single one, itself.

    >>> spread([1.0, 2.0, 3.0]), spread([5.0])
    (Spread(low=1.5, middle=2.0, high=2.5), Spread(low=5.0, middle=5.0, high=5.0))
    """
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))
