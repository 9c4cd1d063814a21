"""Differences that are the client's doing, each with a name.

The parts of both histories are laid side by side; every part that has no like on the other side,
or differs from it, needs a name out of the tables here, or it is a difference. All of them concern
turns of the model alone, and are asked for only where our message is, by the oracle, what the
response said: so what was left out or changed, the client left out or changed. What the oracle
does not know (hosted tools, namespaces) is looked up in the recorded body itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from rig_sync._json import Json, JsonObject, parse_object
from tests.wire.compare import Difference
from tests.wire.corpus import ExpectedCall, Recording
from tests.wire.roundtrip.reader import bare
from tests.wire.roundtrip.texts import folded, packed, without_thoughts

__all__ = ["Evidence", "Verdict", "judge"]

_NOTHING = "nothing"


class Verdict(NamedTuple):
    """What is to be said about one pair; it is rebuilt when there is nothing.

    Attributes:
        excuses: Names of the client's deviations.
        differences: What has no name.
    """

    excuses: list[str]
    differences: list[Difference]


class Evidence:
    """What the recorded responses of a pair say.

    Attributes:
        faithful: Our messages are what the responses said; otherwise nothing is excused.
    """

    def __init__(self, responses: Sequence[Recording], *, faithful: bool) -> None:
        self.faithful = faithful
        self._responses = responses

    @property
    def thoughts(self) -> list[str]:
        """What each of them thought, without white space."""
        return [packed(entry.expected.reasoning) for entry in self._responses if entry.expected]

    @property
    def texts(self) -> list[str]:
        """The words of each of them."""
        return [entry.expected.text for entry in self._responses if entry.expected]

    @property
    def calls(self) -> list[list[ExpectedCall]]:
        """What each of them called."""
        return [entry.expected.tool_calls for entry in self._responses if entry.expected]

    @cached_property
    def objects(self) -> list[JsonObject]:
        """Every object in their bodies, wherever it is."""
        found: list[JsonObject] = []
        for entry in self._responses:
            for value in _values(entry.exchange.response.content):
                found += _objects_in(value)
        return found


def _values(body: bytes) -> Iterator[Json]:
    """The JSON in a body: one value, or one a line."""
    for text in (body, *body.splitlines()):
        value = parse_object(text.removeprefix(b"data:").strip())
        if value is not None:
            yield value


def _objects_in(value: Json) -> Iterator[JsonObject]:
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for entry in inner:
        yield from _objects_in(entry)


def judge(
    ours: Sequence[JsonObject], recorded: Sequence[JsonObject], evidence: Evidence
) -> Verdict:
    """Compare two histories, part by part; `evidence` is what excuses have to be proved by."""
    verdict = Verdict([], [])
    aligned = [entry for entry in _aligned(ours, recorded) if entry[1] != entry[2]]
    alone = [mine for _, mine, theirs in aligned if theirs is None]
    others = [theirs for _, mine, theirs in aligned if mine is None]
    for index, mine, theirs in aligned:
        name = None
        if evidence.faithful:
            elsewhere = (mine in others) if theirs is None else mine is None and theirs in alone
            name = "client put its parts in another order" if elsewhere else None
            name = name or _named(mine, theirs, evidence)
        if name is None:
            verdict.differences.extend(_different(f"[{index}]", mine, theirs))
        elif name not in verdict.excuses:
            verdict.excuses.append(name)
    return verdict


def _aligned(
    ours: Sequence[JsonObject], recorded: Sequence[JsonObject]
) -> Iterator[tuple[int, JsonObject | None, JsonObject | None]]:
    """Pairs of like parts; None where one side has none. The index is that of ours."""
    blocks = SequenceMatcher(
        None, [_key(part) for part in ours], [_key(part) for part in recorded], autojunk=False
    )
    for _, i, i_end, j, j_end in blocks.get_opcodes():
        if i_end - i == j_end - j and _keys(ours[i:i_end]) == _keys(recorded[j:j_end]):
            for step in range(i_end - i):
                yield i + step, ours[i + step], recorded[j + step]
            continue
        for index in range(i, i_end):
            yield index, ours[index], None
        for index in range(j, j_end):
            yield i_end, None, recorded[index]


def _key(part: JsonObject) -> tuple[str, str, str]:
    return str(part.get("role")), str(part.get("kind")), str(part.get("mark"))


def _keys(parts: Sequence[JsonObject]) -> list[tuple[str, str, str]]:
    return [_key(part) for part in parts]


def _different(path: str, ours: Json, recorded: Json) -> Iterator[Difference]:
    """The paths at which two values differ."""
    if isinstance(ours, dict) and isinstance(recorded, dict):
        for name in sorted(ours.keys() | recorded.keys()):
            mine, theirs = ours.get(name, _NOTHING), recorded.get(name, _NOTHING)
            yield from _different(f"{path}.{name}", mine, theirs)
    elif ours != recorded:
        nothing = _NOTHING if ours is None or recorded is None else None
        yield Difference(path, ours or nothing, recorded or nothing)


def _named(mine: JsonObject | None, theirs: JsonObject | None, evidence: Evidence) -> str | None:
    part = mine or theirs or {}
    if part.get("role") != "assistant":
        renamed = mine and theirs and _result_id(mine, theirs, evidence)
        return "client changed the id of a call" if renamed else None
    if theirs is None:
        return LEFT_OUT.get(str(part.get("kind")))
    if mine is None:
        return _added(theirs, evidence)
    for name, excused in CHANGED:
        if excused(mine, theirs, evidence):
            return name
    return None


def _added(theirs: JsonObject, evidence: Evidence) -> str | None:
    """A part that only the client's has.

    An empty text in a message with calls is an optional field, and is not even a part (see the
    readers). Here it is a message or an item of its own, which the model is shown: no field.
    """
    if theirs.get("kind") == "text" and not theirs.get("text"):
        return "client added an empty text"
    said = _but(theirs, "role", "kind", "mark").values()
    thought = max((packed(value) for value in said if isinstance(value, str)), key=len, default="")
    marked = [packed(text) for text in evidence.texts if "</think>" in text]
    if theirs.get("kind") == "reasoning" and thought and any(thought in text for text in marked):
        return THOUGHTS_OUT
    return None


THOUGHTS_OUT = "client took the thoughts out of the text"
LEFT_OUT = {
    "citations": "client left out phase, citations or the like",
    "plan": "client left out the plan of its calls",
    "reasoning": "client left out reasoning",
    "hosted": "client left out hosted tools",
    "text": "client left out text",
}
"""Kind of a part that only ours has -> what that is called."""


MAY_BE_LEFT_OUT = ("caller", "citations", "namespace", "phase")
"""Fields that tell more of a part than what it says."""


def _but(part: JsonObject, *names: str) -> JsonObject:
    return {key: value for key, value in part.items() if key not in names}


def _same_but(mine: JsonObject, theirs: JsonObject, *names: str) -> bool:
    return _but(mine, *names) == _but(theirs, *names)


def _text(part: JsonObject) -> str:
    return str(part.get("text") or "")


def _field(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """The APIs take the part without them, but want them: a model without `phase` does worse."""
    del evidence
    missing = {name for name in MAY_BE_LEFT_OUT if name in mine and name not in theirs}
    return bool(missing) and _same_but(mine, theirs, *missing)


def _white_space(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """Seen where a client takes thoughts out of a text, and puts them back in its own way."""
    del evidence
    return _same_but(mine, theirs, "text") and packed(_text(mine)) == packed(_text(theirs))


def _quotes(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """Typographic in the response and plain in the request: a recorder does that to requests.

    And clients that read arguments out of a text write them anew, as Python does.
    """
    del evidence
    return _same_but(mine, theirs, "text") and folded(_text(mine)) == folded(_text(theirs))


def _thoughts_in(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """The response had them in a field, word for word."""
    bare = packed(without_thoughts(_text(theirs)))
    inside = packed(_text(theirs).replace("<think>", "").replace("</think>", ""))
    same = _same_but(mine, theirs, "text") and bare == packed(_text(mine))
    return same and any(inside == thought + bare for thought in evidence.thoughts)


def _thoughts_out(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """The response had them in its text: that is what the model said."""
    del evidence
    bare = packed(without_thoughts(_text(mine)))
    return _same_but(mine, theirs, "text") and bare == packed(_text(theirs))


def _hosted(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """Ours is in the response, to the letter; null does not count.

    Seen: arguments under another name, outputs and lists of tools left out, ids filled in.
    """
    if mine.get("kind") != "hosted" or mine.get("id") != theirs.get("id"):
        return False
    alike = (given for given in evidence.objects if given.get("id") == mine.get("id"))
    payload = _but(mine, "kind", "mark", "role")
    return any(bare(_but(given, "status")) == payload for given in alike)


def _namespace(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """No response had one for that call."""
    named = [o for o in evidence.objects if o.get("call_id") == mine.get("call_id")]
    none = not any(given.get("namespace") for given in named)
    return none and "namespace" not in mine and _same_but(mine, theirs, "namespace")


def _details(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """What is left of the list is in its order."""
    del evidence
    ours, kept = mine.get("value"), theirs.get("value")
    if not isinstance(ours, list) or not isinstance(kept, list):
        return False
    rest = iter(ours)
    return _same_but(mine, theirs, "value") and all(entry in rest for entry in kept)


def _call_id(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """Name and arguments are the same; ours is the id of the response, for that is `faithful`."""
    del evidence
    return mine.get("kind") == "call" and _same_but(mine, theirs, "id", "call_id")


def _result_id(mine: JsonObject, theirs: JsonObject, evidence: Evidence) -> bool:
    """Whether a result is another's only by an id: ours is the one that a response gave."""
    given = {call.id for calls in evidence.calls for call in calls}
    names = [name for name in ("id", "call_id", "tool_call_id", "tool_use_id") if name in mine]
    return all(mine[name] in given for name in names) and _same_but(mine, theirs, *names)


CHANGED: tuple[tuple[str, Callable[[JsonObject, JsonObject, Evidence], bool]], ...] = (
    ("client left out phase, citations or the like", _field),
    ("client changed white space", _white_space),
    ("client or recorder changed quotation marks", _quotes),
    ("client wrote the thoughts into the text", _thoughts_in),
    (THOUGHTS_OUT, _thoughts_out),
    ("client rewrote a hosted tool", _hosted),
    ("client added a namespace", _namespace),
    ("client left out reasoning", _details),
    ("client changed the id of a call", _call_id),
)
"""What the difference between two like parts is called, and when."""
