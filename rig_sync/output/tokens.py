"""The patterns by which `PartialJson` reads, as bound methods: each takes the text and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from json import loads
from typing import Final, cast

from rig_sync._json import Json

__all__ = [
    "KEPT_WHOLE",
    "NUMBER",
    "WORDS",
    "body",
    "cut_item",
    "cut_member",
    "digits",
    "ends_in_high_half",
    "item",
    "member",
    "open_escape",
    "skip",
    "text_member",
    "unescaped",
]

KEPT_WHOLE: Final = 200
"""A cut token of fewer characters is kept, and read again with the next delta."""

WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}

_WS = r"[ \t\n\r]*"
_PLAIN = r'[^"\\\x00-\x1f]*'
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_ENDS = r"(?=[ \t\n\r,\]}])"  # else more digits may follow
# groups: a string without escapes, an integer, its fraction, something else, the mark after it
_VALUE = (
    rf'(?:"({_PLAIN})"|'
    rf"({_INTEGER})((?:\.[0-9]{{1,99}})?(?:[eE][-+]?[0-9]{{1,9}})?){_ENDS}|"
    rf"(true|false|null|[\[{{])){_WS}([,\]}}]?)"
)
_CUT = r"(?:[-+.eE0-9]*|t|tr|tru|f|fa|fal|fals|n|nu|nul)"
_BLANKS = frozenset(" \t\n\r")

item = re.compile(rf"{_WS}(){_VALUE}").match  # its first group is where a member has the key
member = re.compile(rf'{_WS}"({_PLAIN})"{_WS}:{_WS}{_VALUE}').match
text_member = re.compile(rf'"({_PLAIN})"{_WS}:{_WS}"').match
cut_item = re.compile(_CUT).fullmatch
cut_member = re.compile(rf'"{_PLAIN}(?:"{_WS}(?::{_WS}{_CUT})?)?').fullmatch
open_escape = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?").fullmatch
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

_Match = Callable[[str, int], re.Match[str]]
# these match everywhere, if only nothing
_blank = cast("_Match", re.compile(_WS).match)
digits = cast("_Match", re.compile(r"[-+.eE0-9]*").match)
body = cast(
    "_Match", re.compile(rf'{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*').match
)
_high_half = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}").fullmatch
_lone = re.compile("[\ud800-\udfff]")


def skip(text: str, pos: int) -> int:
    r"""Where the blanks from `pos` on end.

    >>> skip("a \n b", 1)
    4
    """
    return _blank(text, pos).end() if text[pos : pos + 1] in _BLANKS else pos


def unescaped(raw: str) -> str:
    r"""The text of what stands between quotes; half a surrogate pair becomes U+FFFD.

    >>> unescaped(r"a\n\ud83d\ude00\ud83d")
    'a\n😀�'
    """
    return _lone.sub("\ufffd", loads(f'"{raw}"')) if "\\" in raw else raw


def ends_in_high_half(text: str, pos: int, end: int) -> bool:
    r"""Whether an escape of half a pair ends at `end`, whose other half may follow.

    >>> ends_in_high_half(r"\ud83d", 0, 6), ends_in_high_half(r"\\ud83d", 0, 7)
    (True, False)
    """
    begin = end - 6
    if begin < pos or text[begin] != "\\" or not _high_half(text, begin, end):
        return False
    before = text[pos:begin]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0
