"""Structured output by words alone, for models that have no other way."""

from __future__ import annotations

import json
import re
from typing import Final

from rig_sync._json import compact, parse
from rig_sync.output.misfit import Misfit
from rig_sync.output.types import OutputType

__all__ = ["find_json", "instructions"]

_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
_OBJECT = re.compile(r'\{(?=[ \t\n\r]*["}])')
_BRACES = re.compile(r'[{}]|"(?:[^"\\\n]|\\.)*"?')
_TRIES: Final = 50
_decoder = json.JSONDecoder()


def instructions(output: OutputType[object]) -> str:
    """What the model is told: to answer with JSON of this schema alone.

    >>> from rig_sync.output.types import output_type
    >>> print(instructions(output_type(bool)).partition(":")[0])
    Answer with one JSON object and nothing else
    """
    described = f" It is: {output.description}" if output.description else ""
    return (
        "Answer with one JSON object and nothing else: no introduction, no explanation, no code "
        f"fence.{described} The object must fit this JSON Schema:\n{compact(output.schema.schema)}"
    )


def find_json(text: str) -> str:
    """The JSON in an answer: the whole of it, that in a fence, or the first object in prose.

    Raises:
        Misfit: There is none.

    >>> find_json('Sure! {"a": [1]} Anything else?')
    '{"a": [1]}'
    """
    for candidate in (text, *(found[1] for found in _FENCE.finditer(text))):
        if _is_json(candidate):
            return candidate.strip()
    begin = 0
    for _ in range(_TRIES):
        found = _OBJECT.search(text, begin)
        if found is None:
            break
        end = _end_of_object(text, found.start())
        if end is not None:
            return text[found.start() : end]
        begin = _behind_braces(text, found.start())
    raise Misfit([_missing(text)])


def _behind_braces(text: str, begin: int) -> int:
    """Where the braces that open at `begin` are closed: what is inside is a part of an answer."""
    depth = 0
    for mark in _BRACES.finditer(text, begin):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return len(text)


def _end_of_object(text: str, begin: int) -> int | None:
    try:
        return _decoder.raw_decode(text, begin)[1]
    except (ValueError, RecursionError):
        return None


def _is_json(text: str) -> bool:
    try:
        parse(text.strip())
    except ValueError:
        return False
    return True


def _missing(text: str) -> str:
    if not text.strip():
        return "the answer is empty: answer with one JSON object"
    if "{" in text:
        return "the answer has a JSON object that is cut off or malformed: give it whole"
    return "there is no JSON in the answer: answer with one JSON object and nothing else"
