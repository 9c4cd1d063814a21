"""What Gemini's Interactions API answers, over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import FinishReason, Usage
from rig_sync.errors import (
    BadRequest,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    StreamTruncated,
)
from rig_sync.message import (
    Image,
    ProviderBlock,
    ReasoningSummary,
    ReasoningText,
    Text,
)
from rig_sync.message import Reasoning as ReasoningBlock
from rig_sync.streaming.items import Reasoning, ReasoningDelta, ToolCallDelta, Unknown
from rig_sync.wire.base import Wire
from rig_sync.wire.gemini_interactions import GeminiInteractions
from tests.wire.asking import Outcome, ask
from tests.wire.frames import sse
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]
Step = tuple[JsonObject, list[JsonObject]]

WIRE = GeminiInteractions()
NAME = "gemini_interactions"
USAGE: JsonObject = {
    "total_input_tokens": 9,
    "total_output_tokens": 2,
    "total_thought_tokens": 40,
    "total_cached_tokens": 4,
    "total_tokens": 51,
}
COUNTED = Usage(
    input_tokens=9,
    output_tokens=42,
    total_tokens=51,
    cached_input_tokens=4,
    reasoning_tokens=40,
)


def event(kind: str, **fields: Json) -> JsonObject:
    """An event of a stream."""
    return {"event_type": kind, **fields}


def interaction(status: Json = "completed", **more: Json) -> JsonObject:
    """The object that stands for the whole interaction."""
    return {"id": "v1_1", "model": "m-1", "status": status, "usage": USAGE, **more}


def step(index: Json, start: JsonObject, *deltas: JsonObject) -> list[JsonObject]:
    """The events of one step."""
    number: JsonObject = {} if index is None else {"index": index}
    told = [event("step.delta", delta=delta, **number) for delta in deltas]
    return [event("step.start", step=start, **number), *told, event("step.stop", **number)]


def text(piece: Json, **more: Json) -> JsonObject:
    """A delta, or an item, of what the model says."""
    return {"type": "text", "text": piece, **more}


CREATED = event("interaction.created", interaction={"id": "v1_1", "status": "in_progress"})
UPDATE = event("interaction.status_update", interaction_id="v1_1", status="in_progress")
END = event("interaction.completed", interaction=interaction())
OUTPUT: JsonObject = {"type": "model_output"}
HELLO = step(0, OUTPUT, text("Hel"), text("lo"))


def stream(*events: Json, end: Json = END) -> bytes:
    """A stream from its beginning to its end."""
    return sse(CREATED, UPDATE, *events, end, done=False) + b"event: done\ndata: [DONE]\n\n"


@pytest.fixture
def at_once(loopback: Loopback) -> Callable[..., Outcome]:
    """Answers with a whole body: of these steps, or another one."""

    def answer(
        *steps: Json, status: int = 200, body: Json = None, state: Json = "completed"
    ) -> Outcome:
        whole = interaction(state, steps=list(steps)) if body is None else body
        content = compact(whole).encode()
        return ask(loopback.add(Answer(content, status, "application/json")), WIRE, streaming=False)

    return answer


def whole(outcome: Outcome) -> Outcome:
    """`outcome`, which has to be a complete answer of "Hello"."""
    assert outcome.error is None
    assert outcome.text == "Hello"
    assert outcome.answer.finish_reason == FinishReason("stop", "completed")
    assert outcome.answer.usage == COUNTED
    assert (outcome.answer.ids.response, outcome.answer.model) == ("v1_1", "m-1")
    return outcome


@pytest.mark.parametrize(
    "body",
    [
        stream(*HELLO),
        stream(*HELLO).replace(b"\n", b"\r\n"),
        sse(CREATED, *HELLO, END, done=False)[:-2],
        stream("null", "", *HELLO),
        stream(*HELLO[1:3]),
        stream(*HELLO[:-1]),
        stream(*step(None, OUTPUT, text("Hel"), text("lo"))),
        stream(*step(0, {**OUTPUT, "content": [text("Hel")]}, text("lo"))),
        stream(*HELLO[:2], event("step.delta", index=0, delta=text("")), *HELLO[2:]),
        stream(HELLO[0], {**HELLO[1], "metadata": {"usage": {}}}, *HELLO[2:]),
    ],
    ids=[
        *("as documented", "CRLF", "unterminated", "nothing first", "neither start nor stop"),
        *("no stop", "no index", "text in the start", "an empty delta", "metadata"),
    ],
)
def test_streams(serve: Serve, body: bytes) -> None:
    """What a stream may look like; the end of the interaction ends it."""
    outcome = whole(serve(body, WIRE))
    assert (outcome.errors, outcome.of(Unknown)) == ([], [])
    assert [item.text for item in outcome.of(Text)] == ["Hel", "lo"]
    assert outcome.answer.message.content == (Text("Hello"),)
    assert outcome.final is not None
    assert outcome.final.raw == interaction()


SIGNED = ReasoningBlock(
    (ReasoningSummary("Hm."), ReasoningText("", "c2ln")), origin="gemini_interactions"
)


def test_thoughts(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """A summary and a signature make one block; a thought without either makes none."""
    streamed = serve(
        stream(
            *step(
                0,
                {"type": "thought"},
                {"type": "thought_summary", "content": text("H")},
                {"type": "thought_summary", "content": text("m.")},
                {"type": "thought_signature", "signature": "c2ln"},
            ),
            *step(1, {"type": "thought"}),
            *step(2, OUTPUT, text("Hello")),
        ),
        WIRE,
    )
    summary: Json = [text("Hm.")]
    outcome = at_once(
        {"type": "thought", "signature": "c2ln", "summary": summary},
        {"type": "thought"},
        {**OUTPUT, "content": [text("Hello")]},
    )
    assert whole(outcome).answer.message == whole(streamed).answer.message
    assert streamed.answer.message.content == (SIGNED, Text("Hello"))
    assert [item.text for item in streamed.of(ReasoningDelta)] == ["H", "m."]
    assert streamed.of(Reasoning) == [SIGNED]


def test_a_signature_alone(serve: Serve) -> None:
    """It is a block that nobody can read, and has to go back."""
    delta: JsonObject = {"type": "thought_signature", "signature": "c2ln"}
    outcome = serve(stream(event("step.delta", index=0, delta=delta), *HELLO[1:3]), WIRE)
    block = ReasoningBlock((ReasoningText("", "c2ln"),), origin=NAME)
    assert outcome.answer.message.reasoning == (block,)


ADD: JsonObject = {"x": 1, "y": 2}
CALL: JsonObject = {"type": "function_call", "id": "fc-1", "name": "add", "arguments": {}}
OTHER: JsonObject = {"type": "function_call", "id": "fc-2", "name": "sub", "arguments": {"z": 3}}


def arguments(piece: Json) -> JsonObject:
    """A piece of the arguments of a call."""
    return {"type": "arguments_delta", "arguments": piece}


CALLS: dict[str, tuple[list[JsonObject], list[tuple[str, Json]]]] = {
    "in pieces": (step(0, CALL, arguments('{"x":1,'), arguments('"y":2}')), [("add", ADD)]),
    "in an object": (step(0, CALL, arguments(ADD)), [("add", ADD)]),
    "in the start": (step(0, OTHER), [("sub", {"z": 3})]),
    "start and pieces": (step(0, OTHER, arguments('{"z":4}')), [("sub", {"z": 4})]),
    "none": (step(0, CALL), [("add", {})]),
    "two": ([*step(0, CALL), *step(1, OTHER)], [("add", {}), ("sub", {"z": 3})]),
    "no index": ([*step(None, CALL), *step(None, OTHER)], [("add", {}), ("sub", {"z": 3})]),
    "no stop": ([*step(0, OTHER)[:1], *step(1, CALL)[:1]], [("sub", {"z": 3}), ("add", {})]),
    "interleaved": (
        [
            *(step(0, CALL)[0], step(1, OTHER)[0]),
            event("step.delta", index=0, delta=arguments('{"x":1}')),
            *(event("step.stop", index=1), event("step.stop", index=0)),
        ],
        [("add", {"x": 1}), ("sub", {"z": 3})],
    ),
    "whole in a delta": (
        [event("step.delta", index=0, delta=OTHER), event("step.stop", index=0)],
        [("sub", {"z": 3})],
    ),
    "among words": (
        step(0, {**OUTPUT, "content": [text("Hi"), OTHER, CALL]}),
        [("sub", {"z": 3}), ("add", {})],
    ),
}


@pytest.mark.parametrize(("events", "calls"), CALLS.values(), ids=CALLS.keys())
def test_tool_calls(serve: Serve, events: list[JsonObject], calls: list[tuple[str, Json]]) -> None:
    """Arguments come in pieces, or all at once."""
    end = event("interaction.completed", interaction=interaction("requires_action"))
    outcome = serve(stream(*events, end=end), WIRE)
    assert (outcome.error, outcome.errors) == (None, [])
    assert outcome.calls == calls
    assert outcome.answer.finish_reason == FinishReason("tool_calls", "requires_action")
    assert [item.id for item in outcome.tool_items] == [
        {"add": "fc-1", "sub": "fc-2"}[name] for name, _ in calls
    ]
    assert {item.internal_call_id for item in outcome.of(ToolCallDelta)} == {
        item.internal_call_id for item in outcome.tool_items
    }


def test_whole_tool_calls(at_once: Callable[..., Outcome]) -> None:
    """As in a stream; the signature stays with its call."""
    outcome = at_once({**CALL, "signature": "c2ln"}, OTHER, state="requires_action")
    assert outcome.calls == [("add", {}), ("sub", {"z": 3})]
    assert [call.signature for call in outcome.answer.message.tool_calls] == ["c2ln", None]


def test_the_signature_of_a_streamed_call(serve: Serve) -> None:
    """It comes as a delta of its step."""
    signature: JsonObject = {"type": "thought_signature", "signature": "c2ln"}
    outcome = serve(stream(*step(0, CALL, signature)), WIRE)
    assert [call.signature for call in outcome.answer.message.tool_calls] == ["c2ln"]


SEARCH: JsonObject = {"type": "google_search_call", "id": "s-1", "arguments": {"queries": ["q"]}}
FOUND: JsonObject = {
    "type": "google_search_result",
    "call_id": "s-1",
    "result": [{"a": 1}, {"b": 2}],
}


def test_built_in_tools(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """Steps that only Google understands are kept whole and in their place."""
    events = [
        *step(0, {"type": "google_search_call", "id": "s-1"}, arguments('{"queries":["q"]}')),
        *step(
            1,
            {"type": "google_search_result", "result": [{"a": 1}]},
            {"type": "google_search_result", "call_id": "s-1", "result": [{"b": 2}]},
        ),
        *step(2, OUTPUT, text("Hello")),
    ]
    streamed = whole(serve(stream(*events), WIRE))
    assert streamed.answer.message.content == (
        ProviderBlock("google_search_call", SEARCH, NAME),
        ProviderBlock("google_search_result", FOUND, NAME),
        Text("Hello"),
    )
    assert [item.kind for item in streamed.of(Unknown)] == [SEARCH["type"], FOUND["type"]]
    outcome = at_once(SEARCH, FOUND, {**OUTPUT, "content": [text("Hello")]})
    assert outcome.answer.message == streamed.answer.message


def test_text_of_a_tool_is_not_the_models(serve: Serve) -> None:
    """A text delta belongs to the step that it is a delta of."""
    events = [
        *step(0, {"type": "mcp_server_tool_result"}, text("secret")),
        *step(1, OUTPUT, text("Hello")),
    ]
    outcome = whole(serve(stream(*events), WIRE))
    block = outcome.answer.message.content[0]
    assert isinstance(block, ProviderBlock)
    assert block.payload == {"type": "mcp_server_tool_result", "text": "secret"}


NOTE: JsonObject = {"type": "url_citation", "url": "https://example.com"}


def test_annotations(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """They stay with the text that they belong to."""
    events = step(0, OUTPUT, text("Hello"), {"type": "text_annotation", "annotations": [NOTE]})
    streamed = whole(serve(stream(*events), WIRE))
    assert streamed.answer.message.content == (Text("Hello", {"interaction_annotations": [NOTE]}),)
    outcome = at_once({**OUTPUT, "content": [text("Hello", annotations=[NOTE])]})
    assert outcome.answer.message == streamed.answer.message


def test_more_than_words(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """Images are images; what has no name here is kept."""
    image: JsonObject = {"type": "image", "data": "AAAA", "mime_type": "image/png"}
    sound: JsonObject = {"type": "audio", "data": "AAAA"}
    streamed = serve(stream(*step(0, OUTPUT, text("Hi"), image, sound)), WIRE)
    assert streamed.answer.message.content == (
        Text("Hi"),
        Image(data="AAAA", media_type="image/png"),
        ProviderBlock("model_output/audio", sound, NAME),
    )
    outcome = at_once({**OUTPUT, "content": [text("Hi"), image, sound]})
    assert outcome.answer.message == streamed.answer.message


def test_several_texts(at_once: Callable[..., Outcome]) -> None:
    """Each is a part of the message; what the user said is none."""
    said: JsonObject = {"type": "user_input", "content": [text("Hello?")]}
    outcome = at_once(said, {**OUTPUT, "content": [text("Hel"), text("lo")]})
    assert outcome.answer.message.content == (Text("Hel"), Text("lo"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("completed", "stop"),
        ("requires_action", "tool_calls"),
        ("incomplete", "length"),
        ("budget_exceeded", "length"),
        ("cancelled", "other"),
    ],
)
def test_finish_reasons(
    serve: Serve, at_once: Callable[..., Outcome], status: str, kind: str
) -> None:
    """In Gemini's own word, and ours."""
    end = event("interaction.completed", interaction=interaction(status))
    for outcome in (
        serve(stream(*HELLO, end=end), WIRE),
        at_once({**OUTPUT, "content": [text("Hello")]}, state=status),
    ):
        assert outcome.error is None
        reason = outcome.answer.finish_reason
        assert reason is not None
        assert (reason.kind, reason.raw) == (kind, status)


def test_a_call_that_the_token_limit_cuts(serve: Serve) -> None:
    """It is told as a defect, and never runs."""
    end = event("interaction.completed", interaction=interaction("incomplete"))
    outcome = serve(stream(*step(0, CALL, arguments('{"x":')), end=end), WIRE)
    assert outcome.tool_items == []
    assert len(outcome.errors) == 1


# what goes wrong --------------------------------------------------------------------------------

ERROR: JsonObject = {"code": 500, "message": "overheated"}


@pytest.mark.parametrize(
    "frame",
    [
        sse(event("error", error=ERROR), done=False),
        sse(event("error", error="overheated"), done=False),
        b'event: error\ndata: {"message":"overheated"}\n\n',
        b"event: error\ndata: overheated\n\n",
        sse({"error": ERROR}, done=False),
        sse(event("interaction.completed", interaction=interaction("failed", error=ERROR))),
        sse(event("interaction.failed", interaction=interaction("failed", note="overheated"))),
    ],
)
def test_an_error_in_the_stream(serve: Serve, frame: bytes) -> None:
    """It ends the stream; what came is kept."""
    outcome = serve(sse(CREATED, *HELLO[:2], done=False) + frame + sse(*HELLO[2:], END), WIRE)
    assert isinstance(outcome.error, ProviderError)
    assert "overheated" in str(outcome.error)
    assert (outcome.text, outcome.final) == ("Hel", None)


def test_an_error_of_a_whole_answer(at_once: Callable[..., Outcome]) -> None:
    """An interaction that failed, and a body that is nothing but an error."""
    failed = at_once({**OUTPUT, "content": [text("Hel")]}, state="failed")
    assert isinstance(failed.error, ProviderError)
    assert failed.text == "Hel"
    alone = at_once(body={"error": ERROR})
    assert isinstance(alone.error, ProviderError)
    assert "overheated" in str(alone.error)


@pytest.mark.parametrize(("status", "kind"), [(400, BadRequest), (429, RateLimited)])
def test_an_error_status(
    at_once: Callable[..., Outcome], status: int, kind: type[ProviderError]
) -> None:
    """Google's error object with its status."""
    outcome = at_once(body={"error": {"code": status, "message": "no"}}, status=status)
    assert type(outcome.error) is kind


@pytest.mark.parametrize(
    "frame",
    ["{broken", "oops", "[1]", event("step.delta", index="x"), event("step.delta", delta=7)],
)
def test_a_malformed_frame(serve: Serve, frame: Json) -> None:
    """It is a recoverable error; the answer goes on."""
    outcome = whole(serve(stream(*HELLO[:2], frame, *HELLO[2:]), WIRE))
    assert [type(error) for error in outcome.errors] == [ResponseDecodeError]


def test_something_new(serve: Serve) -> None:
    """Events of unknown types are handed on as they are."""
    new = event("interaction.paused", why="…")
    nameless: JsonObject = {"hello": 1}
    outcome = whole(serve(stream(new, nameless, {}, *HELLO), WIRE))
    assert [item.payload for item in outcome.of(Unknown)] == [new, nameless]


@pytest.mark.parametrize("status", [{}, [], 7, None])
def test_a_status_of_another_type(serve: Serve, status: Json) -> None:
    """It ends nothing, and breaks nothing."""
    odd = event("interaction.status_update", interaction={"id": "int-1", "status": status})
    assert whole(serve(stream(odd, *HELLO), WIRE)).text == "Hello"


def test_usage_on_the_way(serve: Serve) -> None:
    """What had been counted when the stream broke off."""
    counted: JsonObject = {**HELLO[1], "metadata": {"usage": USAGE}}
    outcome = serve(sse(CREATED, HELLO[0], counted, done=False), WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.answer.usage == COUNTED
    assert (outcome.text, outcome.final) == ("Hel", None)


def test_the_end_of_the_stream_alone(serve: Serve) -> None:
    """`[DONE]` is a proof too; calls whose end was not told are complete."""
    outcome = serve(sse(CREATED, *HELLO, step(1, OTHER)[0]), WIRE)
    assert outcome.error is None
    assert outcome.final is not None
    assert outcome.answer.finish_reason is None
    assert outcome.calls == [("sub", {"z": 3})]


def test_any_character_at_any_cut(loopback: Loopback) -> None:
    """A character cut in two is one again."""
    words = "a\u2028b\x85d é € 🦀"
    body = stream(*step(0, OUTPUT, text(words)))
    outcome = ask(loopback.add(Answer(body, sizes=(1,) * len(body))), WIRE)
    assert outcome.text == words
