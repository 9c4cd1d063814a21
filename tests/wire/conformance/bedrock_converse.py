"""The scenarios on Bedrock's Converse, in frames of AWS event streams."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import ProviderError, RateLimited, ReadFailed, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import Unknown
from rig_sync.wire.bedrock_converse import BedrockConverse
from tests.wire.aws_frames import aws_exception, converse
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
    answer,
    handed_over,
    pieces,
    thought,
)

WIRE = BedrockConverse()

Event: TypeAlias = tuple[str, Json]

done = partial(answer, finish=("stop", "end_turn"))


def delta(piece: Json, index: Json = 0) -> Event:
    """A piece of a block."""
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": piece, "p": "abcd"}


def said(text: Json, index: int = 0) -> Event:
    """A piece of text."""
    return delta({"text": text}, index)


def thinking(text: str, index: int = 0) -> Event:
    """A piece of thoughts."""
    return delta({"reasoningContent": {"text": text}}, index)


def begin(index: int, fields: Json) -> Event:
    """The beginning of a call."""
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": fields}}


def told(index: int, text: str) -> Event:
    """A piece of its input."""
    return delta({"toolUse": {"input": text}}, index)


def stop(index: int = 0) -> Event:
    """The end of a block."""
    return "contentBlockStop", {"contentBlockIndex": index}


def finish(reason: str = "end_turn") -> Event:
    """Why the model stopped."""
    return "messageStop", {"stopReason": reason}


def metadata(usage: Json = None) -> Event:
    """The last event."""
    return "metadata", {"usage": usage, "metrics": {"latencyMs": 7}}


def whole(content: list[Json], reason: str = "end_turn", usage: Json = None) -> bytes:
    """A whole answer."""
    output: Json = {"message": {"role": "assistant", "content": content}}
    return compact({"output": output, "stopReason": reason, "usage": usage}).encode()


def hello(*frames: Event, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those events in its middle, and what comes of them there."""
    body = converse(START, HEL, *frames, LO, stop(), finish(), metadata())
    return Scene(body, (HELLO[0], *items, HELLO[1]), done("Hello"))


def counted(usage: Usage, counts: Json) -> Scene:
    """The answer "Hello" with those counts."""
    body = converse(START, HEL, LO, stop(), finish(), metadata(counts))
    one_shot = whole([{"text": "Hello"}], usage=counts)
    return Scene(body, HELLO, done("Hello", usage=usage), whole=one_shot)


START: Event = ("messageStart", {"role": "assistant"})
HEL, LO = said("Hel"), said("lo")
CALL = (begin(1, {"toolUseId": "a", "name": "add"}), told(1, '{"x":1,'), told(1, '"y":2}'), stop(1))
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
COUNTS: JsonObject = {
    "inputTokens": 3,
    "outputTokens": 2,
    "totalTokens": 16,
    "cacheReadInputTokens": 4,
    "cacheWriteInputTokens": 7,
}
COUNTED = Usage(14, 2, 16, 4, 7)
NEW: JsonObject = {"fresh": True}


def two_calls(first: str | None, second: str | None) -> Scene:
    """Two calls with those ids."""
    one: JsonObject = {"name": "add"} if first is None else {"name": "add", "toolUseId": first}
    two: JsonObject = {"name": "sub"} if second is None else {"name": "sub", "toolUseId": second}
    add = ToolCall(first or "ours_0", "add", ADD)
    sub = ToolCall("ours_1" if second in (None, first) else second or "", "sub", {})
    return Scene(
        converse(
            *(begin(0, one), told(0, '{"x":1,"y":2}'), stop(0)),
            *(begin(1, two), told(1, "{}"), stop(1), finish("tool_use"), metadata()),
        ),
        (
            *(*pieces(0, "add", '{"x":1,"y":2}'), *pieces(1, "sub", "{}")),
            *(handed_over(add), handed_over(sub, 1)),
        ),
        answer(add, sub, finish=("tool_calls", "tool_use")),
        whole=whole(
            [{"toolUse": {**one, "input": ADD}}, {"toolUse": {**two, "input": {}}}], "tool_use"
        ),
    )


def truncated(*rest: Event) -> bytes:
    """A whole call, then one that breaks off."""
    second = (begin(2, {"toolUseId": "b", "name": "sub"}), told(2, '{"x":'))
    return converse(*CALL, *second, *rest)


def rich() -> Scene:
    """Thoughts with a signature, words with every kind of character, two calls, usage."""
    block = Reasoning((ReasoningText("I see", "sig-1"),))
    second = ToolCall("b", "sub", {})
    text: Json = {"text": "I see", "signature": "sig-1"}
    return Scene(
        converse(
            *(START, thinking("I "), thinking("see"), thinking("")),
            *(delta({"reasoningContent": {"signature": "sig-1"}}), stop(0)),
            *(said(RICH_TEXT[:9], 1), said(RICH_TEXT[9:], 1), stop(1)),
            *(begin(2, {"toolUseId": "a", "name": "add"}), told(2, '{"x":1,"y":2}'), stop(2)),
            *(begin(3, {"toolUseId": "b", "name": "sub"}), told(3, ""), stop(3)),
            *(finish("tool_use"), metadata(COUNTS)),
        ),
        (
            *thought("I see", "I ", "see")[:-1],
            block,
            *(Text(RICH_TEXT[:9]), Text(RICH_TEXT[9:])),
            *(*pieces(0, "add", '{"x":1,"y":2}'), *pieces(1, "sub")),
            *(handed_over(MADE), handed_over(second, 1)),
        ),
        answer(*(block, RICH_TEXT, MADE, second), finish=("tool_calls", "tool_use"), usage=COUNTED),
        whole=whole(
            [
                {"reasoningContent": {"reasoningText": text}},
                {"text": RICH_TEXT},
                {"toolUse": {"toolUseId": "a", "name": "add", "input": ADD}},
                {"toolUse": {"toolUseId": "b", "name": "sub", "input": {}}},
            ],
            "tool_use",
            COUNTS,
        ),
    )


SCENES: Scenes = {
    "truncation": {
        "between frames": Scene(
            converse(START, HEL, LO, stop()), HELLO, answer("Hello"), Failure(StreamTruncated)
        ),
        "within a frame": Scene(
            converse(START, HEL, LO) + converse(said("!"))[:-1],
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "after the usage": Scene(
            converse(START, HEL, LO, stop(), metadata()),
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": Scene(
        converse(*CALL), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
    ),
    "malformed frame": {
        "broken JSON": hello(("contentBlockDelta", '{"delta'), items=(Bad('{"delta'),)),
        "no object": hello(("contentBlockDelta", "[1]"), items=(Bad("[1]"),)),
        "broken and unknown": hello(("fresh", "?"), items=(Bad("'?'"),)),
    },
    "unknown event": {
        "its name": hello(("fresh", NEW), items=(Unknown("fresh", NEW),)),
        "no name": hello(("", NEW), items=(Unknown("unknown", NEW),)),
        "a kind of piece": hello(
            delta(NEW),
            items=(
                Unknown("contentBlockDelta", {"contentBlockIndex": 0, "delta": NEW, "p": "abcd"}),
            ),
        ),
        "a kind of block": hello(
            ("contentBlockStart", {"start": NEW}),
            items=(Unknown("contentBlockStart", {"start": NEW}),),
        ),
    },
    "defective event": {
        "index": Scene(
            converse(delta({"text": "Hel"}, "0"), LO, finish(), metadata()),
            (Bad("contentBlockIndex"), *HELLO),
            done("Hello"),
        ),
        "signature": Scene(
            converse(
                *(HEL, LO, stop(), delta({"reasoningContent": {"signature": 7, "text": "Hm"}}, 1)),
                *(stop(1), finish(), metadata()),
            ),
            (*HELLO, Bad("signature"), *thought("Hm")),
            done("Hello", Reasoning((ReasoningText("Hm"),))),
        ),
        "a count": Scene(
            converse(HEL, LO, finish(), ("metadata", {"usage": "none"})),
            (*HELLO, Bad("usage")),
            done("Hello"),
        ),
    },
    "prelude": Scene(
        converse(START, stop(), said(""), HEL, LO, stop(), finish(), metadata()),
        HELLO,
        done("Hello"),
    ),
    "refusal": Absent("a model that refuses does so in plain words; a guardrail has a stop reason"),
    "bare terminal": Scene(
        converse(("contentBlockDelta", "{"), ("metadata", "7"), finish()),
        (Bad("'{'"), Bad("'7'")),
        done(),
    ),
    "usage": {
        "full": counted(COUNTED, COUNTS),
        "in part": counted(Usage(output_tokens=2), {"outputTokens": 2}),
        "zero": counted(Usage(0, 0), {"inputTokens": 0, "outputTokens": 0}),
        "none": counted(Usage(), None),
    },
    "interleaved reasoning": Scene(
        converse(
            *(START, thinking("One", 0), stop(0), said("first", 1), stop(1)),
            *(thinking("Two", 2), stop(2), said("second", 3), stop(3), finish(), metadata()),
        ),
        (*thought("One"), Text("first"), *thought("Two"), Text("second")),
        done(
            *(Reasoning((ReasoningText("One"),)), "first"),
            *(Reasoning((ReasoningText("Two"),)), "second"),
        ),
        whole=whole(
            [
                {"reasoningContent": {"reasoningText": {"text": "One"}}},
                {"text": "first"},
                {"reasoningContent": {"reasoningText": {"text": "Two"}}},
                {"text": "second"},
            ]
        ),
    ),
    "ids": {
        "missing": two_calls(None, None),
        "missing once": two_calls("a", None),
        "one for two calls": two_calls("a", "a"),
    },
    "error in a 200": {
        "an exception": Scene(
            converse(HEL, LO, *CALL)
            + aws_exception("throttlingException", {"message": "Too many requests"}),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(RateLimited, "Too many requests", "throttlingException"),
        ),
        "one that is new": Scene(
            converse(HEL, LO, *CALL) + aws_exception("freshException", {"Message": "No."}),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(ProviderError, "No.", "freshException"),
        ),
    },
    "usage alone": {
        "behind the end": Scene(
            converse(START, HEL, LO, stop(), finish(), metadata(COUNTS)),
            HELLO,
            done("Hello", usage=COUNTED),
        ),
        "ahead of it": Scene(
            converse(START, HEL, LO, stop(), metadata(COUNTS), finish()),
            HELLO,
            done("Hello", usage=COUNTED),
        ),
        "not at all": Scene(converse(START, HEL, LO, stop(), finish()), HELLO, done("Hello")),
    },
    "truncated arguments": {
        "limit": Scene(
            truncated(stop(2), finish("max_tokens"), metadata()),
            (
                *TOLD,
                *pieces(1, "sub", '{"x":'),
                handed_over(MADE),
                Bad("sub was cut off", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "max_tokens")),
        ),
        "end": Scene(
            truncated(),
            (*TOLD, *pieces(1, "sub", '{"x":'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
