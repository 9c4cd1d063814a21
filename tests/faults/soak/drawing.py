"""A plot of several panels over one time, as plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

__all__ = ["Panel", "plot", "ticks"]

WIDTH, HEIGHT = 760, 170  # of a panel, with its words
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 30, 26
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .title { font-weight: 600 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .line { fill: none; stroke: #1769aa; stroke-width: 1.5; stroke-linejoin: round }
  .back { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .grid { stroke: #444 } .line { stroke: #6cb6ff } .back { fill: #161b22 }
  }
"""


class Panel(Struct, frozen=True):
    """One curve: `values` over the times of the plot."""

    title: str
    values: Sequence[float]


def ticks(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to beyond `most`, about so many.

    >>> ticks(97), ticks(7), ticks(0)
    ([0.0, 25.0, 50.0, 75.0, 100.0], [0.0, 2.0, 4.0, 6.0, 8.0], [0.0, 1.0])
    """
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def plot(minutes: Sequence[float], panels: Sequence[Panel]) -> str:
    """The plot as the text of an SVG file; `minutes` rise."""
    height = HEIGHT * len(panels) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(minutes, panel, HEIGHT * number)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, height - 6, "minutes", "middle"))
    return "\n".join([*parts, "</svg>", ""])


def _panel(minutes: Sequence[float], panel: Panel, top: int) -> Iterator[str]:
    bottom, right = top + HEIGHT - BOTTOM, WIDTH - RIGHT
    marks, times = ticks(max(panel.values)), ticks(minutes[-1], 6)
    high, long = marks[-1], max(minutes[-1], 1e-9)

    def x(minute: float) -> float:
        return LEFT + (right - LEFT) * minute / long

    def y(value: float) -> float:
        return bottom - (bottom - top - TOP) * value / high

    yield _text(LEFT, top + 18, panel.title, "start", "title")
    for mark in marks:
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        yield _text(LEFT - 8, y(mark) + 4, f"{mark:,.0f}", "end")
    for time in times:
        if time <= long:
            yield _text(x(time), bottom + 16, f"{time:g}", "middle")
    points = zip(minutes, panel.values, strict=True)
    told = " ".join(f"{x(minute):.1f},{y(value):.1f}" for minute, value in points)
    yield f'<polyline class="line" points="{told}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "mark") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
