"""The recordings that differ from what is expected of them, each with its cause.

An exception that is needed no longer counts as a difference, so that the table stays true.
"""

from __future__ import annotations

__all__ = ["EXCEPTIONS"]

EXCEPTIONS: dict[tuple[str, int], str] = {}
"""Name and index of the exchange -> why ours is right, or why it cannot be."""
