"""Bars side by side on a logarithmic scale, as plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Row", "bars"]

WIDTH, LINE, LEFT, RIGHT, TOP = 760, 24, 170, 96, 44
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .title { font-weight: 600 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .bar { fill: #9aa7b2 }
  .ours { fill: #1769aa }
  .more { opacity: 0.45 }
  .back { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .grid { stroke: #444 } .ours { fill: #6cb6ff } .back { fill: #161b22 }
  }
"""


class Row(NamedTuple):
    """One bar.

    Attributes:
        name: At its left.
        value: Its length.
        more: A paler one goes on to here; 0 for none.
        ours: Drawn in colour.
    """

    name: str
    value: float
    more: float = 0.0
    ours: bool = False


def bars(title: str, unit: str, rows: Sequence[Row]) -> str:
    """The plot as the text of an SVG file; values are above 0."""
    low = 10 ** math.floor(math.log10(min(row.value for row in rows)))
    high = max(max(row.value, row.more) for row in rows)
    height = TOP + LINE * len(rows) + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="12" y="22">{escape(title)}, {escape(unit)}</text>',
        *_grid(low, high, height),
    ]
    for number, row in enumerate(rows):
        parts += _bar(row, TOP + LINE * number, low, high)
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float, low: float, high: float) -> float:
    room = WIDTH - LEFT - RIGHT
    return LEFT + room * math.log(value / low) / max(1e-9, math.log(high / low))


def _grid(low: float, high: float, height: int) -> Iterator[str]:
    value = low
    while value <= high:
        x = _x(value, low, high)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 24}"/>'
        yield f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{value:g}</text>'
        value *= 10


def _bar(row: Row, y: int, low: float, high: float) -> Iterator[str]:
    kind, end = ("bar ours" if row.ours else "bar"), _x(row.value, low, high)
    height, middle = LINE - 8, y + LINE / 2
    yield f'<text x="{LEFT - 8}" y="{middle:.1f}" text-anchor="end">{escape(row.name)}</text>'
    yield f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{height}"/>'
    words = f"{row.value:,.3g}"
    if row.more > row.value:
        further = _x(row.more, low, high)
        width = f'width="{further - end:.1f}" height="{height}"'
        yield f'<rect class="{kind} more" x="{end:.1f}" y="{y}" {width}/>'
        words, end = f"{words} / {row.more:,.3g}", further
    yield f'<text x="{end + 6:.1f}" y="{middle:.1f}">{words}</text>'
