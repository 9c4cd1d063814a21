"""The scenarios on Ollama's own wire."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import ProviderError, ReadFailed, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, Text, ToolCall
from rig_sync.streaming.items import Unknown
from rig_sync.wire.ollama_chat import OllamaChat
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

WIRE = OllamaChat()

answer = partial(scenarios.answer, model="m-1")
done = partial(answer, finish=("stop", "stop"))


def lines(*objects: Json) -> bytes:
    """The body of a stream: strings as they are, anything else as JSON."""
    texts = (entry if isinstance(entry, str) else compact(entry) for entry in objects)
    return "".join(f"{text}\n" for text in texts).encode()


def line(message: Json = None, **more: Json) -> JsonObject:
    """One line; without a message if there is none."""
    told: JsonObject = {} if message is None else {"message": message}
    return {"model": "m-1", "created_at": "2026-11-22T10:00:00Z", "done": False, **told, **more}


def said(content: Json, **more: Json) -> JsonObject:
    """A line with a piece of the answer."""
    return line({"role": "assistant", "content": content, **more})


def calling(*calls: Json) -> JsonObject:
    """A line with calls."""
    return said("", tool_calls=list(calls))


def call(name: str, arguments: Json, **more: Json) -> JsonObject:
    """One call."""
    return {**more, "function": {"name": name, "arguments": arguments}}


def last(message: Json = None, **more: Json) -> JsonObject:
    """The terminal line."""
    return line(message, **{"done": True, "done_reason": "stop", **more})


HEL, LO = said("Hel"), said("lo")
CALL = calling(call("add", ADD, id="a"))
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,"y":2}')
COUNTS: JsonObject = {"prompt_eval_count": 3, "eval_count": 2}
NEW = line(status="loading the model")
FAILED = b'{"error":"llama runner process has terminated"}'


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those lines in its middle, and what comes of them there."""
    return Scene(lines(HEL, *frames, LO, last()), (HELLO[0], *items, HELLO[1]), done("Hello"))


def counted(usage: Usage, **counts: Json) -> Scene:
    """The answer "Hello" with those counts."""
    whole = last({"role": "assistant", "content": "Hello"}, **counts)
    return Scene(
        lines(HEL, LO, last(**counts)), HELLO, done("Hello", usage=usage), whole=lines(whole)
    )


def two_calls(first: str | None, second: str | None) -> Scene:
    """Two calls with those ids, in a line each."""
    one: JsonObject = {} if first is None else {"id": first}
    two: JsonObject = {} if second is None else {"id": second}
    add = ToolCall(first or "ours_0", "add", ADD)
    sub = ToolCall("ours_1" if second in (None, first) else second or "", "sub", {})
    calls: tuple[JsonObject, JsonObject] = (call("add", ADD, **one), call("sub", {}, **two))
    return Scene(
        lines(calling(calls[0]), calling(calls[1]), last()),
        (*TOLD, *pieces(1, "sub", "{}"), handed_over(add), handed_over(sub, 1)),
        answer(add, sub, finish=("tool_calls", "stop")),
        whole=lines(last({"role": "assistant", "content": "", "tool_calls": list(calls)})),
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls, usage."""
    calls: list[Json] = [call("add", ADD, id="a"), call("sub", {}, id="b")]
    second = ToolCall("b", "sub", {})
    whole: Json = {
        "role": "assistant",
        "content": RICH_TEXT,
        "thinking": "I see",
        "tool_calls": calls,
    }
    return Scene(
        lines(
            *(said("", thinking="I "), said("", thinking="see")),
            *(said(RICH_TEXT[:9]), said(RICH_TEXT[9:])),
            *(calling(*calls), last({"role": "assistant", "content": ""}, **COUNTS)),
        ),
        (
            *thought("I see", "I ", "see"),
            *(Text(RICH_TEXT[:9]), Text(RICH_TEXT[9:])),
            *TOLD,
            *pieces(1, "sub", "{}"),
            *(handed_over(MADE), handed_over(second, 1)),
        ),
        answer(
            *(Reasoning((ReasoningText("I see"),)), RICH_TEXT, MADE, second),
            finish=("tool_calls", "stop"),
            usage=Usage(3, 2),
        ),
        whole=lines(last(whole, **COUNTS)),
    )


SCENES: Scenes = {
    "truncation": {
        "between lines": Scene(lines(HEL, LO), HELLO, answer("Hello"), Failure(StreamTruncated)),
        "within a line": Scene(
            lines(HEL, LO) + b'{"model":"m-1","message":{"content":"!',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": Scene(
        lines(CALL), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
    ),
    "malformed frame": {
        "broken JSON": hello('{"model":"m-1","mess', items=(Bad('{"model":"m-1","mess'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(NEW, items=(Unknown("unknown", NEW),)),
    "defective event": {
        "content": hello(said(7), items=(Bad("content"),)),
        "message": hello(line("no"), items=(Bad("message"),)),
        "a count": Scene(
            lines(HEL, LO, last(**{**COUNTS, "eval_count": "two"})),
            (*HELLO, Bad("eval_count")),
            done("Hello", usage=Usage(input_tokens=3)),
        ),
    },
    "prelude": Scene(
        lines("", said(""), line({}), said("", tool_calls=None), HEL, LO, last()),
        HELLO,
        done("Hello"),
    ),
    "refusal": Absent("models run here refuse in plain words; there is no field for it"),
    "bare terminal": Scene(
        lines('{"model":"m-1","mess', "7", {"done": True}),
        (Bad('{"model":"m-1","mess'), Bad("7")),
        scenarios.answer(),
    ),
    "usage": {
        "full": counted(Usage(3, 2), **COUNTS),
        "in part": counted(Usage(output_tokens=2), eval_count=2),  # the prompt was cached
        "zero": counted(Usage(0, 0), prompt_eval_count=0, eval_count=0),
        "none": counted(Usage()),
    },
    "interleaved reasoning": Scene(
        lines(
            *(said("", thinking="One"), said("first")),
            *(said("", thinking="Two"), said("second"), last()),
        ),
        (*thought("One"), Text("first"), *thought("Two"), Text("second")),
        done(
            *(Reasoning((ReasoningText("One"),)), "first"),
            *(Reasoning((ReasoningText("Two"),)), "second"),
        ),
    ),
    "ids": {
        "missing": two_calls(None, None),
        "missing once": two_calls("a", None),
        "one for two calls": two_calls("a", "a"),
    },
    "error in a 200": Scene(
        lines(HEL, LO, CALL) + FAILED + b"\n",
        (*HELLO, *TOLD, handed_over(MADE)),
        answer("Hello", MADE),
        Failure(ProviderError, "llama runner process has terminated"),
        whole=FAILED,
    ),
    "usage alone": Scene(
        lines(HEL, LO, {"model": "m-1", "done": True, "done_reason": "stop", **COUNTS}),
        HELLO,
        done("Hello", usage=Usage(3, 2)),
    ),
    "truncated arguments": Absent("a call comes whole, its arguments as an object, or not at all"),
    "every cut": rich(),
    "one accumulator": rich(),
}
