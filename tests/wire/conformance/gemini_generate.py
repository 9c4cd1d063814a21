"""The scenarios on Gemini's generateContent; its streams have CRLF line ends."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import RateLimited, ReadFailed, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import Unknown
from rig_sync.wire.gemini_generate import GeminiGenerate
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
from tests.wire.frames import sse

WIRE = GeminiGenerate()

answer = partial(scenarios.answer, id="r-1", model="m-1")
done = partial(answer, finish=("stop", "STOP"))
stream = partial(sse, done=False, line_end="\r\n")


# chunks --------------------------------------------------------------------------------------


def chunk(*parts: Json, finish: Json = None, **more: Json) -> JsonObject:
    """One object of a stream, or a whole answer."""
    candidate: JsonObject = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r-1", "modelVersion": "m-1", **more}


def text(words: Json) -> JsonObject:
    """A chunk with a piece of text."""
    return chunk({"text": words})


def thinking(words: str) -> JsonObject:
    """A part with thoughts."""
    return {"text": words, "thought": True}


def call(name: str, args: Json, id: str | None = None, signature: str | None = None) -> JsonObject:
    """A part with a call."""
    inner: JsonObject = {"name": name, "args": args} | ({} if id is None else {"id": id})
    return {"functionCall": inner} | ({} if signature is None else {"thoughtSignature": signature})


def whole(*parts: Json, finish: Json = "STOP", **more: Json) -> bytes:
    """The one-shot form."""
    return compact(chunk(*parts, finish=finish, **more)).encode()


HEL, LO = text("Hel"), text("lo")
STOP = chunk({"text": ""}, finish="STOP")
CALL = call("add", ADD, "a")
PARTIAL: Json = {"jsonPath": "$.to", "stringValue": "al", "willContinue": True}
CUT: JsonObject = {
    "functionCall": {"id": "b", "name": "send", "partialArgs": [PARTIAL], "willContinue": True}
}
META: JsonObject = {
    "promptTokenCount": 3,
    "cachedContentTokenCount": 1,
    "candidatesTokenCount": 2,
    "thoughtsTokenCount": 4,
    "totalTokenCount": 9,
}
NEW: JsonObject = {"sessionNote": {"at": 7}}
FAILED: JsonObject = {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}


# what they amount to -------------------------------------------------------------------------


def made(id: str, name: str, args: JsonObject, signature: str | None = None) -> ToolCall:
    """A call whose id the server gave."""
    given: JsonObject = {"functionCall": {"id": id}}
    return ToolCall(id, name, args, signature=signature, provider_data=given)


MADE = made("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,"y":2}')
COUNTS = Usage(3, 6, 9, cached_input_tokens=1, reasoning_tokens=4)


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those frames in its middle, and what comes of them there."""
    return Scene(stream(HEL, *frames, LO, STOP), (HELLO[0], *items, HELLO[1]), done("Hello"))


def counted(reported: JsonObject, usage: Usage) -> Scene:
    """The answer "Hello" with that usage."""
    counts: JsonObject = {"usageMetadata": reported} if reported else {}
    return Scene(
        stream(HEL, LO, {**STOP, **counts}),
        HELLO,
        done("Hello", usage=usage),
        whole=whole({"text": "Hello"}, **counts),
    )


def two_calls(first: str | None, second: str | None, sub_id: str) -> Scene:
    """Two calls with those ids, a chunk each; the second ends up with `sub_id`."""
    add = ToolCall("ours_0", "add", ADD) if first is None else made(first, "add", ADD)
    sub = ToolCall(sub_id, "sub", {}, provider_data=None)
    if second is not None:
        sub = ToolCall(sub_id, "sub", {}, provider_data={"functionCall": {"id": second}})
    calls = (call("add", ADD, first), call("sub", {}, second))
    return Scene(
        stream(chunk(calls[0]), chunk(calls[1]), STOP),
        (*TOLD, *pieces(1, "sub", "{}"), handed_over(add), handed_over(sub, 1)),
        answer(add, sub, finish=("tool_calls", "STOP")),
        whole=whole(*calls),
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls of which one is signed, usage."""
    first, second = made("a", "add", ADD, "signed"), ToolCall("ours_1", "sub", {})
    calls = (call("add", ADD, "a", "signed"), call("sub", {}))
    return Scene(
        stream(
            *(chunk(thinking("I ")), chunk(thinking("see"))),
            *(text(RICH_TEXT[:9]), text(RICH_TEXT[9:])),
            chunk(*calls),
            {**STOP, "usageMetadata": META},
        ),
        (
            *thought("I see", "I ", "see"),
            *(Text(RICH_TEXT[:9]), Text(RICH_TEXT[9:])),
            *TOLD,
            *pieces(1, "sub", "{}"),
            *(handed_over(first), handed_over(second, 1)),
        ),
        answer(
            *(Reasoning((ReasoningText("I see"),)), RICH_TEXT, first, second),
            finish=("tool_calls", "STOP"),
            usage=COUNTS,
        ),
        whole=whole(thinking("I see"), {"text": RICH_TEXT}, *calls, usageMetadata=META),
    )


SCENES: Scenes = {
    "truncation": {
        "between chunks": Scene(stream(HEL, LO), HELLO, answer("Hello"), Failure(StreamTruncated)),
        "within a chunk": Scene(
            stream(HEL, LO) + b'data: {"candidates": [{"finishReason": "ST',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "[DONE] is no proof": Scene(sse(HEL, LO), HELLO, answer("Hello"), Failure(StreamTruncated)),
    },
    "broken connection": Scene(
        stream(chunk(CALL)), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
    ),
    "malformed frame": {
        "broken JSON": hello('{"candidates": [{"con', items=(Bad('{"candidates": [{"con'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(NEW, items=(Unknown("unknown", NEW),)),
    "defective event": {
        "text": hello(text(7), items=(Bad("text"),)),
        "call": hello(chunk({"functionCall": "add"}), items=(Bad("functionCall"),)),
        "part": hello(chunk("!"), items=(Bad("parts"),)),
        "candidates": hello({"candidates": "none"}, items=(Bad("candidates"),)),
        "a count": Scene(
            stream(HEL, LO, {**STOP, "usageMetadata": {**META, "thoughtsTokenCount": "four"}}),
            (*HELLO, Bad("thoughtsTokenCount")),
            done("Hello", usage=Usage(3, 2, 9, cached_input_tokens=1)),
        ),
    },
    "prelude": Scene(
        stream(
            {"candidates": None},
            {"candidates": []},
            "null",
            {"candidates": [{}]},
            {"candidates": [{"content": {"role": "model"}}], "responseId": "r-1"},
            *(chunk(), HEL, LO, STOP),
        ),
        HELLO,
        done("Hello"),
    ),
    "refusal": Absent("a refusal is a finish reason, or the prompt is blocked: there are no words"),
    "bare terminal": Scene(
        stream('{"candidates": [{"con', "7", {"candidates": [{"finishReason": "STOP"}]}),
        (Bad('{"candidates": [{"con'), Bad("7")),
        scenarios.answer(finish=("stop", "STOP")),
    ),
    "usage": {
        "full": counted(META, COUNTS),
        "in part": counted({"promptTokenCount": 3, "totalTokenCount": 3}, Usage(3, None, 3)),
        "zero": counted({"promptTokenCount": 0, "candidatesTokenCount": 0}, Usage(0, 0)),
        "none": counted({}, Usage()),
        "the last counts": Scene(
            stream(
                {**HEL, "usageMetadata": {**META, "candidatesTokenCount": 1}},
                *({**LO, "usageMetadata": META}, STOP),
            ),
            HELLO,
            done("Hello", usage=COUNTS),
        ),
    },
    "interleaved reasoning": Scene(
        stream(
            *(chunk(thinking("One")), text("first")),
            *(chunk(thinking("Two")), text("second"), STOP),
        ),
        (*thought("One"), Text("first"), *thought("Two"), Text("second")),
        done(
            *(Reasoning((ReasoningText("One"),)), "first"),
            *(Reasoning((ReasoningText("Two"),)), "second"),
        ),
        whole=whole(thinking("One"), {"text": "first"}, thinking("Two"), {"text": "second"}),
    ),
    "ids": {
        "missing": two_calls(None, None, "ours_1"),
        "missing once": Scene(
            stream(chunk(CALL, call("sub", {})), STOP),
            (
                *TOLD,
                *pieces(1, "sub", "{}"),
                *(handed_over(MADE), handed_over(ToolCall("ours_1", "sub", {}), 1)),
            ),
            answer(MADE, ToolCall("ours_1", "sub", {}), finish=("tool_calls", "STOP")),
        ),
        "one for two calls": two_calls("a", "a", "ours_1"),
    },
    "error in a 200": Scene(
        stream(HEL, LO, chunk(CALL), {"error": FAILED}),
        (*HELLO, *TOLD, handed_over(MADE)),
        answer("Hello", MADE),
        Failure(RateLimited, "Slow down", "RESOURCE_EXHAUSTED"),
        whole=compact({"error": FAILED}).encode(),
    ),
    "usage alone": {
        "at last": Scene(
            stream(HEL, LO, STOP, {"usageMetadata": META}), HELLO, done("Hello", usage=COUNTS)
        ),
        "at first": Scene(
            stream({"usageMetadata": META, "responseId": "r-1"}, HEL, LO, STOP),
            HELLO,
            done("Hello", usage=COUNTS),
        ),
    },
    "truncated arguments": {
        "limit": Scene(
            stream(chunk(CALL), chunk(CUT), chunk(finish="MAX_TOKENS")),
            (
                *TOLD,
                *pieces(1, "send", "{", '"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "MAX_TOKENS")),
        ),
        "end": Scene(
            stream(chunk(CALL), chunk(CUT)),
            (*TOLD, *pieces(1, "send", "{", '"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
