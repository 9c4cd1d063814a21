"""Texts as they are compared when clients and recorders have changed them a little."""

from __future__ import annotations

import re

__all__ = ["folded", "packed", "without_thoughts"]

TYPOGRAPHIC = {
    **dict.fromkeys("\u2018\u2019\u201c\u201d\"'`", "'"),
    "\u2013": "-",
    "\u2014": "--",
    "\u2026": "...",
}
_TABLE = str.maketrans(TYPOGRAPHIC)
_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)


def packed(text: str) -> str:
    """`text` without its white space.

    >>> packed(" a b")
    'ab'
    """
    return "".join(text.split())


def folded(text: str) -> str:
    """`text` without white space, and with one kind of quotation marks, dashes and dots.

    >>> folded('"Yes" - `no`')
    "'Yes'-'no'"
    """
    return packed(text.translate(_TABLE))


def without_thoughts(text: str) -> str:
    """`text` without what stands between `<think>` tags.

    >>> without_thoughts("<think>Well.</think>Yes")
    'Yes'
    """
    return _THOUGHTS.sub("", text)
