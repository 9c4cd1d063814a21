"""What of a JSON value was there at one moment, kept without copying it.

The tree of a `PartialJson` only grows, so a moment is told by how long each open container and the
open string were. `Partial` keeps those lengths and builds the value when asked.
"""

from __future__ import annotations

from copy import copy
from itertools import islice
from typing import TypeAlias

from msgspec import Struct

from rig_sync._json import Json

__all__ = ["Container", "Log", "Node", "OpenString", "Partial"]

Container: TypeAlias = "list[Json] | dict[str, Json]"
Key: TypeAlias = "str | int"
Node: TypeAlias = "tuple[Node | None, Key]"  # a path, from its end to the list around the root
Log: TypeAlias = "list[tuple[Node | None, Key, str | None]]"


class OpenString:
    """A string that grows; what was joined once is not joined again.

    >>> string = OpenString()
    >>> string.pieces += ["ab", "c", "d"]
    >>> string.text(2), string.text(3), string.text(1)
    ('abc', 'abcd', 'ab')
    """

    __slots__ = ("_joined", "_text", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._joined = 0
        self._text = ""

    def text(self, count: int) -> str:
        """The first `count` pieces in one."""
        if count < self._joined:
            return "".join(self.pieces[:count])
        if count > self._joined:
            self._text = "".join((self._text, *self.pieces[self._joined : count]))
            self._joined = count
        return self._text


class Partial(Struct, eq=False):
    """A JSON value as far as it had come at one moment; it stays what it is.

    `agent.stream_typed` yields one whenever more of the answer is there. Its `value` is JSON, not
    yet of the type asked for and not validated: an object is a dict of the keys that have begun,
    and only its open strings are cut. What is asked for as `list[str]` is a list here too, though
    the model gives it in an object.

    One that nobody looks into costs as much as the answer is deep there. Where an answer is long,
    look when you draw, not at each: `value` copies the open string and the open lists and dicts.

    >>> from rig_sync.output import PartialJson
    >>> partial = PartialJson().feed('{"name": "Ada", "tags": ["fir')
    >>> partial.value, partial.path, partial.delta, partial.complete
    ({'name': 'Ada', 'tags': ['fir']}, ('tags', 0), 'fir', False)
    >>> partial.pieces
    ((('name',), 'Ada'), (('tags', 0), 'fir'))
    """

    complete: bool
    """Whether the value is whole."""
    _open: list[Container]
    _lengths: list[int]
    _string: OpenString | None
    _count: int
    _log: Log
    _value: Json = None
    _under: str | None = None

    @property
    def value(self) -> Json:
        """The value so far; built at the first look, in time linear in what is open.

        What is closed in it is shared with later snapshots: copy it before you change it.
        """
        if self._open:
            text = None if self._string is None else self._string.text(self._count)
            self._value = _built(self._open, self._lengths, text)
            self._open, self._string = [], None
        return self._inner(self._value)

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it grew last, as keys and indices from the root."""
        if not self._log:
            return ()
        node, key, _ = self._log[-1]
        return self._inner_path(_path(node, key))

    @property
    def delta(self) -> str:
        """What a string at `path` grew by; empty when something else became visible."""
        return (self._log[-1][2] or "") if self._log else ""

    @property
    def pieces(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """Every string that grew since the snapshot before, in order: its path, and by what.

        Joined by path these are the strings of the whole value, however the text was cut.
        """
        return tuple(
            (self._inner_path(_path(node, key)), delta) for node, key, delta in self._log if delta
        )

    def under(self, key: str) -> Partial | None:
        """The same of what is under `key` of the root; None as long as nothing is.

        Where the root is no object, it is taken for what should be there.

        >>> from rig_sync.output import PartialJson
        >>> outer = PartialJson().feed('{"value": [1, 2, "thr')
        >>> outer.under("value")
        Partial([1, 2, 'thr'], path=(2,), complete=False)
        """
        if not self._has(key):
            return None
        inner = copy(self)
        inner._under = key
        return inner

    def _has(self, key: str) -> bool:
        """Whether there is something under `key`, or the root is no object."""
        if len(self._open) < 2:
            return not isinstance(self.value, dict) or key in self.value
        root = self._open[1]
        return not isinstance(root, dict) or key in islice(root, self._lengths[1])

    def _inner(self, value: Json) -> Json:
        if self._under is not None and isinstance(value, dict):
            return value.get(self._under)
        return value

    def _inner_path(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        return path[1:] if self._under is not None and path[:1] == (self._under,) else path

    def __repr__(self) -> str:
        return f"Partial({self.value!r}, path={self.path!r}, complete={self.complete!r})"


def _built(open_: list[Container], lengths: list[int], text: str | None) -> Json:
    """The value in the outermost list; the last entry of each is the next one."""
    inner: Json = text
    replace = text is not None
    for container, length in zip(reversed(open_), reversed(lengths), strict=True):
        if isinstance(container, list):
            entries = container[:length]
            if replace:
                entries[-1] = inner
            inner = entries
        else:
            members = dict(islice(container.items(), length))
            if replace:
                members[next(reversed(members))] = inner
            inner = members
        replace = True
    return inner[0] if isinstance(inner, list) else inner


def _path(node: Node | None, key: Key) -> tuple[str | int, ...]:
    found = [key]
    while node is not None:
        node, key = node
        found.append(key)
    return tuple(found[-2::-1])
