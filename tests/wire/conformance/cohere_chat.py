"""The scenarios on Cohere's chat wire."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import ProviderError, ReadFailed, StreamTruncated
from rig_sync.message import ProviderBlock, Reasoning, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import Unknown
from rig_sync.wire.cohere_chat import CohereChat
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
    thought,
)
from tests.wire.frames import event, sse, sse_events

WIRE = CohereChat()

answer = partial(scenarios.answer, id="chat-1")
done = partial(answer, finish=("stop", "COMPLETE"))


# events --------------------------------------------------------------------------------------

EMPTY: JsonObject = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
START = event("message-start", id="chat-1", delta={"message": {**EMPTY, "citations": []}})


def told(kind: str, index: Json = None, **message: Json) -> JsonObject:
    """An event that adds to the message."""
    where: JsonObject = {} if index is None else {"index": index}
    return event(kind, **where, delta={"message": message})


def delta(text: Json, index: Json = 0) -> JsonObject:
    """A piece of text."""
    return told("content-delta", index, content={"text": text})


def said(*texts: str, index: int = 0, kind: str = "text") -> list[JsonObject]:
    """All events of one text, or of one block of thoughts."""
    return [
        told("content-start", index, content={"type": kind, kind: ""}),
        *(told("content-delta", index, content={kind: text}) for text in texts),
        event("content-end", index=index),
    ]


def called(name: str, *texts: str, index: Json = 0, id: Json = None) -> list[JsonObject]:
    """All events of one call; without an id, or an index, if it has none."""
    start: JsonObject = {"type": "function", "function": {"name": name, "arguments": ""}}
    end: JsonObject = {} if index is None else {"index": index}
    return [
        told("tool-call-start", index, tool_calls=start if id is None else {"id": id, **start}),
        *(
            told("tool-call-delta", index, tool_calls={"function": {"arguments": text}})
            for text in texts
        ),
        event("tool-call-end", **end),
    ]


def over(reason: str = "COMPLETE", usage: Json = None, **more: Json) -> JsonObject:
    """The terminal event."""
    return event("message-end", delta={"finish_reason": reason, "usage": usage, **more})


def whole(*content: Json, reason: str = "COMPLETE", usage: Json = None, **more: Json) -> bytes:
    """The one-shot form."""
    message: JsonObject = {"role": "assistant", "content": list(content), **more}
    fields: JsonObject = {"id": "chat-1", "message": message, "finish_reason": reason}
    return compact({**fields, "usage": usage}).encode()


def words(text: str) -> JsonObject:
    """A finished text."""
    return {"type": "text", "text": text}


def thoughts(text: str) -> JsonObject:
    """A finished block of thoughts."""
    return {"type": "thinking", "thinking": text}


def call(id: Json, name: str, arguments: str) -> JsonObject:
    """A finished call."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


# what they amount to -------------------------------------------------------------------------

CALL = called("add", '{"x":1,', '"y":2}', id="a")
CUT = called("send", '{"to":"al', index=1, id="b")
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
USAGE: Json = {
    "billed_units": {"input_tokens": 1, "output_tokens": 1},
    "tokens": {"input_tokens": 3, "output_tokens": 2},
    "cached_tokens": 1,
}
COUNTS = Usage(3, 2, cached_input_tokens=1)
PLAN: JsonObject = {"tool_plan": "I add."}
NEW = event("debug-note", at=7)


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those frames in its middle, and what comes of them there."""
    text = said("Hel", "lo")
    return Scene(
        sse(START, *text[:2], *frames, *text[2:], over(), done=False),
        (HELLO[0], *items, HELLO[1]),
        done("Hello"),
    )


def counted(reported: Json, usage: Usage) -> Scene:
    """The answer "Hello" with that usage."""
    return Scene(
        sse_events(START, *said("Hel", "lo"), over(usage=reported)),
        HELLO,
        done("Hello", usage=usage),
        whole=whole(words("Hello"), usage=reported),
    )


def two_calls(*events: JsonObject, ids: tuple[str, str], given: tuple[Json, Json]) -> Scene:
    """Calls of `add` and `sub` that end up with `ids`; the server gave others."""
    add, sub = ToolCall(ids[0], "add", ADD), ToolCall(ids[1], "sub", {})
    calls: Json = [call(given[0], "add", '{"x":1,"y":2}'), call(given[1], "sub", "{}")]
    return Scene(
        sse_events(START, *events, over("TOOL_CALL")),
        (*TOLD, *pieces(1, "sub", "{}"), handed_over(add), handed_over(sub, 1)),
        answer(add, sub, finish=("tool_calls", "TOOL_CALL")),
        whole=whole(reason="TOOL_CALL", tool_calls=calls),
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, a plan, two calls, usage."""
    second = ToolCall("b", "sub", {})
    return Scene(
        sse_events(
            START,
            *said("I ", "see", index=0, kind="thinking"),
            *said(RICH_TEXT[:9], RICH_TEXT[9:], index=1),
            told("tool-plan-delta", tool_plan="I add."),
            *CALL,
            *called("sub", "{}", index=1, id="b"),
            over("TOOL_CALL", USAGE),
        ),
        (
            *thought("I see", "I ", "see"),
            *(Text(RICH_TEXT[:9]), Text(RICH_TEXT[9:]), Unknown("tool_plan", PLAN)),
            *TOLD,
            *pieces(1, "sub", "{}"),
            *(handed_over(MADE), handed_over(second, 1)),
        ),
        answer(
            *(Reasoning((ReasoningText("I see"),)), RICH_TEXT, ProviderBlock("tool_plan", PLAN)),
            *(MADE, second),
            finish=("tool_calls", "TOOL_CALL"),
            usage=COUNTS,
        ),
        whole=whole(
            *(thoughts("I see"), words(RICH_TEXT)),
            reason="TOOL_CALL",
            usage=USAGE,
            tool_plan="I add.",
            tool_calls=[call("a", "add", '{"x":1,"y":2}'), call("b", "sub", "{}")],
        ),
    )


SCENES: Scenes = {
    "truncation": {
        "within a text": Scene(
            sse_events(START, *said("Hel", "lo")[:-1]),
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "within a plan": Scene(
            sse_events(START, *said("Hel", "lo"), told("tool-plan-delta", tool_plan="I ")),
            (*HELLO, Unknown("tool_plan", {"tool_plan": "I "})),
            answer("Hello", ProviderBlock("tool_plan", {"tool_plan": "I "})),
            Failure(StreamTruncated),
        ),
        "within a frame": Scene(
            sse_events(START, *said("Hel", "lo")) + b'event: message-end\ndata: {"type":"mess',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": {
        "after its end": Scene(
            sse_events(START, *CALL), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
        ),
        "before its end": Scene(
            sse_events(START, *CALL[:-1]),
            (*TOLD, handed_over(MADE)),
            answer(MADE),
            Failure(ReadFailed),
        ),
    },
    "malformed frame": {
        "broken JSON": hello('{"type":"content-de', items=(Bad('{"type":"content-de'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(NEW, items=(Unknown("debug-note", NEW),)),
    "defective event": {
        "text": hello(delta(7), items=(Bad("text"),)),
        "index": hello(delta("", "first"), items=(Bad("index"),)),
        "delta": hello(event("content-delta", index=0, delta="!"), items=(Bad("delta"),)),
        "content": hello(told("content-delta", 0, content="!"), items=(Bad("content"),)),
    },
    "prelude": Scene(
        sse(
            START,
            "null",
            *said("", "Hel", "lo"),
            *(event("citation-end", index=0), over()),
            done=False,
        ),
        HELLO,
        done("Hello"),
    ),
    "refusal": Absent("the model refuses in plain words; what is toxic ends as an error"),
    "bare terminal": Scene(
        sse('{"type":"message-st', "7", event("message-end"), done=False),
        (Bad('{"type":"message-st'), Bad("7")),
        scenarios.answer(),
    ),
    "usage": {
        "full": counted(USAGE, COUNTS),
        "in part": counted({"tokens": {"input_tokens": 3.0}}, Usage(3)),
        "zero": counted({"tokens": {"input_tokens": 0, "output_tokens": 0}}, Usage(0, 0)),
        "none": counted(None, Usage()),
        "none but what is billed": counted({"billed_units": {"input_tokens": 1}}, Usage()),
    },
    "interleaved reasoning": Scene(
        sse_events(
            START,
            *(*said("One", index=0, kind="thinking"), *said("first", index=1)),
            *(*said("Two", index=2, kind="thinking"), *said("second", index=3)),
            over(),
        ),
        (*thought("One"), Text("first"), *thought("Two"), Text("second")),
        done(
            *(Reasoning((ReasoningText("One"),)), "first"),
            *(Reasoning((ReasoningText("Two"),)), "second"),
        ),
        whole=whole(
            *(thoughts("One"), words("first")),
            *(thoughts("Two"), words("second")),
        ),
    ),
    "ids": {
        "missing": two_calls(
            *called("add", '{"x":1,', '"y":2}'),
            *called("sub", "{}", index=1, id=""),
            ids=("ours_0", "ours_1"),
            given=(None, ""),
        ),
        "one for two calls": two_calls(
            *CALL,
            *called("sub", "{}", index=1, id="a"),
            ids=("a", "ours_1"),
            given=("a", "a"),
        ),
        "no index": two_calls(
            *called("add", '{"x":1,', '"y":2}', index=None, id="a"),
            *called("sub", "{}", index=None, id="b"),
            ids=("a", "b"),
            given=("a", "b"),
        ),
    },
    "error in a 200": {
        "in the terminal event": Scene(
            sse_events(START, *said("Hel", "lo"), *CALL, over("ERROR", error="Out of service")),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE, finish=("other", "ERROR")),
            Failure(ProviderError, "Out of service"),
        ),
        "an object": Scene(
            sse(
                *(START, *said("Hel", "lo"), *CALL),
                {"id": "chat-1", "message": "Out of service"},
                done=False,
            ),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(ProviderError, "Out of service"),
            whole=b'{"id":"chat-1","message":"Out of service"}',
        ),
    },
    "usage alone": Absent("usage comes in the terminal event, together with the finish reason"),
    "truncated arguments": {
        "limit": Scene(
            sse_events(START, *CALL, *CUT, over("MAX_TOKENS")),
            (
                *TOLD,
                *pieces(1, "send", '{"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "MAX_TOKENS")),
            whole=whole(
                reason="MAX_TOKENS",
                tool_calls=[call("a", "add", '{"x":1,"y":2}'), call("b", "send", '{"to":"al')],
            ),
        ),
        "end": Scene(
            sse_events(START, *CALL, *CUT[:-1]),
            (*TOLD, *pieces(1, "send", '{"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
