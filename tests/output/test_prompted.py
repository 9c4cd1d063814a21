"""Structured output by words: what the model is told, and the JSON in what it says."""

from __future__ import annotations

import pytest

from rig_sync.output import Misfit, find_json, instructions, output_type

FOUND = [
    ('{"a": 1}', '{"a": 1}'),
    (" [1, 2]\n", "[1, 2]"),
    ("3", "3"),
    ('Sure:\n```json\n{"a": {"b": 1}}\n```\nBye', '{"a": {"b": 1}}'),
    ("Here:\n```\n[1]\n```", "[1]"),
    ('It is {"a": "}"} as you {see}.', '{"a": "}"}'),
    ('{braces} and {"broken": } and {"a": 1}', '{"a": 1}'),
    ('```python\nx = {}\n```\n```json\n{"a": 1}```', '{"a": 1}'),
]


@pytest.mark.parametrize(("text", "found"), FOUND)
def test_json_is_found(text: str, found: str) -> None:
    """The whole text, a fence, or the first object in prose that is whole."""
    assert find_json(text) == found


MISSING = [
    ("", "the answer is empty"),
    ("I cannot do that.", "there is no JSON"),
    ('{"a": [1, 2', "cut off or malformed"),
    ('{"a":' * 100_000, "cut off or malformed"),
    ('{"a": {"b": 1},}', "cut off or malformed"),
    ('{"a": "}", "b": {"c": 1} "d": 2}', "cut off or malformed"),
    ('{"a": {"b": 1}, "c": {"d', "cut off or malformed"),
    ('{"a": x}' + '"\\"' * 100_000, "cut off or malformed"),
]


@pytest.mark.parametrize(("text", "words"), MISSING)
def test_json_is_missing(text: str, words: str) -> None:
    """An answer without JSON says so, in words for the model; a part of a broken one is none."""
    with pytest.raises(Misfit, match=words):
        find_json(text)


def test_instructions_hold_the_schema() -> None:
    """The model is told the schema, and what the answer is."""
    output = output_type(list[int], description="Primes.")
    told = instructions(output)
    assert "Primes." in told
    assert '"items":{"type":"integer"}' in told
