"""What was measured, in figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from tests.faults.vitals import Vitals

__all__ = ["PANELS", "Sample", "Spread", "Windows", "report", "unsteady", "windows"]

PANELS = {"threads": "threads", "fds": "open descriptors", "rss": "resident memory (KiB)"}
"""The measured fields of `Vitals`, and what they are called."""

WINDOW = 600.0
WARM_UP = 300.0


class Sample(Struct, frozen=True):
    """One look at the process, so many seconds after the start."""

    at: float
    vitals: Vitals


class Spread(Struct, frozen=True):
    """The least, the middle and the most of several values."""

    least: float
    middle: float
    most: float


class Windows(Struct, frozen=True):
    """The samples that are compared: those after the warm-up, and the last ones."""

    first: Sequence[Sample]
    last: Sequence[Sample]


def windows(samples: Sequence[Sample]) -> Windows:
    """Ten minutes each after five of warm-up; of a shorter run a quarter each, after an eighth."""
    total = samples[-1].at
    warm, length = min(WARM_UP, total / 8), min(WINDOW, total / 4)
    first = [one for one in samples if warm <= one.at <= warm + length]
    return Windows(first, [one for one in samples if one.at >= total - length])


def spread(samples: Sequence[Sample], field: str) -> Spread:
    """The spread of one field.

    >>> spread([Sample(0.0, Vitals(1, 5, 9)), Sample(1.0, Vitals(3, 5, 9))], "threads")
    Spread(least=1, middle=2.0, most=3)
    """
    values = [getattr(one.vitals, field) for one in samples]
    return Spread(min(values), median(values), max(values))


def unsteady(compared: Windows, bounds: Mapping[str, float]) -> list[str]:
    """What grew by more than its bound between the two windows' medians, in words."""
    found = []
    for field, bound in bounds.items():
        first = spread(compared.first, field).middle
        last = spread(compared.last, field).middle
        if last - first > bound:
            found.append(f"{PANELS[field]}: {first:,.0f} and then {last:,.0f}")
    return found


def report(how: str, plot: str, compared: Windows, endings: Mapping[str, int], verdict: str) -> str:
    """The page on one run, in Markdown.

    Args:
        how: What was run, where.
        plot: The name of the plot's file.
        compared: The two windows.
        endings: How many streams ended in which shape.
        verdict: The last line of the command.
    """
    minutes = [(one[0].at / 60, one[-1].at / 60) for one in (compared.first, compared.last)]
    heads = [f"minutes {begin:.0f} to {end:.0f}" for begin, end in minutes]
    lines = ["# An hour's soak" if minutes[1][1] > 59 else "# A soak", "", how, ""]
    lines += [f"![Threads, descriptors and memory over time]({plot})", ""]
    lines += [f"| least / median / most | {heads[0]} | {heads[1]} |", "|---|---|---|"]
    for field, name in PANELS.items():
        cells = [_cell(spread(one, field)) for one in (compared.first, compared.last)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    lines += ["", "| the stream ended | streams |", "|---|---|"]
    lines += [f"| {kind} | {number:,} |" for kind, number in endings.items()]
    return "\n".join([*lines, "", f"Its last line: `{verdict}`", ""])


def _cell(values: Spread) -> str:
    return f"{values.least:,.0f} / {values.middle:,.0f} / {values.most:,.0f}"
