"""Tools that note that they ran."""

from __future__ import annotations

from rig_sync import tool

ran: list[tuple[int, int]] = []
"""Each call that ran, with its numbers; a test empties it first."""


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    ran.append((a, b))
    return a + b


@tool
def double(n: int) -> int:
    """Double a number."""
    ran.append((n, n))
    return 2 * n
