"""The scenarios on OpenAI's Responses wire."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import RateLimited, ReadFailed, ServerError, StreamTruncated
from rig_sync.message import Reasoning, ReasoningEncrypted, ReasoningSummary, Text, ToolCall
from rig_sync.streaming.items import ReasoningDelta, Unknown
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.wire.conformance import scenarios
from tests.wire.conformance.scenarios import (
    ADD,
    HELLO,
    REFUSAL,
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
from tests.wire.frames import event, sse, sse_events

WIRE = OpenAIResponses()

USAGE: Json = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens_details": {"reasoning_tokens": 0},
}
COUNTS = Usage(3, 2, 5, cached_input_tokens=1, reasoning_tokens=0)

answer = partial(scenarios.answer, id="resp-1", model="m-1")
done = partial(answer, finish=("stop", "completed"), usage=COUNTS)


# events --------------------------------------------------------------------------------------

CREATED = event("response.created", response={"id": "resp-1", "model": "m-1", "output": []})


def message(text: str, item_id: str = "msg-1", kind: str = "output_text") -> JsonObject:
    """A finished message."""
    part: Json = {"type": kind, kind.removeprefix("output_"): text}
    return {"type": "message", "id": item_id, "status": "completed", "content": [part]}


def function(arguments: str, name: str, call_id: str, item_id: str) -> JsonObject:
    """A finished call."""
    names: JsonObject = {"id": item_id, "call_id": call_id, "name": name}
    return {"type": "function_call", **names, "arguments": arguments}


def reasoning(text: str, item_id: str) -> JsonObject:
    """A finished block of thoughts: a summary, and the thoughts for OpenAI's eyes."""
    summary: Json = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": item_id, "summary": summary, "encrypted_content": "sealed"}


def delta(text: Json, index: int = 0, item_id: str = "msg-1") -> JsonObject:
    """A piece of a message."""
    return event("response.output_text.delta", delta=text, output_index=index, item_id=item_id)


def over(*output: Json, status: str = "completed", usage: Json = USAGE, **more: Json) -> JsonObject:
    """The terminal event."""
    names: JsonObject = {"id": "resp-1", "model": "m-1", "status": status}
    fields: JsonObject = {**names, "output": list(output), "usage": usage, **more}
    return event(f"response.{status}", response=fields)


def added(item: JsonObject, index: int) -> JsonObject:
    """The beginning of an item."""
    return event("response.output_item.added", output_index=index, item=item)


def finished(item: JsonObject, index: int) -> JsonObject:
    """The end of an item."""
    return event("response.output_item.done", output_index=index, item=item)


def said(*texts: str, index: int = 0, item_id: str = "msg-1") -> list[JsonObject]:
    """All events of one message."""
    deltas = [delta(text, index, item_id) for text in texts]
    return [*deltas, finished(message("".join(texts), item_id), index)]


def called(item: JsonObject, *texts: str, index: int) -> list[JsonObject]:
    """All events of one call."""
    where: JsonObject = {"output_index": index, "item_id": item["id"]}
    kind = "response.function_call_arguments"
    return [
        added({**item, "arguments": ""}, index),
        *(event(f"{kind}.delta", delta=text, **where) for text in texts),
        event(f"{kind}.done", arguments="".join(texts), **where),
        finished(item, index),
    ]


def thinking(text: str, *texts: str, index: int, item_id: str) -> list[JsonObject]:
    """All events of one block of thoughts."""
    where: JsonObject = {"output_index": index, "item_id": item_id, "summary_index": 0}
    kind = "response.reasoning_summary"
    item = reasoning(text, item_id)
    return [
        added({**item, "summary": [], "encrypted_content": "other"}, index),
        event(f"{kind}_part.added", part={}, **where),
        *(event(f"{kind}_text.delta", delta=piece, **where) for piece in texts or (text,)),
        event(f"{kind}_text.done", text=text, **where),
        finished(item, index),
    ]


def renamed(events: list[JsonObject]) -> list[JsonObject]:
    """The events with another item id each, as Copilot sends them."""
    found = []
    for number, entry in enumerate(events):
        item, name = entry.get("item"), f"id-{number}"
        if isinstance(item, dict):
            entry = {**entry, "item": {**item, "id": name}}
        found.append({**entry, "item_id": name} if "item_id" in entry else entry)
    return found


def without(item: JsonObject, *names: str) -> JsonObject:
    """`item` without those fields."""
    return {name: value for name, value in item.items() if name not in names}


# what they amount to -------------------------------------------------------------------------

SUM = function('{"x":1,"y":2}', "add", "a", "fc-a")
CALL = called(SUM, '{"x":1,', '"y":2}', index=1)
MADE = ToolCall("a", "add", ADD, item_id="fc-a")
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
OTHER = function("{}", "sub", "b", "fc-b")
SECOND = ToolCall("b", "sub", {}, item_id="fc-b")
CUT = called(function('{"to":"al', "send", "c", "fc-c"), '{"to":"al', index=2)


def text(words: str, item_id: str = "msg-1", **more: Json) -> Text:
    """A message's words, with what has to go back with them."""
    return Text(words, {"id": item_id, "status": "completed", **more})


def whole(terminal: JsonObject) -> bytes:
    """The one-shot form: what the terminal event has."""
    return compact(terminal["response"]).encode()


def hello(*frames: Json, items: tuple[Item, ...] = ()) -> Scene:
    """The answer "Hello" with those frames in its middle, and what comes of them there."""
    words = said("Hel", "lo")
    return Scene(
        sse(CREATED, words[0], *frames, *words[1:], over(message("Hello")), done=False),
        (HELLO[0], *items, HELLO[1]),
        done(text("Hello"), message_id="msg-1"),
    )


def counted(usage: Json, counts: Usage) -> Scene:
    """The answer "Hello" with that usage."""
    terminal = over(message("Hello"), usage=usage)
    return Scene(
        sse_events(CREATED, *said("Hel", "lo"), terminal, named=False),
        HELLO,
        done(text("Hello"), message_id="msg-1", usage=counts),
        whole=whole(terminal),
    )


def block(words: str, item_id: str) -> Reasoning:
    """A block of thoughts as it is in the message."""
    return Reasoning((ReasoningSummary(words), ReasoningEncrypted("sealed")), item_id)


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls."""
    terminal = over(reasoning("I see", "rs-1"), message(RICH_TEXT), SUM, OTHER)
    events = [
        CREATED,
        *thinking("I see", "I ", "see", index=0, item_id="rs-1"),
        *said(RICH_TEXT[:9], RICH_TEXT[9:], index=1),
        *called(SUM, '{"x":1,', '"y":2}', index=2),
        *called(OTHER, "{}", index=3),
        terminal,
    ]
    thoughts = block("I see", "rs-1")
    return Scene(
        sse_events(*events),
        (
            *(ReasoningDelta("I ", "rs-1"), ReasoningDelta("see", "rs-1"), thoughts),
            Text(RICH_TEXT[:9]),
            Text(RICH_TEXT[9:]),
            *TOLD,
            *pieces(1, "sub", "{}"),
            handed_over(MADE),
            handed_over(SECOND, 1),
        ),
        answer(
            *(thoughts, text(RICH_TEXT), MADE, SECOND),
            finish=("tool_calls", "completed"),
            usage=COUNTS,
            message_id="msg-1",
        ),
        whole=whole(terminal),
    )


LIMIT: JsonObject = {"reason": "max_output_tokens"}
FAILED: JsonObject = {
    "id": "resp-1",
    "status": "failed",
    "error": {"code": "server_error", "message": "Oh no"},
}
NO_IDS = [
    *called(without(SUM, "call_id", "id") | {"id": ""}, '{"x":1,', '"y":2}', index=0),
    *called(without(OTHER, "call_id", "id") | {"id": ""}, "{}", index=1),
]
BOTH_TOLD = (*TOLD, *pieces(1, "sub", "{}"))

SCENES: Scenes = {
    "truncation": {
        "between frames": Scene(
            sse(CREATED, *said("Hel", "lo")[:2], done=False),
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
        "within the terminal event": Scene(
            sse(CREATED, *said("Hel", "lo"), done=False) + b'data: {"type":"response.compl',
            HELLO,
            answer(text("Hello"), message_id="msg-1"),
            Failure(StreamTruncated),
        ),
        "[DONE] is no proof": Scene(
            sse(CREATED, *said("Hel", "lo")[:2]),
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": {
        "after its item": Scene(
            sse_events(CREATED, *CALL),
            (*TOLD, handed_over(MADE)),
            answer(MADE),
            Failure(ReadFailed),
        ),
        "before its item": Scene(
            sse_events(CREATED, *CALL[:-1]),
            (*TOLD, handed_over(MADE)),
            answer(MADE),
            Failure(ReadFailed),
        ),
    },
    "malformed frame": {
        "broken JSON": hello('{"type":"response.ou', items=(Bad('{"type":"response.ou'),)),
        "no object": hello("[1]", items=(Bad("[1]"),)),
    },
    "unknown event": hello(
        event("response.new", at=7), items=(Unknown("response.new", event("response.new", at=7)),)
    ),
    "defective event": {
        "delta": hello(delta(7), items=(Bad("delta"),)),
        "index": hello({**delta("!"), "output_index": "no", "delta": ""}, items=(Bad("index"),)),
        "item": hello(event("response.output_item.done", item=[]), items=(Bad("item"),)),
    },
    "prelude": Scene(
        sse_events(
            event("response.queued", response={"id": "resp-1", "model": "m-1"}),
            *(CREATED, event("response.in_progress", response={"id": "resp-1"})),
            added({"type": "message", "id": "msg-1", "content": []}, 0),
            event("response.content_part.added", output_index=0, part={}),
            *(*said("Hel", "lo"), over(message("Hello"))),
        ),
        HELLO,
        done(text("Hello"), message_id="msg-1"),
    ),
    "refusal": Scene(
        sse_events(
            CREATED,
            event("response.refusal.delta", delta=REFUSAL[:5], output_index=0),
            event("response.refusal.delta", delta=REFUSAL[5:], output_index=0),
            event("response.refusal.done", refusal=REFUSAL, output_index=0),
            finished(message(REFUSAL, kind="refusal"), 0),
            over(message(REFUSAL, kind="refusal")),
        ),
        (Text(REFUSAL[:5]), Text(REFUSAL[5:])),
        done(text(REFUSAL, content=[{"type": "refusal", "refusal": REFUSAL}]), message_id="msg-1"),
        whole=whole(over(message(REFUSAL, kind="refusal"))),
    ),
    "bare terminal": Scene(
        sse('{"type":"respon', "7", event("response.completed"), done=False),
        (Bad('{"type":"respon'), Bad("7")),
        scenarios.answer(finish=("stop", "completed")),
    ),
    "usage": {
        "full": counted(USAGE, COUNTS),
        "in part": counted({"input_tokens": 3, "output_tokens": None}, Usage(input_tokens=3)),
        "zero": counted({"input_tokens": 0, "output_tokens": 0}, Usage(0, 0)),
        "none": counted(None, Usage()),
    },
    "interleaved reasoning": Scene(
        sse_events(
            CREATED,
            *thinking("One", index=0, item_id="rs-1"),
            *said("first", index=1),
            *thinking("Two", index=2, item_id="rs-2"),
            *said("second", index=3, item_id="msg-2"),
            over(),
        ),
        (
            *(ReasoningDelta("One", "rs-1"), block("One", "rs-1"), Text("first")),
            *(ReasoningDelta("Two", "rs-2"), block("Two", "rs-2"), Text("second")),
        ),
        done(
            *(block("One", "rs-1"), text("first"), block("Two", "rs-2"), text("second", "msg-2")),
            message_id="msg-1",
        ),
        whole=whole(
            over(
                *(reasoning("One", "rs-1"), message("first")),
                *(reasoning("Two", "rs-2"), message("second", "msg-2")),
            )
        ),
    ),
    "ids": {
        "missing": Scene(
            sse_events(CREATED, *NO_IDS, over()),
            (
                *BOTH_TOLD,
                handed_over(ToolCall("ours_0", "add", ADD)),
                handed_over(ToolCall("ours_1", "sub", {}), 1),
            ),
            answer(
                *(ToolCall("ours_0", "add", ADD), ToolCall("ours_1", "sub", {})),
                finish=("tool_calls", "completed"),
                usage=COUNTS,
            ),
            whole=whole(over(*(without(item, "id", "call_id") for item in (SUM, OTHER)))),
        ),
        "rotating": Scene(
            sse_events(
                CREATED,
                *renamed(
                    [*called(SUM, '{"x":1,', '"y":2}', index=0), *called(OTHER, "{}", index=1)]
                ),
                over(SUM, OTHER),
            ),
            (
                *BOTH_TOLD,
                handed_over(ToolCall("a", "add", ADD, item_id="id-4")),
                handed_over(ToolCall("b", "sub", {}, item_id="id-8"), 1),
            ),
            answer(
                ToolCall("a", "add", ADD, item_id="id-4"),
                ToolCall("b", "sub", {}, item_id="id-8"),
                finish=("tool_calls", "completed"),
                usage=COUNTS,
            ),
        ),
    },
    "error in a 200": {
        "an event": Scene(
            sse_events(
                *(CREATED, *said("Hel", "lo"), *CALL),
                event("error", code="rate_limit_exceeded", message="Slow down"),
                event("response.failed", response=FAILED),
            ),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer(text("Hello"), MADE, message_id="msg-1"),
            Failure(RateLimited, "Slow down", "rate_limit_exceeded"),
        ),
        "a failed response": Scene(
            sse_events(
                *(CREATED, *said("Hel", "lo"), *CALL), event("response.failed", response=FAILED)
            ),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer(text("Hello"), MADE, message_id="msg-1"),
            Failure(ServerError, "Oh no", "server_error"),
            whole=compact(FAILED).encode(),
        ),
        "no event": Scene(
            sse(
                *(CREATED, *said("Hel", "lo"), *CALL),
                {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}},
            ),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer(text("Hello"), MADE, message_id="msg-1"),
            Failure(RateLimited, "Slow down", "rate_limit_exceeded"),
        ),
    },
    "usage alone": Absent("usage comes in the terminal event, together with the output"),
    "truncated arguments": {
        "limit": Scene(
            sse_events(
                *(CREATED, *CALL, *CUT), over(status="incomplete", incomplete_details=LIMIT)
            ),
            (
                *TOLD,
                *pieces(1, "send", '{"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "incomplete:max_output_tokens"), usage=COUNTS),
            whole=whole(
                over(
                    *(SUM, function('{"to":"al', "send", "c", "fc-c")),
                    status="incomplete",
                    incomplete_details=LIMIT,
                )
            ),
        ),
        "end": Scene(
            sse_events(CREATED, *CALL, *CUT[:-2]),
            (*TOLD, *pieces(1, "send", '{"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
