"""The scenarios: what can happen to an answer, and what a caller gets of it over every wire.

A wire says in frames of its own how each scenario looks, and what comes of it to the last item. A
law for each scenario says what has to be so on every wire, whatever the frames.

Source: Rig's `rig-core/src/test_utils/streaming_conformance.rs`, for the first ten.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Struct

import rig_sync.wire
from rig_sync._json import JsonObject
from rig_sync.completion import CompletionResponse, FinishKind, FinishReason, ResponseIds, Usage
from rig_sync.errors import (
    ProviderError,
    ReadFailed,
    ResponseDecodeError,
    RigError,
    StreamTruncated,
)
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    ProviderBlock,
    Reasoning,
    ReasoningText,
    Text,
    ToolCall,
)
from rig_sync.streaming.items import (
    Delta,
    Name,
    ReasoningDelta,
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    ToolCallDelta,
    Unknown,
)
from rig_sync.wire.base import Wire
from tests.wire.asking import Outcome

__all__ = [
    "ADD",
    "HELLO",
    "REFUSAL",
    "RICH_TEXT",
    "SCENARIOS",
    "Absent",
    "Bad",
    "Failure",
    "Item",
    "Scenario",
    "Scene",
    "Scenes",
    "Suite",
    "answer",
    "check",
    "check_whole",
    "handed_over",
    "pieces",
    "suite",
    "thought",
    "variants",
    "wires",
]

T = TypeVar("T")

OURS = "ours"
"""What the ids that are made here begin with, in the expectations."""


# what a wire states --------------------------------------------------------------------------


class Bad(Struct, frozen=True):
    """A `StreamError` in its place: its message has `says` in it."""

    says: str
    code: str | None = None


Item: TypeAlias = StreamedAssistantContent | Bad


class Failure(Struct, frozen=True):
    """What is raised at the end: exactly of that kind, and its message has `says` in it."""

    kind: type[RigError]
    says: str = ""
    code: str | None = None


class Scene(Struct, frozen=True):
    """How a scenario looks on one wire.

    Attributes:
        body: What the server sends.
        items: What is streamed of it, to the last item but the terminal record: that one has to
            follow unless there is an `error`, and must not if there is one.
        answer: The response without `raw` and `defects`; with an `error`, what had come of it.
        error: What is raised.
        whole: The same answer as a whole body: the one-shot call has to give the same.
    """

    body: bytes
    items: tuple[Item, ...]
    answer: CompletionResponse
    error: Failure | None = None
    whole: bytes | None = None


class Absent(Struct, frozen=True):
    """A wire has no such frames; `reason` is why."""

    reason: str


Scenes: TypeAlias = Mapping[str, "Scene | Mapping[str, Scene] | Absent"]
"""By the name of the scenario; several variants of one have labels."""


class Suite(Protocol):
    """What the module of a wire has."""

    WIRE: Wire
    SCENES: Scenes


def variants(entry: Scene | Mapping[str, Scene] | Absent) -> Mapping[str, Scene]:
    """The scenes of one entry of `SCENES`, by label."""
    if isinstance(entry, Absent):
        return {}
    return {"": entry} if isinstance(entry, Scene) else entry


# words for the expectations ------------------------------------------------------------------

HELLO = (Text("Hel"), Text("lo"))
ADD: JsonObject = {"x": 1, "y": 2}
REFUSAL = "I will not."
RICH_TEXT = 'caf\u00e9 \u20ac \U0001f980 \u2028 \\ " \x1a end'
"""Characters of one to four bytes, a line separator that ends no line, and escapes."""


def answer(
    *content: str | AssistantContent,
    finish: tuple[FinishKind, str] | None = None,
    usage: Usage = Usage(),  # noqa: B008 - an immutable value
    id: str | None = None,
    message_id: str | None = None,
    model: str | None = None,
) -> CompletionResponse:
    """A response with that message; strings become `Text`."""
    parts = tuple(Text(part) if isinstance(part, str) else part for part in content)
    reason = None if finish is None else FinishReason(*finish)
    ids = ResponseIds(id, message_id)
    return CompletionResponse(AssistantMessage(parts, message_id), usage, reason, ids, model)


def pieces(number: int, name: str, *arguments: str) -> tuple[ToolCallDelta, ...]:
    """What is streamed of the call of that number, before it is complete."""
    inner = f"{OURS}_{number}"
    told = tuple(ToolCallDelta(inner, Delta(text)) for text in arguments)
    return (ToolCallDelta(inner, Name(name)), *told)


def handed_over(call: ToolCall, number: int = 0) -> ToolCall:
    """The item of a complete call."""
    return msgspec.structs.replace(call, internal_call_id=f"{OURS}_{number}")


def thought(
    text: str, *deltas: str, id: str | None = None
) -> tuple[ReasoningDelta | Reasoning, ...]:
    """What is streamed of a block of thoughts in the open: its pieces, then the block."""
    told = tuple(ReasoningDelta(delta, id) for delta in deltas or (text,))
    return (*told, Reasoning((ReasoningText(text),), id))


# what is checked -----------------------------------------------------------------------------

Law: TypeAlias = Callable[[str, Outcome], None]
"""What has to be so on every wire; told the label of the variant."""


class Scenario(NamedTuple):
    """One thing that can happen.

    Attributes:
        meaning: In words.
        law: What has to be so on every wire.
        labels: The variants that every wire with the scenario has to have.
        optional: A wire may have no frames for it, for a reason.
        drive: How the bytes come: as a good answer, over a connection that then breaks in every
            way, or cut at every place.
        both: It is about the one-shot form too: `whole` has to be there.
    """

    meaning: str
    law: Law
    labels: frozenset[str] = frozenset()
    optional: bool = False
    drive: Literal["served", "broken", "cut"] = "served"
    both: bool = False


def check(scenario: Scenario, label: str, scene: Scene, outcome: Outcome, origin: str) -> None:
    """Hold a streamed answer against the scene, to the last item, and against the law."""
    ours = _plain(outcome)
    expected = [_stamped(item, origin) for item in scene.items]
    if scene.error is None:
        final = ours.final
        expected.append(StreamFinal(*_told_at_the_end(scene.answer), final.raw if final else None))
    found = [_as_expected(item, want) for item, want in _beside(ours.items or (), expected)]
    assert found == expected
    _check_failure(scene.error, outcome.error)
    _check_answer(scene, ours, origin)
    assert ours.answer.defects == tuple(str(error) for error in ours.errors)
    scenario.law(label, ours)


def check_whole(scene: Scene, outcome: Outcome, origin: str) -> None:
    """Hold a one-shot answer against the same scene: all but the items is the same."""
    ours = _plain(outcome)
    _check_failure(scene.error, outcome.error)
    if scene.error is None:
        _check_answer(scene, ours, origin)
    told = [item for item in scene.items if isinstance(item, Bad)]
    assert len(ours.answer.defects if ours.response else ()) == len(told)
    for text, bad in zip(ours.answer.defects if told else (), told, strict=True):
        assert bad.says in text


def _check_failure(wanted: Failure | None, error: Exception | None) -> None:
    assert type(error) is (type(None) if wanted is None else wanted.kind), repr(error)
    if wanted is not None and error is not None:
        assert wanted.says in str(error)
        assert getattr(error, "code", None) == wanted.code
        assert isinstance(error, RigError)
        assert not error.recoverable


def _check_answer(scene: Scene, ours: Outcome, origin: str) -> None:
    found = msgspec.structs.replace(ours.answer, raw=None, defects=())
    content = tuple(_stamped(part, origin) for part in scene.answer.message.content)
    message = msgspec.structs.replace(scene.answer.message, content=content)
    assert found == msgspec.structs.replace(scene.answer, message=message)


def _told_at_the_end(
    response: CompletionResponse,
) -> tuple[Usage, FinishReason | None, ResponseIds, str | None]:
    return response.usage, response.finish_reason, response.ids, response.model


def _beside(items: Iterable[Item], expected: list[Item]) -> Iterable[tuple[Item, Item | None]]:
    listed = list(items)
    return zip(listed, [*expected, *[None] * len(listed)], strict=False)


def _as_expected(item: Item, expected: Item | None) -> Item:
    """An error as `expected`, if it is as that says; everything else as it is."""
    if not isinstance(item, StreamError):
        return item
    error = item.error
    code = getattr(error, "code", None)
    good = isinstance(error, ResponseDecodeError) and error.recoverable
    if good and isinstance(expected, Bad) and expected == Bad(expected.says, code):
        return expected if expected.says in str(error) else Bad(str(error), code)
    return Bad(repr(error), code)


def _stamped(item: T, origin: str) -> T:
    if isinstance(item, (Reasoning, ProviderBlock)):
        return msgspec.structs.replace(item, origin=origin)
    return item


_MINTED = re.compile(r"^call_[0-9a-f]{12}(?=_\d+$)")


def _plain(outcome: Outcome) -> Outcome:
    """`outcome` with ids of ours that are the same every time."""
    response, items = outcome.response, outcome.items
    if response is not None:
        content = tuple(_plain_item(part) for part in response.message.content)
        message = msgspec.structs.replace(response.message, content=content)
        response = msgspec.structs.replace(response, message=message)
    return Outcome(
        response, outcome.error, None if items is None else [_plain_item(item) for item in items]
    )


def _plain_item(item: T) -> T:
    if isinstance(item, ToolCallDelta):
        inner_id = _MINTED.sub(OURS, item.internal_call_id)
        return msgspec.structs.replace(item, internal_call_id=inner_id)
    if isinstance(item, ToolCall):
        inner = item.internal_call_id
        return msgspec.structs.replace(
            item,
            id=_MINTED.sub(OURS, item.id),
            internal_call_id=None if inner is None else _MINTED.sub(OURS, inner),
        )
    return item


# the laws ------------------------------------------------------------------------------------


def kinds(values: Iterable[object]) -> list[str]:
    """The names of the types in order, of several in a row the first."""
    found: list[str] = []
    for value in values:
        name = type(value).__name__
        if not found or found[-1] != name:
            found.append(name)
    return found


def _truncated(label: str, outcome: Outcome) -> None:
    assert type(outcome.error) is StreamTruncated
    assert outcome.final is None
    assert outcome.answer.finish_reason is None
    assert outcome.text == "Hello"


def _broken_after_a_call(label: str, outcome: Outcome) -> None:
    assert type(outcome.error) in (ReadFailed, StreamTruncated)
    assert outcome.final is None
    assert outcome.calls == [("add", ADD)]
    assert outcome.items is not None
    assert isinstance(outcome.items[-1], ToolCall)
    assert len(outcome.tool_items) == 1


def _goes_on_after(kind: str) -> Law:
    def law(label: str, outcome: Outcome) -> None:
        assert outcome.text == "Hello"
        assert kinds(outcome.items or ()) == ["Text", kind, "Text", "StreamFinal"]

    return law


def _defective(label: str, outcome: Outcome) -> None:
    assert outcome.text == "Hello"
    assert outcome.errors
    assert outcome.of(Unknown) == []
    assert outcome.final is not None


def _words_alone(text: str) -> Law:
    def law(label: str, outcome: Outcome) -> None:
        assert outcome.text == text
        assert kinds(outcome.items or ()) == ["Text", "StreamFinal"]

    return law


def _nothing(label: str, outcome: Outcome) -> None:
    assert len(outcome.errors) >= 2
    assert set(kinds(outcome.items or ())) <= {"StreamError", "StreamFinal"}
    assert outcome.answer.message.content == ()
    assert not outcome.answer.usage


def _usage(label: str, outcome: Outcome) -> None:
    usage = outcome.answer.usage
    assert outcome.final is not None
    assert outcome.final.usage == usage
    assert outcome.errors == []
    both = (usage.input_tokens, usage.output_tokens)
    if label.startswith("none"):
        assert not usage
    elif label == "zero":
        assert both == (0, 0)
    elif label == "in part":
        assert both.count(None) == 1
    else:
        assert None not in both


def _order_kept(label: str, outcome: Outcome) -> None:
    assert kinds(outcome.answer.message.content) == ["Reasoning", "Text", "Reasoning", "Text"]
    turn = ["ReasoningDelta", "Reasoning", "Text"]
    assert kinds(outcome.items or ()) == [*turn, *turn, "StreamFinal"]


def _ids(label: str, outcome: Outcome) -> None:
    calls = outcome.answer.message.tool_calls
    assert outcome.final is not None
    assert calls
    assert [call.id for call in outcome.tool_items] == [call.id for call in calls]
    assert len({call.id for call in calls}) == len(calls)
    for call in calls:
        assert call.id.startswith(OURS) if label == "missing" else call.id


def _provider_error(label: str, outcome: Outcome) -> None:
    assert isinstance(outcome.error, ProviderError)
    assert not isinstance(outcome.error, ResponseDecodeError)
    assert outcome.final is None
    assert outcome.text == "Hello"
    assert [(call.name, call.arguments) for call in outcome.tool_items] == [("add", ADD)]


def _never_runs(label: str, outcome: Outcome) -> None:
    assert [(call.name, call.arguments) for call in outcome.tool_items] == [("add", ADD)]
    assert outcome.calls == [("add", ADD)]
    if label == "limit":
        assert [getattr(error, "code", None) for error in outcome.errors] == [
            "incomplete_tool_call"
        ]
        assert outcome.final is not None
    else:
        assert type(outcome.error) is StreamTruncated
        assert outcome.final is None


def _rich(label: str, outcome: Outcome) -> None:
    message = outcome.answer.message
    assert message.text == RICH_TEXT
    assert len(message.tool_calls) == 2
    assert message.reasoning
    assert outcome.answer.usage
    assert outcome.errors == []
    assert outcome.final is not None


SCENARIOS: dict[str, Scenario] = {
    "truncation": Scenario(
        "the body ends before the terminal event: what came is kept, no terminal record", _truncated
    ),
    "broken connection": Scenario(
        "the connection breaks after a complete call: the call comes, then the error",
        _broken_after_a_call,
        drive="broken",
    ),
    "malformed frame": Scenario(
        "a frame cannot be read: it is told in its place, and the answer completes",
        _goes_on_after("StreamError"),
    ),
    "unknown event": Scenario(
        "an event of a type nobody knows is handed over as `Unknown`, and is no error",
        _goes_on_after("Unknown"),
        optional=True,
    ),
    "defective event": Scenario(
        "a known event has a field of the wrong type: it is told, and the rest is read", _defective
    ),
    "prelude": Scenario(
        "frames without content before the content are passed over",
        _words_alone("Hello"),
        optional=True,
    ),
    "refusal": Scenario(
        "a refusal comes as text, without an error", _words_alone(REFUSAL), optional=True
    ),
    "bare terminal": Scenario(
        "a terminal event after frames that could not be read invents nothing",
        _nothing,
        optional=True,
    ),
    "usage": Scenario(
        "what is reported is there; a count that is not is None",
        _usage,
        labels=frozenset({"full", "in part", "zero", "none"}),
    ),
    "interleaved reasoning": Scenario(
        "thoughts and words in turn keep their order", _order_kept, optional=True
    ),
    "ids": Scenario(
        "calls without ids, or with ids that change, are told apart, each with an id of its own",
        _ids,
        labels=frozenset({"missing"}),
        optional=True,
    ),
    "error in a 200": Scenario(
        "the provider's error inside a good status is raised, after what was complete",
        _provider_error,
    ),
    "usage alone": Scenario(
        "usage in a frame without content is read, and is nothing else",
        _words_alone("Hello"),
        optional=True,
    ),
    "truncated arguments": Scenario(
        "a call that broke off never runs; a whole one before it does",
        _never_runs,
        labels=frozenset({"limit", "end"}),
        optional=True,
    ),
    "every cut": Scenario("however the bytes are cut, the items are the same", _rich, drive="cut"),
    "one accumulator": Scenario(
        "streamed and one-shot, one answer gives equal messages", _rich, both=True
    ),
}


def wires() -> list[str]:
    """The modules of `rig_sync.wire` that have a wire: a class that decodes streams."""
    (folder,) = rig_sync.wire.__path__
    found = []
    for path in sorted(Path(folder).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or "Protocol" in map(ast.unparse, node.bases):
                continue
            names = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
            if "decode_stream" in names:
                found.append(path.stem)
    return found


def suite(wire: str) -> Suite:
    """What `wire` states."""
    return cast("Suite", importlib.import_module(f"{__package__}.{wire}"))
