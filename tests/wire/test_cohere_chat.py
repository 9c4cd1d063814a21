"""What Cohere answers, streamed and whole, over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import FinishReason, Usage
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    StreamTruncated,
)
from rig_sync.message import ProviderBlock, Text
from rig_sync.streaming.items import Reasoning, ReasoningDelta, ToolCallDelta, Unknown
from rig_sync.wire.base import Wire
from rig_sync.wire.cohere_chat import CohereChat
from tests.wire.asking import Outcome, ask
from tests.wire.frames import event, sse, sse_events
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

WIRE = CohereChat()


def said(kind: str, index: Json = None, **message: Json) -> JsonObject:
    """An event that adds to the message; None is left out."""
    number: JsonObject = {} if index is None else {"index": index}
    return event(kind, delta={"message": message}, **number)


def end(reason: Json = "COMPLETE", **more: Json) -> JsonObject:
    """The last event."""
    usage: Json = {
        "billed_units": {"input_tokens": 1, "output_tokens": 1},
        "tokens": {"input_tokens": 9.0, "output_tokens": 4, "reasoning_tokens": 3},
        "cached_tokens": 5,
    }
    return event("message-end", delta={"finish_reason": reason, "usage": usage, **more})


START = event("message-start", id="resp-1", delta={"message": {"content": [], "tool_calls": []}})
OPEN = said("content-start", 0, content={"type": "text", "text": ""})
HEL = said("content-delta", 0, content={"text": "Hel"})
LO = said("content-delta", 0, content={"text": "lo"})
CLOSE = event("content-end", index=0)
HELLO = (START, OPEN, HEL, LO, CLOSE, end())


def call_events(index: Json, name: Json, *pieces: str, id: Json = "call-1") -> list[JsonObject]:
    """A tool call, in pieces."""
    function: Json = {"name": name, "arguments": ""}
    first = said("tool-call-start", index, tool_calls={"id": id, "function": function})
    rest = [
        said("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        for piece in pieces
    ]
    number: JsonObject = {} if index is None else {"index": index}
    return [first, *rest, event("tool-call-end", **number)]


def whole_body(message: Json, reason: Json = "COMPLETE", **more: Json) -> JsonObject:
    """A one-shot answer."""
    usage: Json = {"tokens": {"input_tokens": 9, "output_tokens": 4}}
    return {"id": "resp-1", "message": message, "finish_reason": reason, "usage": usage, **more}


@pytest.fixture
def at_once(loopback: Loopback) -> Callable[..., Outcome]:
    """Answers with a whole body."""

    def answer(body: Json, status: int = 200) -> Outcome:
        text = body if isinstance(body, str) else compact(body)
        url = loopback.add(Answer(text.encode(), status, "application/json"))
        return ask(url, WIRE, streaming=False)

    return answer


def whole(outcome: Outcome) -> Outcome:
    """`outcome`, which has to be a complete answer of "Hello"."""
    assert outcome.error is None
    assert outcome.text == "Hello"
    assert outcome.answer.finish_reason == FinishReason("stop", "COMPLETE")
    assert outcome.answer.ids.response == "resp-1"
    return outcome


@pytest.mark.parametrize(
    "body",
    [
        sse_events(*HELLO),
        sse_events(*HELLO, named=False),
        sse_events(*HELLO) + b"data: [DONE]\n\n",
        sse(*HELLO, line_end="\r\n"),
        sse_events(*HELLO)[:-2],
        sse_events(START, HEL, LO, end()),
        b": ping\n\n" + sse("null", "", *HELLO),
        sse(START, OPEN, {**HEL, "logprobs": {}}, {"type": "content-delta"}, LO, CLOSE, end()),
        sse(START, event("content-delta", index=0, delta=None), *HELLO[1:]),
    ],
    ids=[
        *("as documented", "without names", "[DONE]", "CRLF", "unterminated", "starts left out"),
        *("nothing first", "a delta without anything", "a null delta"),
    ],
)
def test_streams(serve: Serve, body: bytes) -> None:
    """What a stream may look like; `message-end` ends it."""
    outcome = whole(serve(body, WIRE))
    assert outcome.errors == []
    assert outcome.of(Unknown) == []
    assert [item.text for item in outcome.of(Text)] == ["Hel", "lo"]
    assert outcome.answer.usage == Usage(
        input_tokens=9, output_tokens=4, cached_input_tokens=5, reasoning_tokens=3
    )
    assert outcome.answer.raw == end()


def test_a_whole_answer(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """The same message as that of a stream."""
    parts: Json = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "Hello"},
    ]
    outcome = whole(at_once(whole_body({"role": "assistant", "content": parts})))
    assert outcome.answer.usage == Usage(input_tokens=9, output_tokens=4)
    thoughts = [
        said("content-start", 0, content={"type": "thinking", "thinking": ""}),
        said("content-delta", 0, content={"thinking": "Hm"}),
        said("content-delta", 0, content={"thinking": "."}),
        event("content-end", index=0),
    ]
    words = [{**entry, "index": 1} for entry in (OPEN, HEL, LO, CLOSE)]
    streamed = whole(serve(sse_events(START, *thoughts, *words, end()), WIRE))
    assert streamed.answer.message == outcome.answer.message
    assert [item.text for item in streamed.of(ReasoningDelta)] == ["Hm", "."]
    assert [block.text for block in streamed.of(Reasoning)] == ["Hm."]


@pytest.mark.parametrize(
    "content", ["Hello", [{"type": "text", "text": "Hello"}, {"type": "text"}]]
)
def test_whole_content(at_once: Callable[..., Outcome], content: Json) -> None:
    """A string, or parts."""
    assert whole(at_once(whole_body({"content": content}))).text == "Hello"


def test_several_texts(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """Each is a part of the message."""
    again = [{**entry, "index": 1} for entry in (OPEN, HEL, CLOSE)]
    streamed = serve(sse_events(START, OPEN, LO, CLOSE, *again, end()), WIRE)
    parts: Json = [{"type": "text", "text": "lo"}, {"type": "text", "text": "Hel"}]
    assert streamed.answer.message.content == (Text("lo"), Text("Hel"))
    assert at_once(whole_body({"content": parts})).answer.message == streamed.answer.message


ADD: Json = {"x": 1, "y": 2}
CALLS: dict[str, tuple[list[JsonObject], list[tuple[str, Json]]]] = {
    "in pieces": (call_events(0, "add", '{"x":1,', '"y":2}'), [("add", ADD)]),
    "without arguments": (call_events(0, "now"), [("now", {})]),
    "two": (
        [*call_events(0, "add", "{}"), *call_events(1, "sub", '{"x":1}', id="call-2")],
        [("add", {}), ("sub", {"x": 1})],
    ),
    "without an index": (
        [*call_events(None, "add", "{}"), *call_events(None, "sub", '{"x":1}', id="call-2")],
        [("add", {}), ("sub", {"x": 1})],
    ),
    "an end of nothing": (
        [event("tool-call-end", index=7), *call_events(0, "add", "{}")],
        [("add", {})],
    ),
    "an empty delta": (
        [*call_events(0, "add", "{}"), said("tool-call-delta", 0, tool_calls=[])],
        [("add", {})],
    ),
    "arguments in an object": (
        [said("tool-call-start", 0, tool_calls={"function": {"name": "add", "arguments": ADD}})],
        [("add", ADD)],
    ),
}


@pytest.mark.parametrize(("events", "calls"), CALLS.values(), ids=CALLS.keys())
def test_tool_calls(serve: Serve, events: list[JsonObject], calls: list[tuple[str, Json]]) -> None:
    """Calls are told in pieces, one after the other."""
    outcome = serve(sse_events(START, *events, end("TOOL_CALL")), WIRE)
    assert outcome.errors == []
    assert outcome.calls == calls
    assert outcome.answer.finish_reason == FinishReason("tool_calls", "TOOL_CALL")
    assert len({item.id for item in outcome.tool_items}) == len(calls)
    assert {item.internal_call_id for item in outcome.of(ToolCallDelta)} == {
        item.internal_call_id for item in outcome.tool_items
    }


PLAN = ProviderBlock("tool_plan", {"tool_plan": "I will add."}, "cohere_chat")


def test_the_tool_plan(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """It is a part of its own ahead of the calls: neither words nor thoughts."""
    pieces = [said("tool-plan-delta", tool_plan=piece) for piece in ("I will", " add.")]
    events = [START, *pieces, *call_events(0, "add", "{}"), end("TOOL_CALL")]
    streamed = serve(sse_events(*events), WIRE)
    assert [type(part).__name__ for part in streamed.answer.message.content] == [
        "ProviderBlock",
        "ToolCall",
    ]
    assert streamed.answer.message.content[0] == PLAN
    assert [(item.kind, item.payload) for item in streamed.of(Unknown)] == [
        ("tool_plan", {"tool_plan": "I will add."})
    ]
    assert (streamed.text, streamed.of(ReasoningDelta)) == ("", [])
    function: Json = {"name": "add", "arguments": "{}"}
    message: Json = {
        "tool_plan": "I will add.",
        "tool_calls": [{"id": "call-1", "type": "function", "function": function}],
    }
    outcome = at_once(whole_body(message, "TOOL_CALL"))
    assert outcome.answer.message == streamed.answer.message
    assert outcome.calls == [("add", {})]


def test_a_plan_that_breaks_off(serve: Serve) -> None:
    """What came of it is kept."""
    plan = said("tool-plan-delta", tool_plan="I will add.")
    outcome = serve(sse_events(START, plan), WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.answer.message.content == (PLAN,)


CITED: JsonObject = {"start": 0, "end": 5, "text": "Hello", "sources": [{"id": "doc-0"}]}
PLANNED: JsonObject = {**CITED, "type": "PLAN"}


def test_citations(serve: Serve, at_once: Callable[..., Outcome]) -> None:
    """They come live, and stay with the text, or the plan, that they belong to."""
    cited = [said("citation-start", 0, citations=CITED), event("citation-end", index=0)]
    planned = said("citation-start", 1, citations=[PLANNED])
    plan = said("tool-plan-delta", tool_plan="I will add.")
    streamed = serve(sse_events(START, plan, planned, OPEN, HEL, *cited, LO, CLOSE, end()), WIRE)
    block, text = streamed.answer.message.content
    assert text == Text("Hello", {"cohere_citations": [CITED]})
    assert isinstance(block, ProviderBlock)
    assert block.payload == {"tool_plan": "I will add.", "citations": [PLANNED]}
    found = [item.payload for item in streamed.of(Unknown) if item.kind == "citation"]
    assert found == [PLANNED, CITED]
    message: Json = {
        "content": [{"type": "text", "text": "Hello"}],
        "tool_plan": "I will add.",
        "citations": [CITED, PLANNED],
    }
    assert set(map(str, at_once(whole_body(message)).answer.message.content)) == set(
        map(str, streamed.answer.message.content)
    )


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        (None, None),
    ],
)
def test_finish_reasons(
    serve: Serve, at_once: Callable[..., Outcome], word: Json, kind: str | None
) -> None:
    """In Cohere's own word, and ours."""
    for outcome in (
        serve(sse_events(START, OPEN, HEL, end(word)), WIRE),
        at_once(whole_body({"content": "Hel"}, word)),
    ):
        reason = outcome.answer.finish_reason
        assert (reason and reason.kind, reason and reason.raw) == (kind, word)


def test_a_call_that_the_token_limit_cuts(serve: Serve) -> None:
    """It is told as a defect, and never runs."""
    events = call_events(0, "add", '{"x":')[:-1]
    outcome = serve(sse_events(START, *events, end("MAX_TOKENS")), WIRE)
    assert outcome.tool_items == []
    assert len(outcome.errors) == 1


# what goes wrong --------------------------------------------------------------------------------


def test_an_error_at_the_end(serve: Serve) -> None:
    """The last event says that the answer is none; calls that were complete are delivered."""
    last = event(
        "message-end",
        delta={"finish_reason": "ERROR", "usage": {}, "error": "no", "error_type": "BAD_TOOL"},
    )
    outcome = serve(sse_events(START, *call_events(0, "add", "{}"), last), WIRE)
    assert isinstance(outcome.error, ProviderError)
    assert outcome.error.message == "no"
    assert "BAD_TOOL" in outcome.error.body
    assert outcome.answer.finish_reason == FinishReason("other", "ERROR")
    assert [item.name for item in outcome.tool_items] == ["add"]
    assert outcome.final is None


def test_a_timeout_at_the_end(serve: Serve) -> None:
    """What was said until then is no answer."""
    outcome = serve(sse_events(START, OPEN, HEL, end("TIMEOUT")), WIRE)
    assert isinstance(outcome.error, ProviderError)
    assert (outcome.text, outcome.final) == ("Hel", None)


def test_an_error_of_a_whole_answer(at_once: Callable[..., Outcome]) -> None:
    """As in a stream; and a body that is nothing but an error."""
    failed = at_once(whole_body({"content": "Hel"}, "ERROR", error="no"))
    assert isinstance(failed.error, ProviderError)
    assert failed.error.message == "no"
    assert isinstance(at_once({"id": "a", "message": "no such thing"}).error, ProviderError)


@pytest.mark.parametrize(
    "body",
    [
        sse_events(START, OPEN, HEL) + b'data: {"message":"overloaded"}\n\n',
        sse_events(START, OPEN, HEL) + b'event: error\ndata: {"message":"overloaded"}\n\n',
        sse_events(START, OPEN, HEL) + b"event: error\ndata: overloaded\n\n",
        sse_events(START, OPEN, HEL, event("error", message="overloaded")),
        sse_events(START, OPEN, HEL) + b'data: {"error":{"message":"overloaded"}}\n\n',
    ],
)
def test_an_error_in_the_stream(serve: Serve, body: bytes) -> None:
    """It ends the stream; what came is kept."""
    outcome = serve(body + sse_events(LO, end()), WIRE)
    assert isinstance(outcome.error, ProviderError)
    assert "overloaded" in str(outcome.error)
    assert (outcome.text, outcome.final) == ("Hel", None)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequest), (401, AuthenticationError), (429, RateLimited)]
)
def test_an_error_status(
    at_once: Callable[..., Outcome], status: int, kind: type[ProviderError]
) -> None:
    """`{"id", "message"}` with its status."""
    outcome = at_once({"id": "a", "message": "no"}, status)
    assert type(outcome.error) is kind
    assert "no" in str(outcome.error)


@pytest.mark.parametrize(
    "frame",
    [
        "{broken",
        "oops",
        "[1]",
        said("content-delta", 0, content=7),
        event("content-delta", index="x"),
    ],
)
def test_a_malformed_frame(serve: Serve, frame: Json) -> None:
    """It is a recoverable error; the answer goes on."""
    outcome = whole(serve(sse(START, OPEN, HEL, frame, LO, CLOSE, end()), WIRE))
    assert [type(error) for error in outcome.errors] == [ResponseDecodeError]


def test_something_new(serve: Serve) -> None:
    """Events and contents of unknown types are handed on as they are."""
    new = event("debug", prompt="…")
    drawn = said("content-start", 1, content={"type": "drawing"})
    outcome = whole(serve(sse_events(START, new, OPEN, HEL, LO, CLOSE, drawn, end()), WIRE))
    assert [item.payload for item in outcome.of(Unknown)] == [new, drawn]


def test_an_unknown_part_of_a_whole_answer(at_once: Callable[..., Outcome]) -> None:
    """It is kept in its place."""
    drawing: JsonObject = {"type": "drawing", "lines": []}
    outcome = at_once(whole_body({"content": [drawing, {"type": "text", "text": "Hello"}]}))
    block = ProviderBlock("drawing", drawing, "cohere_chat")
    assert outcome.answer.message.content == (block, Text("Hello"))


@pytest.mark.parametrize("events", [(START, OPEN, HEL, LO), (START, OPEN, HEL, LO, CLOSE)])
def test_a_stream_that_breaks_off(serve: Serve, events: tuple[JsonObject, ...]) -> None:
    """Without `message-end` the answer is not whole."""
    outcome = serve(sse_events(*events), WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert (outcome.text, outcome.final) == ("Hello", None)


def test_the_end_of_the_stream_alone(serve: Serve) -> None:
    """`[DONE]` is a proof too."""
    outcome = serve(sse(START, OPEN, HEL, LO, CLOSE), WIRE)
    assert outcome.error is None
    assert outcome.final is not None
    assert outcome.answer.finish_reason is None


def test_any_character_at_any_cut(loopback: Loopback) -> None:
    """A character cut in two is one again."""
    text = "a\u2028b\x85d é € 🦀"
    body = sse(START, said("content-delta", 0, content={"text": text}), end())
    outcome = ask(loopback.add(Answer(body, sizes=(1,) * len(body))), WIRE)
    assert outcome.text == text
