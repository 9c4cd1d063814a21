"""The wires, by group, in the order of the table."""

from __future__ import annotations

from tests.faults.torture.rows import callers, calls, ends, errors, frames, framing, silence, usage
from tests.faults.torture.rows.base import Row

__all__ = ["GROUPS", "ROWS"]

GROUPS: dict[str, tuple[Row, ...]] = {
    "Silence": silence.ROWS,
    "Ends": ends.ROWS,
    "Errors inside a 200": errors.ROWS,
    "Frames": frames.ROWS,
    "Framing": framing.ROWS,
    "Tool calls": calls.ROWS,
    "Usage": usage.ROWS,
    "Callers": callers.ROWS,
}

ROWS: tuple[Row, ...] = tuple(row for rows in GROUPS.values() for row in rows)
