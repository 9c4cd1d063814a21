"""What a family has to tell about its requests, so that histories can be found and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from rig_sync._json import Json, JsonObject, parse
from rig_sync.message import BaseMessage

__all__ = [
    "Reader",
    "Said",
    "Turn",
    "canonical",
    "cut",
    "objects",
    "parts_of",
    "plain",
    "text_of",
    "without",
]

DETAILS: tuple[Literal["auto", "low", "high"], ...] = ("auto", "low", "high")


class Said(NamedTuple):
    """What a turn of the model says, to recognise it by.

    Attributes:
        ids: Of calls, as far as the family has ids.
        calls: Name and arguments of each.
        text: The words.
    """

    ids: frozenset[str] = frozenset()
    calls: tuple[tuple[str, Json], ...] = ()
    text: str = ""


class Reader(Protocol):
    """Reads the requests of one family.

    Attributes:
        joined: Neighbouring items of the model's are one turn; otherwise each is its own.
        loose_ids: Results find their calls by name and order: ids are optional, and those that a
            client made up do not count. Calls and results have theirs under `id`.
    """

    joined: bool
    loose_ids: bool

    def history(self, body: JsonObject) -> list[JsonObject]:
        """The items of the history: messages, or what a family has instead."""

    def by_model(self, item: JsonObject) -> bool:
        """Whether the model said it."""

    def said(self, items: Sequence[JsonObject]) -> Said:
        """What the items of one turn say."""

    def message(self, item: JsonObject) -> BaseMessage | None:
        """The item in our values, in the provider's words if need be; None when none can say it."""

    def parts(self, item: JsonObject) -> Iterator[JsonObject]:
        """What the item says, without what does not count; nothing that does is left out.

        Each part has a `role` and a `kind`: `text`, `reasoning`, `call`, `hosted` and the like of
        the model's, anything of the others'. A `mark`, if it has one, tells it from its like.
        """


class Turn(NamedTuple):
    """A stretch of the history, from `start` up to `stop`: one turn of the model's."""

    start: int
    stop: int
    said: Said


def cut(reader: Reader, items: Sequence[JsonObject]) -> Iterator[Turn]:
    """The turns of the model in a history, in order; an empty message belongs to the next one."""
    start = 0
    while start < len(items):
        stop = start
        while stop < len(items) and reader.by_model(items[stop]):
            stop += 1
            if not reader.joined and reader.said(items[start:stop]) != Said():
                break
        if stop > start:
            yield Turn(start, stop, reader.said(items[start:stop]))
        start = max(stop, start + 1)


def parts_of(reader: Reader, items: Iterable[JsonObject]) -> list[JsonObject]:
    """The parts of a whole history."""
    return [part for item in items for part in reader.parts(item)]


def detail_of(value: Json) -> Literal["auto", "low", "high"] | None:
    """How closely the model should look, if `value` says so."""
    return next((word for word in DETAILS if word == value), None)


def bare(value: Json) -> Json:
    """`value` without what is null, all the way down.

    >>> bare({"a": None, "b": [{"c": None}]})
    {'b': [{}]}
    """
    if isinstance(value, dict):
        return {name: bare(entry) for name, entry in value.items() if entry is not None}
    return [bare(entry) for entry in value] if isinstance(value, list) else value


def objects(value: Json) -> list[JsonObject]:
    """The objects in a list; nothing out of anything else.

    >>> objects([{"a": 1}, 2]), objects("text")
    ([{'a': 1}], [])
    """
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def without(item: JsonObject, *names: str) -> JsonObject:
    """`item` without these fields, and without those that are null.

    >>> without({"a": 1, "b": 2, "c": None}, "b")
    {'a': 1}
    """
    return {k: v for k, v in item.items() if v is not None and k not in names}


def canonical(arguments: Json) -> Json:
    """Arguments as a value, when their text is JSON.

    >>> canonical('{"a": 1}'), canonical("{"), canonical("")
    ({'a': 1}, '{', {})
    """
    if not isinstance(arguments, str):
        return arguments
    try:
        return parse(arguments) if arguments.strip() else {}
    except ValueError:
        return arguments


def plain(content: Json) -> Json:
    """Content that is a list of one text, as the text.

    >>> plain([{"type": "text", "text": "Hi"}]), plain([]), plain(None)
    ('Hi', '', '')
    """
    if content is None or content == []:
        return ""
    parts = objects(content)
    if len(parts) == 1 and set(parts[0]) <= {"type", "text"} and "text" in parts[0]:
        return parts[0]["text"]
    return content


def text_of(content: Json) -> str:
    """The words in a content of whatever shape.

    >>> text_of([{"type": "text", "text": "a"}, {"text": "b"}]), text_of(None)
    ('ab', '')
    """
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in objects(content))
    return "".join(text for text in texts if isinstance(text, str))
