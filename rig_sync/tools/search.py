"""Many tools, of which a turn is offered the few that fit what is being talked about.

Definitions cost tokens on every turn, and models choose worse among many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from rig_sync._json import Json
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.tools.base import Tool
from rig_sync.tools.toolset import ToolSet
from rig_sync.tools.words import Bm25

__all__ = ["Scorer", "ToolIndex", "embedding_scorer"]

# (query, texts of the tools) -> how well each text fits, in their order; 0 or less: not at all
Scorer: TypeAlias = Callable[[str, Sequence[str]], Sequence[float]]


class ToolIndex:
    """Finds the tools whose name, description and parameters fit some words.

    Args:
        tools: A `ToolSet`, or whatever one is made of; what is added to the set later is not seen.
        top: How many to find at most.
        score: How well tools fit; BM25 over their words when left out. With an embedding model,
            see `embedding_scorer`.

    Attributes:
        tools: All of them.

    Raises:
        ConfigError: Something is no tool, two have one name, or `top` is below 1.

    Threads: safe from any, as far as `score` is.

    >>> def get_weather(city: str) -> str:
    ...     '''The weather in a city.'''
    ...     return "sunny"
    >>> def send_mail(text: str) -> None:
    ...     '''Send a letter.'''
    >>> ToolIndex([get_weather, send_mail]).search("Is the weather fine in big cities?")
    (FunctionTool(get_weather),)
    """

    def __init__(
        self, tools: Iterable[object], *, top: int = 4, score: Scorer | None = None
    ) -> None:
        self.tools = tools.snapshot() if isinstance(tools, ToolSet) else ToolSet(tools)
        self._top = _checked(top)
        self._tools = tuple(self.tools)
        texts = tuple(map(_text_of, self.tools.definitions))
        self._score: Callable[[str], Sequence[float]] = (
            Bm25(texts).scores if score is None else lambda query: score(query, texts)
        )

    def search(self, text: str, top: int | None = None) -> tuple[Tool, ...]:
        """The tools that fit `text`, the best first, equals in the order given; may be none.

        BM25 takes every shared word, also `the`; rare ones weigh more.

        Args:
            text: What the conversation is about, as its last messages say it.
            top: How many at most, instead of the index's own.

        Raises:
            ConfigError: `top` is below 1, or the scorer gave not one number for each tool.
        """
        top = self._top if top is None else _checked(top)
        if not text.strip() or not self._tools:
            return ()
        scores = self._score(text)
        if len(scores) != len(self._tools):
            raise ConfigError(
                f"the scorer gave {len(scores)} scores for {len(self._tools)} tools: return one "
                "for each text, in their order"
            )
        fitting = [number for number, score in enumerate(scores) if score > 0]
        fitting.sort(key=lambda number: -scores[number])  # stable: equals stay in order
        return tuple(self._tools[number] for number in fitting[:top])

    def __repr__(self) -> str:
        return f"ToolIndex({len(self._tools)} tools, top={self._top})"


def embedding_scorer(embed: Callable[[Sequence[str]], Sequence[Sequence[float]]]) -> Scorer:
    """A scorer by meaning: the cosine between the vectors of the query and of each tool.

    Args:
        embed: Gives a vector for each text; with an embedding model of ours,
            `lambda texts: [one.vec for one in model.embed_texts(texts)]`. It is asked for a tool
            once, and for each query.

    Returns:
        A scorer for `ToolIndex`. It raises what `embed` raises, and ConfigError when the vectors
        do not go with the texts, or with each other.

    Threads: safe from any, as far as `embed` is.

    >>> vectors = {"cold": [0.0, 2.0], "frost": [0.6, 0.8], "mail": [1.0, 0.0]}
    >>> embedding_scorer(lambda texts: [vectors[text] for text in texts])("cold", ["frost", "mail"])
    [0.8, 0.0]
    """
    known: dict[str, tuple[float, ...]] = {}

    def unit_vectors(texts: Sequence[str]) -> list[tuple[float, ...]]:
        vectors = embed(texts)
        if len(vectors) != len(texts):
            raise ConfigError(
                f"`embed` gave {len(vectors)} vectors for {len(texts)} texts: return one for each"
            )
        return list(map(_unit, vectors))

    def score(query: str, texts: Sequence[str]) -> list[float]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, unit_vectors(new), strict=True))
        [wanted] = unit_vectors([query])
        return [_product(wanted, known[text]) for text in texts]

    return score


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    length = math.hypot(*vector)
    return tuple(value / length for value in vector) if length else tuple(vector)


def _product(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    if len(a) != len(b):
        raise ConfigError(
            f"`embed` gave vectors of {len(a)} and {len(b)} numbers: take one model for all"
        )
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _checked(top: int) -> int:
    if type(top) is not int or top < 1:
        raise ConfigError(f"top={top!r}: give a whole number from 1")
    return top


def _text_of(definition: ToolDefinition) -> str:
    """What of a tool is searched: its name and description, the parameters' names and theirs."""
    described = _described(definition.parameters)
    return "\n".join((definition.name, definition.description, *described))


def _described(schema: Json) -> Iterator[str]:
    """Names and descriptions of properties, wherever they stand in a JSON Schema."""
    if isinstance(schema, list):
        for one in schema:
            yield from _described(one)
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key == "description" and isinstance(value, str):
            yield value
        elif key == "properties" and isinstance(value, dict):
            yield from value
            for one in value.values():
                yield from _described(one)
        elif key not in _DATA:
            yield from _described(value)


_DATA = frozenset(("default", "enum", "const", "examples"))
