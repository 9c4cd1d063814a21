"""JSON read as it comes: what is seen only grows, and ends as what a parser of the whole reads."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rig_sync._json import Json
from rig_sync.output import Partial, PartialJson
from rig_sync.output.partial import MAX_DEPTH
from tests.strategies import cuts, json_objects, json_values


def grows(before: Json, after: Json) -> bool:
    """Whether `after` is `before`, or has more at its open end."""
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return _entries_grow(list(enumerate(before)), list(enumerate(after)))
    if isinstance(before, dict) and isinstance(after, dict):
        return _entries_grow(list(before.items()), list(after.items()))
    return type(before) is type(after) and before == after


def _entries_grow(before: list[tuple[object, Json]], after: list[tuple[object, Json]]) -> bool:
    if not before:
        return True
    (key, last), (same, now) = before[-1], (*after[: len(before)], (None, None))[len(before) - 1]
    return before[:-1] == after[: len(before) - 1] and key == same and grows(last, now)


def pieces(text: str, step: int) -> list[str]:
    return [text[begin : begin + step] for begin in range(0, len(text), step)]


def read(parts: list[str], *, find: bool = False) -> tuple[PartialJson, list[Partial]]:
    parser = PartialJson(find=find)
    seen = [partial for part in parts if (partial := parser.feed(part)) is not None]
    last = parser.finish()
    return parser, [*seen, last] if last is not None else seen


dumps = st.builds(
    json.dumps, json_values, ensure_ascii=st.booleans(), indent=st.sampled_from((None, 0, 2))
)


@given(dumps, st.data())
def test_snapshots_grow_into_the_whole(text: str, data: st.DataObject) -> None:
    """However the text is cut, each value is a prefix of the next, and the last is the whole."""
    parser, seen = read(data.draw(cuts(text)))
    values = [partial.value for partial in seen]
    assert all(map(grows, values, values[1:]))
    assert parser.broken is None
    assert parser.complete
    assert values[-1] == json.loads(text)
    assert [partial.complete for partial in seen] == [False] * (len(seen) - 1) + [True]


@given(dumps, st.data())
def test_a_snapshot_stays_what_it_was(text: str, data: st.DataObject) -> None:
    """A value looked at late, or again, is that of its moment, not of the end."""
    parts = data.draw(cuts(text))
    _, late = read(parts)
    parser = PartialJson()
    early = [copy.deepcopy(partial.value) for part in parts if (partial := parser.feed(part))]
    assert [partial.value for partial in reversed(late)][::-1][: len(early)] == early
    assert [partial.value for partial in late][: len(early)] == early


def strings_of(value: Json, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], str]:
    """The strings in `value` that are not empty, by path."""
    if isinstance(value, str):
        return {path: value} if value else {}
    entries: list[tuple[str | int, Json]] = []
    if isinstance(value, list):
        entries = list(enumerate(value))
    elif isinstance(value, dict):
        entries = list(value.items())
    return {at: s for key, inner in entries for at, s in strings_of(inner, (*path, key)).items()}


@given(dumps, st.data())
def test_pieces_joined_are_the_strings(text: str, data: st.DataObject) -> None:
    """Every character of every string is in one piece, at its path, in order."""
    _, seen = read(data.draw(cuts(text)))
    joined: dict[tuple[str | int, ...], str] = {}
    for partial in seen:
        for path, piece in partial.pieces:
            joined[path] = joined.get(path, "") + piece
    assert joined == strings_of(json.loads(text))


@given(st.text(alphabet='{}[]":,\\ue1-.\n ax', max_size=60) | st.text(), st.data(), st.booleans())
@example('{"a": 01}', None, False)
def test_any_text_can_be_fed(text: str, data: st.DataObject | None, find: bool) -> None:
    """Nothing raises, what was seen still only grows, and the end is whole or broken."""
    parts = data.draw(cuts(text)) if data is not None else [text]
    parser, seen = read(parts, find=find)
    values = [partial.value for partial in seen]
    assert all(map(grows, values, values[1:]))
    assert parser.complete or parser.broken is not None


@given(dumps, st.integers(0, 200), st.data())
def test_text_cut_off_is_broken(text: str, at: int, data: st.DataObject) -> None:
    """A text that ends too early keeps what came, and says so."""
    text = json.dumps([json.loads(text)])
    parser, seen = read(data.draw(cuts(text[: min(at, len(text) - 1)])))
    assert parser.broken is not None
    assert not parser.complete
    assert all(grows(partial.value, json.loads(text)) for partial in seen)


@given(json_objects, st.sampled_from(("", "Sure, {here} it is:\n```json\n", "{ { ")), st.data())
def test_prose_around_is_skipped(value: dict[str, Json], before: str, data: st.DataObject) -> None:
    """With `find`, what stands before the first object and after it is no part of it."""
    text = f'{before}{json.dumps(value)}\n```\nAnything else? {{"no": 1}}'
    parser, seen = read(data.draw(cuts(text)), find=True)
    assert parser.broken is None
    assert seen[-1].value == value


def test_no_object_in_prose() -> None:
    """With `find`, prose alone shows nothing and ends broken."""
    parser, seen = read(["I ", "cannot."], find=True)
    assert seen == []
    assert parser.broken == "the text ends before the JSON does"


STEPS = [
    ("{", {}, (), ""),
    ('"na', None, None, None),
    ('me"', None, None, None),
    (":", None, None, None),
    (' "', {"name": ""}, ("name",), ""),
    ("A", {"name": "A"}, ("name",), "A"),
    ("\\u00", None, None, None),
    ("e9\\ud83d", {"name": "Aé"}, ("name",), "é"),
    ("\\ude", None, None, None),
    ("00!", {"name": "Aé😀!"}, ("name",), "😀!"),
    ('"', None, None, None),
    (', "n": 12', None, None, None),
    ("3", None, None, None),
    (", ", {"name": "Aé😀!", "n": 123}, ("n",), ""),
    ('"l": [tr', {"name": "Aé😀!", "n": 123, "l": []}, ("l",), ""),
    ('ue, {"x":"y', {"name": "Aé😀!", "n": 123, "l": [True, {"x": "y"}]}, ("l", 1, "x"), "y"),
    ('z"', {"name": "Aé😀!", "n": 123, "l": [True, {"x": "yz"}]}, ("l", 1, "x"), "z"),
    ("}]", None, None, None),
    ("}", {"name": "Aé😀!", "n": 123, "l": [True, {"x": "yz"}]}, (), ""),
    (" \n", None, None, None),
]


def test_step_by_step() -> None:
    """What each delta makes visible, where, and by what a string grew."""
    parser = PartialJson()
    for text, value, path, delta in STEPS:
        partial = parser.feed(text)
        if value is None:
            assert partial is None, text
        else:
            assert partial is not None, text
            assert (partial.value, partial.path, partial.delta) == (value, path, delta)
    assert parser.complete


BROKEN = [
    ("{'a': 1}", 'expected a key in double quotes, found "\'" at character 1'),
    ('{"a" 1}', "expected a colon, found '1' at character 5"),
    ('{"a": nil}', "expected a value, found 'n' at character 6"),
    ('{"a": 1,}', "expected a key in double quotes, found '}' at character 8"),
    ("[1,]", "expected a value, found ']' at character 3"),
    ("[1}", "expected a comma or ], found '}' at character 2"),
    ('["a\nb"]', "expected a character of a string or an escape, found '\\n' at character 3"),
    ('["\\x"]', "expected a character of a string or an escape, found '\\\\' at character 2"),
    ("[01, 2]", "expected a number, found 01 before character 3"),
    ("[1] x", "expected no more after the end, found 'x' at character 4"),
    ("[NaN]", "expected a value, found 'N' at character 1"),
    ("", "the text ends before the JSON does"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
@pytest.mark.parametrize("step", [1, 100])
def test_broken(text: str, message: str, step: int) -> None:
    """What is no JSON is named with its place, the same however it was cut; nothing follows."""
    parser, _ = read(pieces(text, step))
    assert parser.broken is not None
    if "number" not in message:
        assert parser.broken == message
    assert parser.feed("1") is None


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_depth_is_bounded(step: int) -> None:
    """As deep as allowed is read; one more is broken, and what came stays."""
    for depth, fine in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        text = "[" * depth + "]" * depth
        parser, seen = read(pieces(text, step))
        assert parser.complete is fine
        assert grows(seen[-1].value, json.loads(text))
        if not fine:
            assert parser.broken is not None
            assert "at most 200 levels" in parser.broken


@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_key_that_comes_twice(step: int) -> None:
    """The first value of a key stays, and what stands inside the second is not seen."""
    text = '{"a": "x", "a": {"b": ["y", {"c": "z"}]}, "a": "w", "d": {"a": 1, "a": 2}}'
    parser, seen = read(pieces(text, step))
    assert seen[-1].value == {"a": "x", "d": {"a": 1}}
    assert parser.broken is None
    assert [piece for partial in seen for _, piece in partial.pieces] == ["x"]


@pytest.mark.parametrize("step", [1, 4, 6, 100])
def test_half_a_pair_alone(step: int) -> None:
    """Half a surrogate pair becomes U+FFFD, as in a parse of the whole; an escaped one stays."""
    text = r'["\ud83d", "\ud83dx", "\ude00\ud83d\ude00", "\\ud83d", "\ud83d\n"]'
    _, seen = read(pieces(text, step))
    assert seen[-1].value == ["\ufffd", "\ufffdx", "\ufffd😀", "\\ud83d", "\ufffd\n"]


@pytest.mark.parametrize("step", [1, 1000])
def test_long_tokens(step: int) -> None:
    """Keys, numbers and blanks of any length are read, but for integers Python refuses."""
    text = json.dumps({"k" * 5000: 10**400, "blank": 0.5}).replace(":", " " * 5000 + ":")
    _, seen = read(pieces(text, step))
    assert seen[-1].value == json.loads(text)
    parser, _ = read(pieces(f"[{'1' * 10_000}]", step))
    assert parser.broken is not None
    assert parser.broken.startswith("expected a number, found 1111")


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("-1.5e3", -1500.0), (" 7 ", 7)])
def test_a_number_at_the_root(text: str, value: Json) -> None:
    """A number alone is whole when the text ends, or something follows."""
    parser, seen = read([*text])
    assert parser.complete
    assert [partial.value for partial in seen] == [value]


def test_under_a_key() -> None:
    """What is under a key of the root; nothing while it is not there, and none is built twice."""
    parser = PartialJson()
    assert [grown and grown.under("a") for grown in map(parser.feed, ('{"b', '": 1, '))] == [
        None,
        None,
    ]
    grown = parser.feed('"a": [1, 2, "x')
    assert grown is not None
    seen = grown.value
    inner = grown.under("a")
    assert inner is not None
    assert (inner.value, inner.path, grown.value) == ([1, 2, "x"], (2,), seen)
    end = parser.feed('"]}')
    assert end is not None
    assert end.under("c") is None
    assert (whole := end.under("a")) is not None
    assert (whole.value, whole.complete) == ([1, 2, "x"], True)


def test_under_a_key_of_no_object() -> None:
    """A root that is no object is what should be there."""
    grown = PartialJson().feed("[1, 2")
    assert grown is not None
    assert (inner := grown.under("value")) is not None
    assert (inner.value, inner.path) == ([1], (0,))
