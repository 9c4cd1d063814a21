"""The scenarios on Anthropic's Messages wire."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import Overloaded, ReadFailed, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import ReasoningDelta, Unknown
from rig_sync.wire.anthropic_messages import AnthropicMessages
from tests.wire.conformance import scenarios
from tests.wire.conformance.scenarios import (
    ADD,
    HELLO,
    REFUSAL,
    RICH_TEXT,
    Bad,
    Failure,
    Item,
    Scene,
    Scenes,
    handed_over,
    pieces,
)
from tests.wire.frames import event, sse, sse_events

WIRE = AnthropicMessages()

answer = partial(scenarios.answer, id="msg-1", message_id="msg-1", model="m-1")
done = partial(answer, finish=("stop", "end_turn"))


# events --------------------------------------------------------------------------------------


def start(usage: Json = None) -> JsonObject:
    """The first event."""
    message: JsonObject = {"type": "message", "id": "msg-1", "model": "m-1", "content": []}
    return event("message_start", message={**message, "stop_reason": None, "usage": usage})


def began(block: Json, index: Json = 0) -> JsonObject:
    """The beginning of a block."""
    return event("content_block_start", index=index, content_block=block)


def delta(kind: str, value: Json, index: Json = 0) -> JsonObject:
    """A piece of a block."""
    names = {"input_json_delta": "partial_json"}
    name = names.get(kind, kind.removesuffix("_delta"))
    return event("content_block_delta", index=index, delta={"type": kind, name: value})


def stopped(index: Json = 0) -> JsonObject:
    """The end of a block."""
    return event("content_block_stop", index=index)


def over(reason: Json = "end_turn", usage: Json = None) -> list[JsonObject]:
    """The last two events."""
    return [
        event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage),
        event("message_stop"),
    ]


def words(text: str) -> JsonObject:
    """A finished text."""
    return {"type": "text", "text": text}


def said(*texts: str, index: int = 0) -> list[JsonObject]:
    """All events of one text."""
    deltas = [delta("text_delta", text, index) for text in texts]
    return [began({"type": "text", "text": ""}, index), *deltas, stopped(index)]


def thinking(*texts: str, index: int) -> list[JsonObject]:
    """All events of one signed block of thoughts."""
    return [
        began({"type": "thinking", "thinking": "", "signature": ""}, index),
        *(delta("thinking_delta", text, index) for text in texts),
        delta("signature_delta", "signed", index),
        stopped(index),
    ]


def called(name: str, *texts: str, index: int, **more: Json) -> list[JsonObject]:
    """All events of one call."""
    return [
        began({"type": "tool_use", "name": name, "input": {}, **more}, index),
        *(delta("input_json_delta", text, index) for text in ("", *texts)),
        stopped(index),
    ]


def unindexed(events: list[JsonObject]) -> list[JsonObject]:
    """The events without their index."""
    return [{name: value for name, value in e.items() if name != "index"} for e in events]


# what they amount to -------------------------------------------------------------------------

CALL = called("add", '{"x":1,', '"y":2}', index=1, id="a")
CUT = called("send", '{"to":"al', index=2, id="b")
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
ADD_BLOCK: JsonObject = {"type": "tool_use", "id": "a", "name": "add", "input": ADD}
INPUT: JsonObject = {
    "input_tokens": 3,
    "cache_read_input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "output_tokens": 1,
}
OUTPUT: JsonObject = {"output_tokens": 2}
COUNTS = Usage(33, 2, cached_input_tokens=10, cache_creation_input_tokens=20)
OVERLOADED: JsonObject = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded, wait"},
}
NEW = event("message_note", note={"at": 7})


def whole(*content: Json, reason: Json = "end_turn", usage: Json = None) -> bytes:
    """The one-shot form."""
    fields: JsonObject = {"type": "message", "id": "msg-1", "model": "m-1", "role": "assistant"}
    return compact(
        {**fields, "content": list(content), "stop_reason": reason, "usage": usage}
    ).encode()


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those frames in its middle, and what comes of them there."""
    text = said("Hel", "lo")
    return Scene(
        sse(start(), *text[:2], *frames, *text[2:], *over(), done=False),
        (HELLO[0], *items, HELLO[1]),
        done("Hello"),
    )


def counted(at_first: Json, at_last: Json, usage: Usage) -> Scene:
    """The answer "Hello" with that usage."""
    first = at_first if isinstance(at_first, dict) else {}
    last = at_last if isinstance(at_last, dict) else {}
    return Scene(
        sse_events(start(at_first), *said("Hel", "lo"), *over(usage=at_last)),
        HELLO,
        done("Hello", usage=usage),
        whole=whole(words("Hello"), usage={**first, **last} or None),
    )


def signed(text: str) -> Reasoning:
    """A block of thoughts as it is in the message."""
    return Reasoning((ReasoningText(text, "signed"),))


def block(text: str) -> JsonObject:
    """The same as the provider has it."""
    return {"type": "thinking", "thinking": text, "signature": "signed"}


def two_calls(*events: JsonObject, ids: tuple[str, str], given: tuple[Json, Json]) -> Scene:
    """Calls of `add` and `sub` that end up with `ids`; the server gave others."""
    add, sub = ToolCall(ids[0], "add", ADD), ToolCall(ids[1], "sub", {})
    blocks: list[Json] = [
        {**ADD_BLOCK, "id": given[0]},
        {"type": "tool_use", "id": given[1], "name": "sub", "input": {}},
    ]
    return Scene(
        sse_events(start(), *events, *over("tool_use")),
        (*TOLD, *pieces(1, "sub", "{}"), handed_over(add), handed_over(sub, 1)),
        answer(add, sub, finish=("tool_calls", "tool_use")),
        whole=whole(*blocks, reason="tool_use"),
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls, usage in two places."""
    second = ToolCall("b", "sub", {})
    other: Json = {"type": "tool_use", "id": "b", "name": "sub", "input": {}}
    return Scene(
        sse_events(
            start(INPUT),
            event("ping"),
            *thinking("I ", "see", index=0),
            *said(RICH_TEXT[:9], RICH_TEXT[9:], index=1),
            *called("add", '{"x":1,', '"y":2}', index=2, id="a"),
            *called("sub", index=3, id="b"),
            *over("tool_use", OUTPUT),
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
            finish=("tool_calls", "tool_use"),
            usage=COUNTS,
        ),
        whole=whole(
            *(block("I see"), words(RICH_TEXT), ADD_BLOCK, other),
            reason="tool_use",
            usage={**INPUT, **OUTPUT},
        ),
    )


SCENES: Scenes = {
    "truncation": {
        "within a block": Scene(
            sse_events(start(), *said("Hel", "lo")[:-1]),
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "within a frame": Scene(
            sse_events(start(), *said("Hel", "lo")) + b'event: message_delta\ndata: {"type":"mess',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "[DONE] is no proof": Scene(
            sse(start(), *said("Hel", "lo")), HELLO, answer("Hello"), Failure(StreamTruncated)
        ),
    },
    "broken connection": {
        "after its block": Scene(
            sse_events(start(), *CALL),
            (*TOLD, handed_over(MADE)),
            answer(MADE),
            Failure(ReadFailed),
        ),
        "before the end of its block": Scene(
            sse_events(start(), *CALL[:-1]),
            (*TOLD, handed_over(MADE)),
            answer(MADE),
            Failure(ReadFailed),
        ),
    },
    "malformed frame": {
        "broken JSON": hello('{"type":"content_bl', items=(Bad('{"type":"content_bl'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(NEW, items=(Unknown("message_note", NEW),)),
    "defective event": {
        "text": hello(delta("text_delta", 7), items=(Bad("text"),)),
        "index": hello(delta("text_delta", "", "first"), items=(Bad("index"),)),
        "delta": hello(event("content_block_delta", index=0, delta="!"), items=(Bad("delta"),)),
        "usage": hello(event("message_delta", delta={}, usage="many"), items=(Bad("usage"),)),
    },
    "prelude": Scene(
        sse_events(event("ping"), start(), event("ping"), *said("", "Hel", "lo"), *over()),
        HELLO,
        done("Hello"),
    ),
    "refusal": Scene(
        sse_events(start(), *said(REFUSAL[:5], REFUSAL[5:]), *over("refusal")),
        (Text(REFUSAL[:5]), Text(REFUSAL[5:])),
        answer(REFUSAL, finish=("content_filter", "refusal")),
        whole=whole(words(REFUSAL), reason="refusal"),
    ),
    "bare terminal": Scene(
        sse('{"type":"message_st', "7", event("message_stop"), done=False),
        (Bad('{"type":"message_st'), Bad("7")),
        scenarios.answer(),
    ),
    "usage": {
        "full": counted(INPUT, OUTPUT, COUNTS),
        "all of it at last": counted(
            {"input_tokens": 0, "output_tokens": 0}, {**INPUT, **OUTPUT}, COUNTS
        ),
        "in part": counted({"input_tokens": 3, "output_tokens": None}, None, Usage(3)),
        "zero": counted({"input_tokens": 0}, {"output_tokens": 0}, Usage(0, 0)),
        "none": counted(None, None, Usage()),
    },
    "interleaved reasoning": Scene(
        sse_events(
            start(),
            *(*thinking("One", index=0), *said("first", index=1)),
            *(*thinking("Two", index=2), *said("second", index=3)),
            *over(),
        ),
        (
            *(ReasoningDelta("One"), signed("One"), Text("first")),
            *(ReasoningDelta("Two"), signed("Two"), Text("second")),
        ),
        done(signed("One"), "first", signed("Two"), "second"),
        whole=whole(
            *(block("One"), words("first")),
            *(block("Two"), words("second")),
        ),
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
            sse_events(start(), *said("Hel", "lo"), *CALL, OVERLOADED, *over()),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(Overloaded, "Overloaded, wait", "overloaded_error"),
            whole=compact(OVERLOADED).encode(),
        ),
        "without a type": Scene(
            sse_events(start(), *said("Hel", "lo"), *CALL)
            + sse({"error": OVERLOADED["error"]}, done=False),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(Overloaded, "Overloaded, wait", "overloaded_error"),
        ),
    },
    "usage alone": Scene(
        sse_events(start(INPUT), *said("Hel", "lo"), event("message_delta", usage=OUTPUT), *over()),
        HELLO,
        done("Hello", usage=COUNTS),
    ),
    "truncated arguments": {
        "limit": Scene(
            sse_events(start(), *CALL, *CUT, *over("max_tokens")),
            (
                *TOLD,
                *pieces(1, "send", '{"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "max_tokens")),
        ),
        "end": Scene(
            sse_events(start(), *CALL, *CUT[:-1]),
            (*TOLD, *pieces(1, "send", '{"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
