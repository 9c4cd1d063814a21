"""What hypothesis draws from: JSON, answers of a model, and ways to cut things up."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st
from msgspec import Struct

from rig_sync._json import Json, JsonObject

__all__ = ["Answer", "answers", "cuts", "json_objects", "json_values", "merges", "replacements"]

T = TypeVar("T")
S = TypeVar("S", str, bytes)

json_scalars: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
json_values: st.SearchStrategy[Json] = st.recursive(
    json_scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
json_objects: st.SearchStrategy[JsonObject] = st.dictionaries(
    st.text(max_size=4), json_values, max_size=3
)


class Answer(Struct, frozen=True):
    """What a model says: thoughts, words, and calls by name and arguments."""

    thoughts: str
    words: str
    calls: tuple[tuple[str, JsonObject], ...]


names = st.text("abcdefgh_", min_size=1, max_size=6)
answers = st.builds(
    Answer,
    thoughts=st.text(max_size=12),
    words=st.text(max_size=12),
    calls=st.lists(st.tuples(names, json_objects), max_size=3).map(tuple),
)


@st.composite
def cuts(draw: st.DrawFn, whole: S) -> list[S]:
    """`whole` in pieces, some of them empty; joined they are `whole` again."""
    places: list[int] = draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


@st.composite
def merges(draw: st.DrawFn, first: list[T], second: list[T]) -> list[T]:
    """Both lists as one; the order within each stays."""
    order = draw(st.permutations([0] * len(first) + [1] * len(second)))
    sources = (iter(first), iter(second))
    return [next(sources[which]) for which in order]


@st.composite
def replacements(draw: st.DrawFn, whole: Json) -> Json:
    """`whole` with something else in one place, at any depth."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(whole)))
        return {**whole, key: draw(replacements(whole[key]))}
    if isinstance(whole, list) and whole and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(whole) - 1))
        return [*whole[:at], draw(replacements(whole[at])), *whole[at + 1 :]]
    return draw(json_values)
