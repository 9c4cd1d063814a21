"""JSON as it comes: a parser that is fed pieces of a text and shows what is there so far.

A model's answer arrives in thousands of deltas, and parsing the whole again at each would be
quadratic. `PartialJson` reads every character once. What it hands out are snapshots that cost as
much as the path to the place where the text stands; the value of one is built when it is asked for.

What is visible only ever grows: strings get longer, lists and objects get more entries. A key is
visible once its value begins; numbers, true, false and null once they are whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rig_sync._json import Json
from rig_sync.output import tokens
from rig_sync.output.snapshot import Container, Log, Node, OpenString, Partial
from rig_sync.output.tokens import item, member

__all__ = ["MAX_DEPTH", "PartialJson"]

MAX_DEPTH: Final = 200
"""Objects and lists inside each other; a text that goes deeper is broken."""


class PartialJson:
    r"""Reads one JSON value from pieces of text, cut anywhere.

    `feed` never raises: at text that is no JSON the value stops growing, and `broken` says why. A
    key that comes twice keeps its first value here (a parser of the whole takes the last). Half a
    surrogate pair becomes U+FFFD.

    Args:
        find: Skip prose and fences before the first object, and ignore what follows its end.

    Attributes:
        broken: What is wrong with the text, and where; None as long as nothing is.
        complete: The value is whole.

    Threads: for one at a time, and so are its snapshots.

    >>> answer = PartialJson()
    >>> [piece and piece.value for piece in map(answer.feed, ('{"a', '": "x', '\\', 'ny", "b": 1'))]
    [{}, {'a': 'x'}, None, {'a': 'x\ny'}]
    >>> answer.feed("2}").value, answer.complete
    ({'a': 'x\ny', 'b': 12}, True)
    """

    def __init__(self, *, find: bool = False) -> None:
        self.broken: str | None = None
        self.complete = False
        self._ending = False  # complete, and no snapshot said so yet
        self._state: _State = _seek if find else _value
        self._trailing = find
        self._open: list[Container] = [[]]  # the outermost list holds the root
        self._nodes: list[Node | None] = [None]
        self._key = ""
        self._hidden = 0  # how many containers are seen, when a key came twice; else 0
        self._seen: Log = []
        self._log = self._seen
        self._rest = ""
        self._at = 0
        self._string = OpenString()
        self._string_is_key = False  # else it is a value
        self._string_is_seen = False
        self._place: tuple[Node | None, str | int] = (None, 0)  # of the open string
        self._number: list[str] = []

    def feed(self, text: str) -> Partial | None:
        """Read on; a snapshot when something became visible or grew, else None."""
        if self.broken is not None or (self.complete and self._trailing):
            return None
        if self._rest:
            text, self._rest = self._rest + text, ""
        pos, size = 0, len(text)
        while pos < size:
            pos = self._state(self, text, pos)
        self._at += size - len(self._rest)
        return self._snapshot()

    def finish(self) -> Partial | None:
        """Say that no more comes: a number at the root ends here, and what is open is broken.

        >>> number = PartialJson()
        >>> number.feed("12"), number.finish().value
        (None, 12)
        """
        if self.broken is None and not self.complete:
            if self._state is _in_number and len(self._open) == 1:
                _end_number(self)
            else:
                self.broken = "the text ends before the JSON does"
        return self._snapshot()

    def _snapshot(self) -> Partial | None:
        log = self._seen
        if not log and not self._ending:
            return None
        self._ending = False
        seen = self._open[: self._hidden or None]
        string = self._string if self._string_is_seen else None
        count = 0 if string is None else len(string.pieces)
        partial = Partial(self.complete, seen, [*map(len, seen)], string, count, [*log])
        log.clear()
        return partial

    def _break(self, what: str, text: str, pos: int) -> int:
        """Stop for good; returns the end of `text`, as the states do when they need more."""
        self.broken = f"{what}, found {text[pos : pos + 1]!r} at character {self._at + pos}"
        return len(text)

    def _wait(self, text: str, pos: int) -> int:
        """Keep what begins at `pos`, a few characters, until more comes."""
        self._rest = text[pos:]
        return len(text)

    def _put(self, value: Json, delta: str | None) -> bool:
        """Add a value where one is due; False when its key came before, and it is dropped."""
        top = self._open[-1]
        key: str | int
        if isinstance(top, list):
            key = len(top)
            top.append(value)
        elif self._key in top:
            return False
        else:
            key = self._key
            top[key] = value
        self._log.append((self._nodes[-1], key, delta))
        return True

    def _push(self, bracket: str, pos: int) -> int:
        """Go into the container that `bracket` opens; `pos` is behind it."""
        if len(self._open) > MAX_DEPTH:
            self._state = _too_deep
            return pos - 1
        container: Container = [] if bracket == "[" else {}
        if not self._put(container, None) and not self._hidden:
            self._hidden = len(self._open)
            self._log = []
        above = self._open[-1]
        key = len(above) - 1 if isinstance(above, list) else self._key
        self._nodes.append((self._nodes[-1], key))
        self._open.append(container)
        self._state = _first
        return pos

    def _pop(self) -> None:
        self._open.pop()
        self._nodes.pop()
        if len(self._open) == self._hidden:
            self._hidden = 0
            self._log = self._seen
        self._close_value()

    def _close_value(self) -> None:
        self._state = _after_value
        if len(self._open) == 1:
            self.complete = self._ending = True
            self._state = _ended


# A state reads from `pos` and returns where it stopped; the end of `text` when it needs more.
_State = Callable[[PartialJson, str, int], int]


def _seek(self: PartialJson, text: str, pos: int) -> int:
    """Prose before the first object."""
    found = text.find("{", pos)
    if found < 0:
        return len(text)
    self._state = _seek_inside
    return found + 1


def _seek_inside(self: PartialJson, text: str, pos: int) -> int:
    """After a brace in prose: an object's, when a key or its end follows."""
    pos = tokens.skip(text, pos)
    if pos < len(text):
        if text[pos] not in '"}':
            self._state = _seek
            return pos
        self._push("{", pos)
    return pos


def _value(self: PartialJson, text: str, pos: int) -> int:
    """At the root or after a colon."""
    pos = tokens.skip(text, pos)
    return pos if pos == len(text) else _begin(self, text, pos)


def _first(self: PartialJson, text: str, pos: int) -> int:
    """After the start of a container: its end, or an entry."""
    pos = tokens.skip(text, pos)
    if pos < len(text):
        if text[pos] == ("]" if type(self._open[-1]) is list else "}"):
            self._pop()
            return pos + 1
        self._state = _entries
    return pos


def _entries(self: PartialJson, text: str, pos: int) -> int:
    """Where an item or a key is due; takes as much as there are whole entries."""
    top, node, log = self._open[-1], self._nodes[-1], self._log
    match = item if isinstance(top, list) else member
    empty = False
    while found := match(text, pos):
        key, string, integer, fraction, other, mark = found.groups()
        moved = True
        if other == "[" or other == "{":
            self._key = key
            pos = self._push(other, found.end(5))
            empty = True
        else:
            value = string
            if integer is not None:
                value = float(integer + fraction) if fraction else int(integer)
            elif string is None:
                value = tokens.WORDS[other]
            if isinstance(top, list):
                log.append((node, len(top), string))
                top.append(value)
            elif key not in top:
                log.append((node, key, string))
                top[key] = value
            pos = found.end()
            empty = False
            if moved := mark != ",":
                self._state = _after_value
                pos = _after_value(self, text, pos - len(mark))
        if moved:
            if self._state is not _entries and self._state is not _first:
                return pos
            top, node, log = self._open[-1], self._nodes[-1], self._log
            match = item if isinstance(top, list) else member
    if empty:
        return pos  # to see whether it ends right away
    self._state = _entries
    return _cut_entry(self, text, tokens.skip(text, pos), isinstance(top, list))


def _cut_entry(self: PartialJson, text: str, pos: int, in_list: bool) -> int:
    """An entry that is not whole, or has escapes."""
    if pos == len(text):
        return pos
    cut = tokens.cut_item if in_list else tokens.cut_member
    if len(text) - pos <= tokens.KEPT_WHOLE and cut(text, pos):
        return self._wait(text, pos)
    if in_list:
        return _begin(self, text, pos)
    found = tokens.text_member(text, pos)
    if found is None:
        return _begin_key(self, text, pos)
    self._key = found[1]
    return _begin(self, text, found.end() - 1)


def _too_deep(self: PartialJson, text: str, pos: int) -> int:
    return self._break(f"expected at most {MAX_DEPTH} levels", text, pos)


def _begin_key(self: PartialJson, text: str, pos: int) -> int:
    if text[pos] != '"':
        return self._break("expected a key in double quotes", text, pos)
    self._string = OpenString()
    self._string_is_key = True
    self._state = _in_string
    return pos + 1


def _colon(self: PartialJson, text: str, pos: int) -> int:
    pos = tokens.skip(text, pos)
    if pos == len(text):
        return pos
    if text[pos] != ":":
        return self._break("expected a colon", text, pos)
    self._state = _value
    return pos + 1


def _begin(self: PartialJson, text: str, pos: int) -> int:
    """At the first character of a value that may be cut."""
    first = text[pos]
    if first in "[{":
        return self._push(first, pos + 1)
    if first == '"':
        self._string = OpenString()
        self._string_is_key = False
        self._string_is_seen = self._put("", "") and not self._hidden
        if self._string_is_seen:
            node, key, _ = self._log[-1]
            self._place = (node, key)
        self._state = _in_string
        return pos + 1
    if first in "-0123456789":
        self._number = []
        self._state = _in_number
        return pos
    for word, value in tokens.WORDS.items():
        if text.startswith(word, pos):
            self._put(value, None)
            self._close_value()
            return pos + len(word)
        if word.startswith(text[pos:]):
            return self._wait(text, pos)
    return self._break("expected a value", text, pos)


def _in_string(self: PartialJson, text: str, pos: int) -> int:
    end = rest = tokens.body(text, pos).end()
    after = text[end : end + 1]
    if after != '"' and tokens.ends_in_high_half(text, pos, end):
        rest -= 6
    raw = text[pos:rest]
    if raw:
        piece = tokens.unescaped(raw)
        self._string.pieces.append(piece)
        if self._string_is_seen:
            self._log.append((*self._place, piece))
    if after == '"':
        _end_string(self)
        return end + 1
    if not after or tokens.open_escape(text, end):
        return self._wait(text, rest) if rest < len(text) else rest
    return self._break("expected a character of a string or an escape", text, end)


def _end_string(self: PartialJson) -> None:
    whole = self._string.text(len(self._string.pieces))
    if self._string_is_key:
        self._key = whole
        self._state = _colon
        return
    if self._string_is_seen:
        top = self._open[-1]
        if isinstance(top, list):
            top[-1] = whole
        else:
            top[self._key] = whole
    self._string_is_seen = False
    self._close_value()


def _in_number(self: PartialJson, text: str, pos: int) -> int:
    end = tokens.digits(text, pos).end()
    self._number.append(text[pos:end])
    if end < len(text):
        _end_number(self)
    return end if self.broken is None else len(text)


def _end_number(self: PartialJson) -> None:
    text = "".join(self._number)
    found = tokens.NUMBER.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        value = int(text) if found.lastindex is None else float(text)
    except ValueError:
        self.broken = f"expected a number, found {text[:40]} before character {self._at}"
        return
    self._put(value, None)
    self._close_value()


def _after_value(self: PartialJson, text: str, pos: int) -> int:
    """Where a comma or an end is due; takes all ends that follow each other."""
    while True:
        pos = tokens.skip(text, pos)
        mark = text[pos : pos + 1]
        end = "]" if isinstance(self._open[-1], list) else "}"
        if mark == ",":
            self._state = _entries
            return pos + 1
        if mark != end:
            break
        self._pop()
        pos += 1
        if self.complete:
            return pos
    return self._break(f"expected a comma or {end}", text, pos) if mark else pos


def _ended(self: PartialJson, text: str, pos: int) -> int:
    """After the root: blanks, or what `find` ignores."""
    end = tokens.skip(text, pos)
    if end < len(text) and not self._trailing:
        return self._break("expected no more after the end", text, end)
    return len(text)
