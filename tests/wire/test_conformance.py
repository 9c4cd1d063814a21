"""Every wire under every scenario, over a real connection; what each states is in `conformance`."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import Struct

from rig_sync.completion import CompletionResponse, FinishReason, Usage
from rig_sync.errors import ReadFailed, RigError, StreamTruncated
from rig_sync.limits import Limits
from rig_sync.streaming.items import (
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    Text,
    ToolCall,
    Unknown,
)
from rig_sync.streaming.parts import Parts
from rig_sync.streaming.raw import (
    CallFragment,
    Defect,
    End,
    Failed,
    Finish,
    Meta,
    RawEvent,
    ReasoningFragment,
    UsageReport,
)
from rig_sync.transport.framing import FRAMINGS
from rig_sync.wire.base import Frame, Wire
from rig_sync.wire.openai_chat import OpenAIChat
from tests import strategies
from tests.conftest import ServerFactory
from tests.server import Close, Framing, Reset, Send, Step, sse_response
from tests.wire import conformance
from tests.wire.asking import ask
from tests.wire.conformance.scenarios import (
    SCENARIOS,
    Absent,
    Failure,
    Scene,
    check,
    check_whole,
    suite,
    variants,
    wires,
)
from tests.wire.loopback import Answer, Loopback

MEDIA_TYPES = {
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "aws": "application/vnd.amazon.eventstream",
}
PRIME = 7  # bytes a piece: no frame of ours is cut alike


class Case(Struct, frozen=True):
    """One variant of a scenario on one wire."""

    wire: str
    scenario: str
    label: str
    scene: Scene

    def __str__(self) -> str:
        """As `openai_chat: usage, zero`."""
        return f"{self.wire}: {self.scenario}{', ' * bool(self.label)}{self.label}"


def cases(*drives: str, whole: bool = False) -> list[object]:
    """All of the scenarios that are driven so, on all wires that have stated anything.

    Args:
        drives: See `Scenario.drive`.
        whole: Only those with a whole body too.
    """
    found = [
        Case(wire, name, label, scene)
        for wire in WIRES
        if importlib.util.find_spec(f"{conformance.__name__}.{wire}") is not None
        for name, entry in suite(wire).SCENES.items()
        if name in SCENARIOS and SCENARIOS[name].drive in drives
        for label, scene in variants(entry).items()
    ]
    return [pytest.param(case, id=str(case)) for case in found if case.scene.whole or not whole]


WIRES = wires()


# what has to be stated ------------------------------------------------------------------------


@pytest.mark.parametrize("wire", WIRES)
def test_every_wire_states_its_frames(wire: str) -> None:
    """For every scenario, with all the variants it has to have, or why it has none."""
    stated = suite(wire)
    assert stated.WIRE.name == wire
    assert stated.SCENES.keys() == SCENARIOS.keys()
    for name, scenario in SCENARIOS.items():
        entry = stated.SCENES[name]
        if isinstance(entry, Absent):
            assert scenario.optional, f"{name}: every wire has it"
            assert len(entry.reason.split()) > 3, f"{name}: why?"
            continue
        scenes = variants(entry)
        assert scenes.keys() >= scenario.labels, name
        assert all(scenes.values()), name
        assert all(scene.whole for scene in scenes.values()) or not scenario.both, name


def test_every_statement_is_of_a_wire() -> None:
    """A wire that goes takes its scenes with it."""
    (folder,) = conformance.__path__
    stated = {path.stem for path in Path(folder).glob("*.py")}
    assert stated - {"__init__", "scenarios"} <= set(WIRES)


# what comes of it -----------------------------------------------------------------------------


def sizes(body: bytes) -> tuple[int, ...]:
    """Small pieces."""
    return (PRIME,) * (len(body) // PRIME)


@pytest.mark.parametrize("case", cases("served", "cut"))
def test_streamed(loopback: Loopback, case: Case) -> None:
    """To the last item as stated, and as the law has it."""
    wire = suite(case.wire).WIRE
    answer = Answer(
        case.scene.body,
        content_type=MEDIA_TYPES[wire.framing],
        sizes=sizes(case.scene.body),
    )
    outcome = ask(loopback.add(answer), wire)
    check(SCENARIOS[case.scenario], case.label, case.scene, outcome, wire.name)


@pytest.mark.parametrize("case", cases("served", "cut", whole=True))
def test_one_shot(loopback: Loopback, case: Case) -> None:
    """The same answer as a whole body gives the same response, or the same error."""
    assert case.scene.whole is not None
    wire = suite(case.wire).WIRE
    body = Answer(case.scene.whole, content_type="application/json")
    check_whole(case.scene, ask(loopback.add(body), wire, streaming=False), wire.name)


BREAKS: dict[str, tuple[list[Step], Framing, type[RigError]]] = {
    "reset": ([Reset()], "chunked", ReadFailed),
    "a cut chunk": ([Send(b"40\r\ndata: {"), Close()], "chunked", StreamTruncated),
    "no last chunk": ([Close()], "chunked", StreamTruncated),
    "shorter than its length": ([Close()], "length", StreamTruncated),
}


@pytest.mark.parametrize("way", BREAKS)
@pytest.mark.parametrize("case", cases("broken"))
def test_a_broken_connection(server: ServerFactory, case: Case, way: str) -> None:
    """What was complete comes before the error, in whatever way the connection broke."""
    wire = suite(case.wire).WIRE
    steps, framing, kind = BREAKS[way]
    headers = {"Content-Type": MEDIA_TYPES[wire.framing]}
    if framing == "length":
        headers["Content-Length"] = f"{len(case.scene.body) + 40}"
    script = sse_response(case.scene.body, *steps, framing=framing, headers=headers)
    outcome = ask(server(script).url, wire)
    scene = msgspec.structs.replace(case.scene, error=Failure(kind))
    check(SCENARIOS[case.scenario], case.label, scene, outcome, wire.name)


# however it is cut ----------------------------------------------------------------------------


class Decoded(NamedTuple):
    """What a body amounts to, by the same means as over a connection, without one."""

    items: list[StreamedAssistantContent]
    response: CompletionResponse
    parts: Parts


def decoded(wire: Wire, chunks: Iterable[bytes]) -> Decoded:
    """What comes of a body in those pieces; ids of ours are the same every time."""
    parts = Parts(wire.name, lambda: "ours")
    items = list(
        parts.feed_all(wire.decode_stream(FRAMINGS[wire.framing].cut(chunks, Limits().event_bytes)))
    )
    return Decoded(items, parts.response(), parts)


@pytest.mark.parametrize("case", cases("cut"))
def test_every_cut_in_two(case: Case) -> None:
    """At every place in the bytes."""
    wire, body = suite(case.wire).WIRE, case.scene.body
    whole = decoded(wire, [body])
    assert len(whole.items) == len(case.scene.items) + 1
    for at in range(1, len(body)):
        cut = decoded(wire, [body[:at], body[at:]])
        assert cut.items == whole.items, at
        assert cut.response == whole.response, at


@pytest.mark.parametrize("case", cases("cut"))
def test_byte_by_byte(case: Case) -> None:
    """The finest cut of all, with nothing between the bytes and with empty pieces."""
    wire, body = suite(case.wire).WIRE, case.scene.body
    whole = decoded(wire, [body])
    for between in ([], [b""]):
        chunks = [piece for byte in body for piece in (bytes([byte]), *between)]
        cut = decoded(wire, chunks)
        assert (cut.items, cut.response) == (whole.items, whole.response)


@pytest.mark.parametrize("case", cases("cut"))
def test_many_cuts(case: Case) -> None:
    """In several places at once, some pieces empty."""
    wire, body = suite(case.wire).WIRE, case.scene.body
    whole = decoded(wire, [body])

    @settings(max_examples=100, deadline=None)
    @given(strategies.cuts(body))
    def hold(chunks: list[bytes]) -> None:
        cut = decoded(wire, chunks)
        assert (cut.items, cut.response) == (whole.items, whole.response)

    hold()


@pytest.mark.parametrize("case", cases("cut"))
def test_every_beginning(case: Case) -> None:
    """A body that ends at any place gives a beginning of the items, and no call but whole ones."""
    wire, body = suite(case.wire).WIRE, case.scene.body
    whole = decoded(wire, [body])
    calls = [item for item in whole.items if isinstance(item, ToolCall)]
    reason = whole.response.finish_reason
    for end in range(len(body)):
        cut = decoded(wire, [body[:end]])
        told = [item for item in cut.items if not isinstance(item, (StreamError, StreamFinal))]
        assert told == whole.items[: len(told)], end
        flushed = [item for item in cut.parts.flush() if isinstance(item, ToolCall)]
        assert all(call in calls for call in flushed), end
        if cut.parts.ended:
            assert cut.response.finish_reason == reason, end
            assert cut.response.message == whole.response.message, end


# the suite itself -----------------------------------------------------------------------------

Spoil = Callable[[Iterator[RawEvent]], Iterator[RawEvent]]


class Spoiled(OpenAIChat, frozen=True):
    """A wire that gets something wrong: what it makes of the right events."""

    spoil: Spoil = iter

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """The events of the chat wire, spoiled."""
        return self.spoil(OpenAIChat.decode_stream(self, frames))


def without(kind: type[RawEvent]) -> Spoil:
    """A wire that keeps such events to itself."""
    return lambda events: (event for event in events if not isinstance(event, kind))


def instead(kind: type[RawEvent], other: Callable[[RawEvent], RawEvent]) -> Spoil:
    """A wire that takes one event for another."""
    return lambda events: (other(e) if isinstance(e, kind) else e for e in events)


def before(*extra: RawEvent) -> Spoil:
    """A wire that makes something up."""
    return lambda events: itertools.chain(extra, events)


def ends_well(events: Iterator[RawEvent]) -> Iterator[RawEvent]:
    """A wire that takes the end of a body for the end of an answer."""
    return itertools.chain(events, [End()])


def thoughts_first(events: Iterator[RawEvent]) -> Iterator[RawEvent]:
    """A wire that sorts."""
    return iter(sorted(events, key=lambda event: not isinstance(event, ReasoningFragment)))


def mended(event: RawEvent) -> RawEvent:
    """A call that was cut, made to look whole."""
    if isinstance(event, CallFragment) and event.arguments == '{"to":"al':
        event.arguments += '"}'
    return event


def failure_as_defect(event: RawEvent) -> RawEvent:
    """An error as if the answer went on."""
    assert isinstance(event, Failed)
    return Defect(event.error)


@pytest.mark.parametrize(
    ("spoil", "scenario", "label"),
    [
        (ends_well, "truncation", "between frames"),
        (without(Text), "truncation", "between frames"),
        (without(CallFragment), "broken connection", ""),
        (without(Defect), "malformed frame", "broken JSON"),
        (without(Unknown), "unknown event", ""),
        (without(Defect), "defective event", "content"),
        (before(Unknown("prelude", {})), "prelude", "Azure's"),
        (before(Text("")), "prelude", "Azure's"),
        (instead(Text, lambda _: Unknown("refusal", {})), "refusal", ""),
        (without(Defect), "bare terminal", ""),
        (before(UsageReport(Usage(0, 0))), "bare terminal", ""),
        (before(Finish(FinishReason("stop", "stop"))), "bare terminal", ""),
        (without(UsageReport), "usage", "full"),
        (before(UsageReport(Usage(0, 0))), "usage", "none"),
        (thoughts_first, "interleaved reasoning", ""),
        (instead(CallFragment, lambda _: CallFragment(0)), "ids", "missing"),
        (without(Failed), "error in a 200", "an object"),
        (instead(Failed, failure_as_defect), "error in a 200", "an object"),
        (without(UsageReport), "usage alone", "empty choices"),
        (instead(CallFragment, mended), "truncated arguments", "limit"),
        (instead(CallFragment, mended), "truncated arguments", "end"),
        (ends_well, "truncated arguments", "end"),
        (without(ReasoningFragment), "every cut", ""),
        (before(Meta(message_id="other")), "one accumulator", ""),
    ],
)
def test_the_suite_notices(loopback: Loopback, spoil: Spoil, scenario: str, label: str) -> None:
    """A wire that gets something wrong does not pass."""
    scene = variants(suite("openai_chat").SCENES[scenario])[label]
    wire = Spoiled(spoil=spoil)
    outcome = ask(loopback.add(Answer(scene.body, sizes=sizes(scene.body))), wire)
    right = msgspec.structs.replace(
        scene, error=Failure(StreamTruncated) if scenario == "broken connection" else scene.error
    )
    with pytest.raises(AssertionError):
        check(SCENARIOS[scenario], label, right, outcome, wire.name)
    outcome = ask(loopback.add(Answer(scene.body, sizes=sizes(scene.body))), OpenAIChat())
    check(SCENARIOS[scenario], label, right, outcome, wire.name)
