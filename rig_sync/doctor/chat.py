"""How chat completions differ from server to server, chunk by chunk. Pure.

Every rule looks at what came, not at what was made of it: it says in plain words what is otherwise
than OpenAI's own servers do it, and by what the decoder copes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from rig_sync._json import Json, JsonObject
from rig_sync.wire.base import object_in, objects_in, word_in

__all__ = ["Odd", "call_oddities", "text_oddities", "usage_oddities"]

T = TypeVar("T")

FINISH_WORDS = ("stop", "length", "tool_calls", "content_filter", "function_call")
FEWEST = 4  # deltas: fewer may repeat each other by chance


class Odd(NamedTuple):
    """One thing that is not as it should be.

    Attributes:
        what: In plain words.
        how: What the decoder does with it.
        lost: It cannot be made good.
    """

    what: str
    how: str
    lost: bool = False


def text_oddities(chunks: Sequence[JsonObject]) -> Iterator[Odd]:
    """What is otherwise in the chunks of a stream of words.

    >>> [odd.what for odd in text_oddities([{"choices": None}])]
    ['choices: null in 1 of 1 chunks', 'no chunk has an id', 'no chunk names the model']
    """
    yield from _choices(chunks)
    yield from _names(chunks)
    choices = [one for chunk in chunks for one in objects_in(chunk.get("choices"))]
    yield from _deltas(choices)
    yield from _contents([object_in(one, "delta").get("content", "") for one in choices])
    yield from _finishes(choices)


def _choices(chunks: Sequence[JsonObject]) -> Iterator[Odd]:
    nulls = _times(chunks, lambda chunk: "choices" in chunk and chunk["choices"] is None)
    if nulls:
        yield Odd(f"choices: null in {nulls} of {len(chunks)} chunks", "null is an empty list")
    empty = _times(chunks, lambda c: c.get("choices") == [] and not c.get("usage"))
    if empty:
        what = f"choices: [] without usage in {empty} of {len(chunks)} chunks"
        yield Odd(what, "such a chunk says nothing, and the next one is read")
    several = {str(one.get("index")) for c in chunks for one in objects_in(c.get("choices"))}
    if len(several - {"None"}) > 1:
        yield Odd("several answers in one stream, of which one was asked for", "the first is taken")


def _names(chunks: Sequence[JsonObject]) -> Iterator[Odd]:
    ids = [word_in(chunk, "id") for chunk in chunks if not chunk.get("error")]
    named = {one for one in ids if one}
    if ids and not named:
        yield Odd("no chunk has an id", "response ids are optional: ids.response is None")
    elif None in ids:
        yield Odd(f"{ids.count(None)} of {len(ids)} chunks have no id", "the first one counts")
    if len(named) > 1:
        yield Odd(f"{len(named)} different ids in one answer", "the first one counts")
    models = [word_in(chunk, "model") for chunk in chunks if not chunk.get("error")]
    if models and not any(models):
        yield Odd("no chunk names the model", "StreamFinal.model is None")
    elif None in models:
        what = f"{models.count(None)} of {len(models)} chunks do not name the model"
        yield Odd(what, "the first name counts")


def _deltas(choices: Sequence[JsonObject]) -> Iterator[Odd]:
    total = len(choices)
    lacking = _times(choices, lambda one: one.get("index") is None)
    if lacking:
        yield Odd(f"{lacking} of {total} choices have no index", "one without is the first answer")
    texts = _times(choices, lambda one: "text" in one and not object_in(one, "delta"))
    if texts:
        what = f"{texts} of {total} choices have text, as completions have, instead of a delta"
        yield Odd(what, "they are no chat chunks: their words are not read", lost=True)
    messages = _times(choices, lambda one: "delta" not in one and bool(object_in(one, "message")))
    if messages:
        what = f"{messages} of {total} choices have a message instead of a delta"
        yield Odd(what, "a message is read as a delta")
    nulls = _times(choices, lambda one: one.get("delta") is None) - texts - messages
    if nulls > 0:
        yield Odd(f"{nulls} of {total} choices have no delta, or null", "it says nothing")


def _contents(contents: Sequence[Json]) -> Iterator[Odd]:
    nulls = contents.count(None)
    if nulls:
        what = f"content: null in {nulls} of {len(contents)} deltas of words"
        yield Odd(f'{what}, where OpenAI has "" or leaves it out', "null is no text")
    lists = _times(contents, lambda one: isinstance(one, list))
    if lists:
        what = f"content is a list of parts in {lists} of {len(contents)} deltas"
        yield Odd(what, "text and thinking are taken out of the parts")
    others = _times(contents, lambda one: not (one is None or isinstance(one, (str, list))))
    if others:
        what = f"content is neither text nor null in {others} of {len(contents)} deltas"
        yield Odd(what, "it is left out, and told as a StreamError", lost=True)
    texts = [one for one in contents if isinstance(one, str) and one]
    if len(texts) >= FEWEST and all(_grows(texts)):
        what = "each delta repeats all the words so far"
        yield Odd(what, "a delta is taken for new words, so they come again and again", lost=True)


def _grows(texts: Sequence[str]) -> Iterator[bool]:
    for before, after in pairwise(texts):
        yield len(after) > len(before) and after.startswith(before)


def _finishes(choices: Sequence[JsonObject]) -> Iterator[Odd]:
    words = [
        one["finish_reason"] for one in choices if one.get("finish_reason") and not one.get("index")
    ]
    strange = [word for word in words if word not in FINISH_WORDS]
    if strange:
        yield Odd(f"the finish_reason {strange[0]!r} is none of OpenAI's", "its raw word is kept")
    if len(words) > 1:
        yield Odd(f"{len(words)} finish reasons in one answer", "the last one counts")


# calls ---------------------------------------------------------------------------------------


def call_oddities(chunks: Sequence[JsonObject]) -> Iterator[Odd]:
    """What is otherwise in the pieces of tool calls.

    >>> piece = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {}}}
    >>> chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}
    >>> [odd.what for odd in call_oddities([chunk])]
    ['1 of 1 pieces of calls has no index', 'arguments as an object in 1 of 1 pieces, not as text']
    """
    deltas = [object_in(one, "delta") for c in chunks for one in objects_in(c.get("choices"))]
    single = _times(deltas, lambda delta: isinstance(delta.get("tool_calls"), dict))
    if single:
        yield Odd("tool_calls is one object, not a list", "it is read as a list of one")
    if any(delta.get("function_call") for delta in deltas):
        what = "the call comes as function_call, which OpenAI gave up in 2023"
        yield Odd(what, "it is read as a call, with an id of ours")
    pieces = [piece for delta in deltas for piece in _pieces(delta.get("tool_calls"))]
    if pieces:
        yield from _indices(pieces)
        yield from _ids(pieces)
        yield from _functions(pieces)


def _pieces(calls: Json) -> list[JsonObject]:
    return [calls] if isinstance(calls, dict) else objects_in(calls)


def _indices(pieces: Sequence[JsonObject]) -> Iterator[Odd]:
    lacking = _times(pieces, lambda piece: not isinstance(piece.get("index"), int))
    if lacking:
        what = f"{lacking} of {len(pieces)} pieces of calls {_have(lacking)} no index"
        yield Odd(what, "a new id or name begins a call, what has neither goes on with the last")
    firsts = [piece.get("index") for piece in pieces if _begins(piece)]
    ids = [piece.get("id") for piece in pieces if _begins(piece)]
    numbers = [number for number in firsts if isinstance(number, int)]
    if len(set(numbers)) < len(numbers) and len({str(one) for one in ids}) == len(ids):
        what = f"several calls have the same index ({numbers[0]})"
        yield Odd(what, "a new id under the same index begins another call")
    elif numbers and sorted(set(numbers)) != list(range(len(set(numbers)))):
        what = f"the indices of the calls are {', '.join(map(str, numbers))}, not 0, 1, ..."
        yield Odd(what, "an index only tells the calls apart")


def _begins(piece: JsonObject) -> bool:
    return bool(piece.get("id") or object_in(piece, "function").get("name"))


def _ids(pieces: Sequence[JsonObject]) -> Iterator[Odd]:
    named = [piece for piece in pieces if object_in(piece, "function").get("name")]
    lacking = _times(named, lambda piece: piece.get("id") in (None, ""))
    if lacking and not any(word_in(piece, "id") for piece in pieces):
        yield Odd("the calls have no id", "ids of ours are made, and go back with the results")
    elif lacking:
        yield Odd("the id does not come with the name", "the pieces are put together by index")
    if _times(pieces, lambda piece: isinstance(piece.get("id"), int)):
        yield Odd("the id of a call is a number", "it is taken as text")
    by_id: dict[str, set[str]] = {}
    for piece in pieces:
        if (one := word_in(piece, "id")) is not None:
            by_id.setdefault(one, set()).add(str(piece.get("index")))
    if any(len(indices) > 1 for indices in by_id.values()):
        yield Odd("several calls have the same id", "they are told apart by their index")


def _functions(pieces: Sequence[JsonObject]) -> Iterator[Odd]:
    functions = [object_in(piece, "function") for piece in pieces]
    names = _times(functions, lambda function: bool(function.get("name")))
    calls = len({str(piece.get("index")) for piece in pieces})
    if names == len(pieces) > calls:
        yield Odd("the name comes with every piece of a call", "the first one counts")
    total = len(pieces)
    objects = _times(functions, lambda one: isinstance(one.get("arguments"), dict))
    if objects:
        what = f"arguments as an object in {objects} of {total} pieces, not as text"
        yield Odd(what, "an object is written as text again")
    nulls = _times(functions, lambda one: "arguments" in one and one["arguments"] is None)
    if nulls:
        yield Odd(f"arguments: null in {nulls} of {total} pieces", "null is no text")
    lacking = _times(functions, lambda one: bool(one.get("name")) and "arguments" not in one)
    if lacking:
        what = f"{lacking} of {total} pieces with a name {_have(lacking)} no arguments"
        yield Odd(what, "a call without any has the arguments {}")
    kinds = [piece for piece in pieces if _begins(piece) and piece.get("type") != "function"]
    if kinds:
        yield Odd("a call does not say type: function", "there is no other type of call")


# usage ---------------------------------------------------------------------------------------


def usage_oddities(chunks: Sequence[JsonObject]) -> Iterator[Odd]:
    """What is otherwise about where the usage of a stream stands, if it is told at all.

    >>> [odd.what for odd in usage_oddities([{"choices": [{"delta": {}}], "usage": {"a": 1}}])]
    ['the usage stands in a chunk that has choices']
    """
    places = [number for number, chunk in enumerate(chunks) if chunk.get("usage")]
    groq = any(object_in(chunk, "x_groq").get("usage") for chunk in chunks)
    if not places and groq:
        yield Odd("the usage stands in x_groq alone", "it is read there too")
    if len(places) > 1:
        what = f"{len(places)} of {len(chunks)} chunks have usage"
        yield Odd(what, "the last one counts, they are never added up")
    elif places and objects_in(chunks[places[0]].get("choices")):
        yield Odd("the usage stands in a chunk that has choices", "it is read from any chunk")
    if places and places[-1] != len(chunks) - 1:
        what = "further chunks come after the one with the usage"
        yield Odd(what, "usage is looked for until the end")


def _times(values: Iterable[T], wanted: Callable[[T], bool]) -> int:
    return sum(map(wanted, values))


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
