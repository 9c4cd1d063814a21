"""Typed answers, of which some do not fit, in every way that a model can be asked for them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from rig_sync._json import JsonObject
from rig_sync.agent.output import ANSWER_TOOL, OutputMode
from tests import strategies
from tests.agent.properties.scripts import Call, Script, Turn

__all__ = ["RETRIES", "Entry", "typed_scripts"]

RETRIES = 2


@dataclass
class Entry:
    """What is asked for."""

    name: str
    tags: list[str]
    size: float | None
    counts: dict[str, list[int]]


some_text = st.text('a"\\\n/é€\U0001f980\u2028', max_size=6)
numbers = st.lists(st.integers(-99, 99), max_size=3)
entries = st.fixed_dictionaries(
    {
        "name": some_text,
        "tags": st.lists(some_text, max_size=3),
        "size": st.none() | st.floats(-1e9, 1e9),
        "counts": st.dictionaries(
            some_text, st.lists(st.integers(-99, 99), max_size=3), max_size=2
        ),
    }
)
misfits: st.SearchStrategy[JsonObject] = st.sampled_from(
    ({}, {"name": 1}, {"name": "Ada", "tags": ["a", 2], "size": None, "counts": {}})
)


@st.composite
def typed_scripts(draw: st.DrawFn, mode: OutputMode, *, spent: bool = False) -> Script:
    """Answers that do not fit, at most as many as there are retries; then one that does.

    Args:
        draw: Given by hypothesis.
        mode: How the model is asked.
        spent: There may be one too many.
    """
    attempts = [*draw(st.lists(misfits, max_size=RETRIES + spent)), draw(entries)]
    turns: list[Turn] = []
    for value in attempts:
        style = draw(st.sampled_from((None, 1)))
        text = json.dumps(value, indent=style, ensure_ascii=draw(st.booleans()))
        if mode == "tool":
            turns.append(Turn(calls=(Call(ANSWER_TOOL, text),), ids=(f"c{len(turns)}",)))
            continue
        fenced = f"Here it is:\n```json\n{text}\n```\nDone." if mode == "prompted" else text
        words = [piece for piece in draw(strategies.cuts(fenced)) if piece]
        turns.append(Turn(words=tuple(words)))
    return Script(tuple(turns))
