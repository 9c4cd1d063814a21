"""The scenarios on Gemini's interactions."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import RateLimited, ReadFailed, ServerError, StreamTruncated
from rig_sync.message import Reasoning, ReasoningSummary, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import ReasoningDelta, Unknown
from rig_sync.wire.gemini_interactions import GeminiInteractions
from tests.wire.conformance import scenarios
from tests.wire.conformance.scenarios import (
    ADD,
    HELLO,
    RICH_TEXT,
    Absent,
    Bad,
    Failure,
    Item,
    Scene,
    Scenes,
    handed_over,
    pieces,
)
from tests.wire.frames import sse

WIRE = GeminiInteractions()

answer = partial(scenarios.answer, id="v1-1", model="m-1")
done = partial(answer, finish=("stop", "completed"))


# events --------------------------------------------------------------------------------------


def event(kind: str, **fields: Json) -> JsonObject:
    """One event; the type comes last, as Google sends it."""
    return {**fields, "event_type": kind}


def interaction(status: str, **more: Json) -> JsonObject:
    """The whole object."""
    return {"id": "v1-1", "status": status, "object": "interaction", "model": "m-1", **more}


def stream(*events: Json, usage: Json = None, status: str = "completed") -> bytes:
    """The body of a whole stream, named events and all."""
    return body(*events, over(usage, status)) + b"event: done\ndata: [DONE]\n\n"


def body(*events: Json) -> bytes:
    """The body of a stream that begins as it should."""
    return sse(START, *events, done=False)


def over(usage: Json = None, status: str = "completed") -> JsonObject:
    """The terminal event."""
    return event("interaction.completed", interaction=interaction(status, usage=usage))


def began(index: Json = 0, **step: Json) -> JsonObject:
    """The beginning of a step."""
    return event("step.start", index=index, step=step)


def delta(index: Json = 0, **fields: Json) -> JsonObject:
    """A piece of a step."""
    return event("step.delta", index=index, delta=fields)


def stopped(index: Json = 0) -> JsonObject:
    """The end of a step."""
    return event("step.stop", index=index)


def said(*texts: str, index: int = 0) -> list[JsonObject]:
    """All events of what the model says."""
    deltas = [delta(index, type="text", text=text) for text in texts]
    return [began(index, type="model_output"), *deltas, stopped(index)]


def thinking(*texts: str, index: int) -> list[JsonObject]:
    """All events of one signed step of thoughts."""
    return [
        began(index, type="thought"),
        *(delta(index, type="thought_summary", content=words(text)) for text in texts),
        delta(index, type="thought_signature", signature="signed"),
        stopped(index),
    ]


def called(name: str, *texts: str, index: int, **more: Json) -> list[JsonObject]:
    """All events of one call."""
    return [
        began(index, **more, type="function_call", name=name, arguments={}),
        *(delta(index, type="arguments_delta", arguments=text) for text in texts),
        stopped(index),
    ]


def unindexed(events: list[JsonObject]) -> list[JsonObject]:
    """The events without their index."""
    return [{name: value for name, value in e.items() if name != "index"} for e in events]


def whole(*steps: Json, status: str = "completed", usage: Json = None) -> bytes:
    """The one-shot form."""
    return compact(interaction(status, steps=list(steps), usage=usage)).encode()


def words(text: str) -> JsonObject:
    """A finished text."""
    return {"type": "text", "text": text}


def output(text: str) -> JsonObject:
    """A finished step of what the model says."""
    return {"type": "model_output", "content": [words(text)]}


def thoughts(text: str) -> JsonObject:
    """A finished step of thoughts."""
    return {"type": "thought", "summary": [words(text)], "signature": "signed"}


def call(id: Json, name: str, arguments: Json) -> JsonObject:
    """A finished call."""
    return {"type": "function_call", "id": id, "name": name, "arguments": arguments}


# what they amount to -------------------------------------------------------------------------

START = event("interaction.created", interaction=interaction("in_progress"))
CALL = called("add", '{"x":1,', '"y":2}', index=1, id="a")
CUT = called("send", '{"to":"al', index=2, id="b")
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
USAGE: JsonObject = {
    "total_input_tokens": 3,
    "total_cached_tokens": 1,
    "total_output_tokens": 2,
    "total_thought_tokens": 4,
    "total_tokens": 9,
}
COUNTS = Usage(3, 6, 9, cached_input_tokens=1, reasoning_tokens=4)
NEW = event("interaction.note", at=7)
SLOW: JsonObject = {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}
BROKEN: JsonObject = {"code": 500, "message": "Oh no", "status": "INTERNAL"}


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those frames in its middle, and what comes of them there."""
    text = said("Hel", "lo")
    return Scene(stream(*text[:2], *frames, *text[2:]), (HELLO[0], *items, HELLO[1]), done("Hello"))


def counted(reported: Json, usage: Usage) -> Scene:
    """The answer "Hello" with that usage."""
    return Scene(
        stream(*said("Hel", "lo"), usage=reported),
        HELLO,
        done("Hello", usage=usage),
        whole=whole(output("Hello"), usage=reported),
    )


def signed(text: str) -> Reasoning:
    """A block of thoughts as it is in the message."""
    return Reasoning((ReasoningSummary(text), ReasoningText("", "signed")))


def two_calls(*events: JsonObject, ids: tuple[str, str], given: tuple[Json, Json]) -> Scene:
    """Calls of `add` and `sub` that end up with `ids`; the server gave others."""
    add, sub = ToolCall(ids[0], "add", ADD), ToolCall(ids[1], "sub", {})
    return Scene(
        stream(*events, status="requires_action"),
        (*TOLD, *pieces(1, "sub", "{}"), handed_over(add), handed_over(sub, 1)),
        answer(add, sub, finish=("tool_calls", "requires_action")),
        whole=whole(
            *(call(given[0], "add", ADD), call(given[1], "sub", {})), status="requires_action"
        ),
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls, usage."""
    second = ToolCall("b", "sub", {})
    return Scene(
        stream(
            event("interaction.status_update", interaction_id="v1-1", status="in_progress"),
            *thinking("I ", "see", index=0),
            *said(RICH_TEXT[:9], RICH_TEXT[9:], index=1),
            *called("add", '{"x":1,', '"y":2}', index=2, id="a"),
            *called("sub", index=3, id="b"),
            usage=USAGE,
            status="requires_action",
        ),
        (
            *(ReasoningDelta("I "), ReasoningDelta("see"), signed("I see")),
            *(Text(RICH_TEXT[:9]), Text(RICH_TEXT[9:])),
            *TOLD,
            *pieces(1, "sub"),
            *(handed_over(MADE), handed_over(second, 1)),
        ),
        answer(
            *(signed("I see"), RICH_TEXT, MADE, second),
            finish=("tool_calls", "requires_action"),
            usage=COUNTS,
        ),
        whole=whole(
            *(thoughts("I see"), output(RICH_TEXT), call("a", "add", ADD), call("b", "sub", {})),
            status="requires_action",
            usage=USAGE,
        ),
    )


SCENES: Scenes = {
    "truncation": {
        "within a step": Scene(
            body(*said("Hel", "lo")[:-1]), HELLO, answer("Hello"), Failure(StreamTruncated)
        ),
        "within a frame": Scene(
            body(*said("Hel", "lo")) + b'data: {"interaction":{"id":"v1-1","status":"comp',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": {
        "after its end": Scene(
            body(*CALL), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
        ),
        "before its end": Scene(
            body(*CALL[:-1]), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
        ),
    },
    "malformed frame": {
        "broken JSON": hello('{"index":0,"delta":{"te', items=(Bad('{"index":0,"delta":{"te'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(NEW, items=(Unknown("interaction.note", NEW),)),
    "defective event": {
        "text": hello(delta(type="text", text=7), items=(Bad("text"),)),
        "index": hello(delta("first", type="text", text=""), items=(Bad("index"),)),
        "delta": hello(event("step.delta", index=0, delta="!"), items=(Bad("delta"),)),
        "interaction": hello(
            event("interaction.in_progress", interaction=7), items=(Bad("interaction"),)
        ),
    },
    "prelude": Scene(
        stream(
            event("interaction.status_update", interaction_id="v1-1", status="in_progress"),
            "null",
            *said("", "Hel", "lo"),
        ),
        HELLO,
        done("Hello"),
    ),
    "refusal": Absent("a refusal is plain words, or the interaction fails: there is no field"),
    "bare terminal": {
        "its event": Scene(
            sse(
                '{"index":0,"delta":{"te',
                "7",
                event("interaction.completed", interaction={"status": "completed"}),
                done=False,
            ),
            (Bad('{"index":0,"delta":{"te'), Bad("7")),
            scenarios.answer(finish=("stop", "completed")),
        ),
        "[DONE]": Scene(
            sse('{"index":0,"delta":{"te', "7"),
            (Bad('{"index":0,"delta":{"te'), Bad("7")),
            scenarios.answer(),
        ),
    },
    "usage": {
        "full": counted(USAGE, COUNTS),
        "in part": counted({"total_input_tokens": 3, "total_output_tokens": None}, Usage(3)),
        "zero": counted({"total_input_tokens": 0, "total_output_tokens": 0}, Usage(0, 0)),
        "none": counted(None, Usage()),
    },
    "interleaved reasoning": Scene(
        stream(
            *(*thinking("One", index=0), *said("first", index=1)),
            *(*thinking("Two", index=2), *said("second", index=3)),
        ),
        (
            *(ReasoningDelta("One"), signed("One"), Text("first")),
            *(ReasoningDelta("Two"), signed("Two"), Text("second")),
        ),
        done(signed("One"), "first", signed("Two"), "second"),
        whole=whole(thoughts("One"), output("first"), thoughts("Two"), output("second")),
    ),
    "ids": {
        "missing": two_calls(
            *called("add", '{"x":1,', '"y":2}', index=0),
            *called("sub", "{}", index=1, id=""),
            ids=("ours_0", "ours_1"),
            given=(None, ""),
        ),
        "one for two calls": two_calls(
            *called("add", '{"x":1,', '"y":2}', index=0, id="a"),
            *called("sub", "{}", index=1, id="a"),
            ids=("a", "ours_1"),
            given=("a", "a"),
        ),
        "no index": two_calls(
            *unindexed(called("add", '{"x":1,', '"y":2}', index=0, id="a")),
            *unindexed(called("sub", "{}", index=1, id="b")),
            ids=("a", "b"),
            given=("a", "b"),
        ),
    },
    "error in a 200": {
        "an event": Scene(
            body(*said("Hel", "lo"), *CALL, event("error", error=SLOW)),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(RateLimited, "Slow down", "RESOURCE_EXHAUSTED"),
            whole=compact({"error": SLOW}).encode(),
        ),
        "a failed interaction": Scene(
            body(
                *(*said("Hel", "lo"), *CALL),
                event("interaction.failed", interaction=interaction("failed", error=BROKEN)),
            ),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE, finish=("other", "failed")),
            Failure(ServerError, "Oh no", "INTERNAL"),
            whole=compact(interaction("failed", error=BROKEN)).encode(),
        ),
    },
    "usage alone": Scene(
        stream(
            *said("Hel", "lo"),
            event("interaction.status_update", status="in_progress", metadata={"usage": USAGE}),
        ),
        HELLO,
        done("Hello", usage=COUNTS),
    ),
    "truncated arguments": {
        "limit": Scene(
            stream(*CALL, *CUT, status="incomplete"),
            (
                *TOLD,
                *pieces(1, "send", '{"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "incomplete")),
        ),
        "end": Scene(
            body(*CALL, *CUT[:-1]),
            (*TOLD, *pieces(1, "send", '{"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
