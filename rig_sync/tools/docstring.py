"""What a docstring tells about a function and its parameters (Google style)."""

from __future__ import annotations

import inspect
import re

__all__ = ["argument_descriptions", "first_paragraph"]

_SECTIONS = frozenset(("Args:", "Arguments:", "Parameters:"))
_HEADING = re.compile(r"(Args|Arguments|Parameters|Returns|Yields|Raises|Examples?|Notes?):$")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\(.*?\))?\s*:(?:\s+(?P<text>.*))?$")


def first_paragraph(docstring: str | None) -> str:
    """The docstring's first paragraph on one line; empty when there is none.

    >>> first_paragraph('''Add two
    ... numbers.
    ...
    ... Slowly.''')
    'Add two numbers.'
    """
    lines: list[str] = []
    for line in inspect.cleandoc(docstring or "").splitlines():
        if not line.strip() or _HEADING.match(line):
            break
        lines.append(line.strip())
    return " ".join(lines)


def argument_descriptions(docstring: str | None) -> dict[str, str]:
    """What the docstring's `Args:` section says of each parameter, on one line each.

    >>> argument_descriptions('''Add.
    ...
    ... Args:
    ...     a (int): The first,
    ...         never negative.
    ...     b: The second.
    ...
    ... Returns:
    ...     The sum.
    ... ''')
    {'a': 'The first, never negative.', 'b': 'The second.'}
    """
    pieces: dict[str, list[str]] = {}
    current: list[str] = []
    lines = _section(inspect.cleandoc(docstring or "").splitlines())
    margin = min((_indent(line) for line in lines), default=0)
    for line in lines:
        entry = _ENTRY.match(line.strip()) if _indent(line) == margin else None
        if entry is not None:
            current = pieces.setdefault(entry["name"], [])
        current.append((entry["text"] or "") if entry is not None else line.strip())
    texts = {name: " ".join(filter(None, texts)) for name, texts in pieces.items()}
    return {name: text for name, text in texts.items() if text}


def _section(lines: list[str]) -> list[str]:
    """The lines that belong to the `Args:` section, blank ones left out."""
    start = next((i for i, line in enumerate(lines) if line.rstrip() in _SECTIONS), len(lines))
    found: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and _indent(line) == 0:
            break
        if line.strip():
            found.append(line)
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
