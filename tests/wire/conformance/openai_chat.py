"""The scenarios on OpenAI's chat wire."""

from __future__ import annotations

from functools import partial

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import RateLimited, ReadFailed, ServerError, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, ToolCall
from rig_sync.streaming.items import Text, Unknown
from rig_sync.wire.openai_chat import OpenAIChat
from tests.wire.conformance import scenarios
from tests.wire.conformance.scenarios import (
    ADD,
    HELLO,
    REFUSAL,
    RICH_TEXT,
    Bad,
    Failure,
    Scene,
    Scenes,
    handed_over,
    pieces,
    thought,
)
from tests.wire.frames import chat_chunk, chat_message, sse

WIRE = OpenAIChat()

answer = partial(scenarios.answer, id="chat-1", model="m-1")
done = partial(answer, finish=("stop", "stop"))


def call(index: int | None, id: str | None, name: str | None, arguments: str) -> JsonObject:
    """A chunk with a piece of a call; None is left out."""
    inner: JsonObject = {"name": name, "arguments": arguments}
    function: Json = {key: value for key, value in inner.items() if value is not None}
    entry: JsonObject = {"index": index, "id": id, "function": function}
    return chat_chunk({"tool_calls": [{k: v for k, v in entry.items() if v is not None}]})


def using(usage: Json, **more: Json) -> JsonObject:
    """The chunk with the finish reason and usage."""
    return chat_chunk({}, "stop", usage=usage, **more)


HEL, LO = chat_chunk({"role": "assistant", "content": "Hel"}), chat_chunk({"content": "lo"})
STOP = chat_chunk({}, "stop")
START = chat_chunk({"role": "assistant", "content": ""})
CALL = (call(0, "a", "add", ""), call(0, None, None, '{"x":1,'), call(0, None, None, '"y":2}'))
MADE = ToolCall("a", "add", ADD)
TOLD = pieces(0, "add", '{"x":1,', '"y":2}')
CUT = call(1, "b", "send", '{"to":"al')
USAGE: Json = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
COUNTS = Usage(3, 2, 5, cached_input_tokens=1, reasoning_tokens=0)


def whole(message: Json, finish: str = "stop", **more: Json) -> bytes:
    """The one-shot form."""
    return compact(chat_message(message, finish, **more)).encode()


def hello(*frames: Json, usage: Usage = Usage()) -> Scene:  # noqa: B008
    """The answer "Hello", with those frames behind it."""
    message: Json = {"role": "assistant", "content": "Hello"}
    last: Json = next((f for f in reversed(frames) if isinstance(f, dict) and f.get("usage")), {})
    told = last["usage"] if isinstance(last, dict) and last else None
    return Scene(
        sse(HEL, LO, *frames), HELLO, done("Hello", usage=usage), whole=whole(message, usage=told)
    )


def rich() -> Scene:
    """Thoughts, words with every kind of character, two calls that interleave, usage apart."""
    chunks = [
        START,
        chat_chunk({"reasoning_content": "I "}),
        chat_chunk({"reasoning_content": "see"}),
        chat_chunk({"content": RICH_TEXT[:9]}),
        chat_chunk({"content": RICH_TEXT[9:]}),
        CALL[0],
        call(1, "b", "sub", ""),
        *CALL[1:],
        call(1, None, None, "{}"),
        chat_chunk({}, "tool_calls"),
        {"id": "chat-1", "model": "m-1", "choices": [], "usage": USAGE},
    ]
    message: Json = {
        "role": "assistant",
        "content": RICH_TEXT,
        "reasoning_content": "I see",
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "add", "arguments": '{"x":1,"y":2}'},
            },
            {"id": "b", "type": "function", "function": {"name": "sub", "arguments": "{}"}},
        ],
    }
    second = ToolCall("b", "sub", {})
    a, b = pieces(0, "add", '{"x":1,', '"y":2}'), pieces(1, "sub", "{}")
    return Scene(
        b": a comment\n\n" + sse(*chunks),
        (
            *thought("I see", "I ", "see"),
            Text(RICH_TEXT[:9]),
            Text(RICH_TEXT[9:]),
            *(a[0], b[0], *a[1:], *b[1:]),
            handed_over(MADE),
            handed_over(second, 1),
        ),
        answer(
            *(Reasoning((ReasoningText("I see"),)), RICH_TEXT, MADE, second),
            finish=("tool_calls", "tool_calls"),
            usage=COUNTS,
        ),
        whole=whole(message, "tool_calls", usage=USAGE),
    )


SCENES: Scenes = {
    "truncation": {
        "between frames": Scene(
            sse(HEL, LO, done=False), HELLO, answer("Hello"), Failure(StreamTruncated)
        ),
        "within a frame": Scene(
            sse(HEL, LO, done=False) + b'data: {"choices":[{"delta":{"content":"!',
            HELLO,
            answer("Hello"),
            Failure(StreamTruncated),
        ),
    },
    "broken connection": Scene(
        sse(*CALL, done=False), (*TOLD, handed_over(MADE)), answer(MADE), Failure(ReadFailed)
    ),
    "malformed frame": {
        "broken JSON": Scene(
            sse(HEL, '{"choices":[{"delta":{"conte', LO, STOP),
            (Text("Hel"), Bad('{"choices":[{"delta":{"conte'), Text("lo")),
            done("Hello"),
        ),
        "no object": Scene(
            sse(HEL, "[1]", LO, STOP), (Text("Hel"), Bad("[1]"), Text("lo")), done("Hello")
        ),
    },
    "unknown event": Scene(
        sse(HEL, {"object": "chat.ping", "at": 7}, LO, STOP),
        (Text("Hel"), Unknown("chat.ping", {"object": "chat.ping", "at": 7}), Text("lo")),
        done("Hello"),
    ),
    "defective event": {
        "content": Scene(
            sse(HEL, chat_chunk({"content": 5}), LO, STOP),
            (Text("Hel"), Bad("content"), Text("lo")),
            done("Hello"),
        ),
        "choices": Scene(
            sse(HEL, {"id": "chat-1", "choices": "none"}, LO, STOP),
            (Text("Hel"), Bad("choices"), Text("lo")),
            done("Hello"),
        ),
        "beside good fields": Scene(
            sse(HEL, {**LO, "usage": "many"}, STOP), (*HELLO, Bad("usage")), done("Hello")
        ),
    },
    "prelude": {
        "Azure's": Scene(
            sse(
                {"id": "", "model": "", "choices": [], "prompt_filter_results": [{}]},
                *(START, HEL, LO, STOP),
            ),
            HELLO,
            done("Hello"),
        ),
        "null choices": Scene(
            sse({"id": "chat-1", "choices": None}, HEL, LO, STOP), HELLO, done("Hello")
        ),
        "null delta": Scene(sse(chat_chunk(None), "null", HEL, LO, STOP), HELLO, done("Hello")),
    },
    "refusal": Scene(
        sse(
            START,
            chat_chunk({"refusal": REFUSAL[:5]}),
            chat_chunk({"refusal": REFUSAL[5:]}),
            STOP,
        ),
        (Text(REFUSAL[:5]), Text(REFUSAL[5:])),
        done(REFUSAL),
        whole=whole({"role": "assistant", "content": None, "refusal": REFUSAL}),
    ),
    "bare terminal": Scene(
        sse(START, '{"choices":[{"del', "7"),
        (Bad('{"choices":[{"del'), Bad("7")),
        answer(),
    ),
    "usage": {
        "full": hello(using(USAGE), usage=COUNTS),
        "the last counts": hello(
            using({"prompt_tokens": 3, "completion_tokens": 1}),
            using(USAGE),
            chat_chunk({}, usage=None),
            usage=COUNTS,
        ),
        "in part": hello(
            using({"prompt_tokens": 3, "completion_tokens": None}), usage=Usage(input_tokens=3)
        ),
        "zero": hello(
            using({"prompt_tokens": 0, "completion_tokens": 0}),
            usage=Usage(input_tokens=0, output_tokens=0),
        ),
        "none": hello(STOP),
    },
    "interleaved reasoning": Scene(
        sse(
            chat_chunk({"reasoning_content": "One"}),
            chat_chunk({"content": "first"}),
            chat_chunk({"reasoning_content": "Two"}),
            chat_chunk({"content": "second"}),
            STOP,
        ),
        (*thought("One"), Text("first"), *thought("Two"), Text("second")),
        done(
            *(Reasoning((ReasoningText("One"),)), "first"),
            *(Reasoning((ReasoningText("Two"),)), "second"),
        ),
    ),
    "ids": {
        "missing": Scene(
            sse(
                *(call(0, None, "add", '{"x":1,'), call(0, None, None, '"y":2}')),
                *(call(1, None, "sub", "{}"), chat_chunk({}, "tool_calls")),
            ),
            (
                *(*TOLD, *pieces(1, "sub", "{}")),
                handed_over(ToolCall("ours_0", "add", ADD)),
                handed_over(ToolCall("ours_1", "sub", {}), 1),
            ),
            answer(
                *(ToolCall("ours_0", "add", ADD), ToolCall("ours_1", "sub", {})),
                finish=("tool_calls", "tool_calls"),
            ),
            whole=whole(
                {
                    "tool_calls": [
                        {"function": {"name": "add", "arguments": '{"x":1,"y":2}'}},
                        {"id": "", "function": {"name": "sub", "arguments": "{}"}},
                    ]
                },
                "tool_calls",
            ),
        ),
        "rotating": Scene(
            sse(
                *(call(0, "a", "add", '{"x":1,'), call(0, "b", None, '"y":2}')),
                *(call(1, "c", "sub", "{"), call(1, "d", None, "}"), STOP),
            ),
            (
                *(*TOLD, *pieces(1, "sub", "{", "}")),
                *(handed_over(MADE), handed_over(ToolCall("c", "sub", {}), 1)),
            ),
            answer(MADE, ToolCall("c", "sub", {}), finish=("tool_calls", "stop")),
        ),
        "one for two calls": Scene(
            sse(call(0, "a", "add", '{"x":1,"y":2}'), call(1, "a", "sub", "{}"), STOP),
            (
                *(*pieces(0, "add", '{"x":1,"y":2}'), *pieces(1, "sub", "{}")),
                *(handed_over(MADE), handed_over(ToolCall("ours_1", "sub", {}), 1)),
            ),
            answer(MADE, ToolCall("ours_1", "sub", {}), finish=("tool_calls", "stop")),
        ),
    },
    "error in a 200": {
        "an object": Scene(
            sse(HEL, LO, *CALL, {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(RateLimited, "Slow down", "rate_limit_exceeded"),
            whole=b'{"error":{"message":"Slow down","code":"rate_limit_exceeded"}}',
        ),
        "in a chunk": Scene(
            sse(HEL, LO, *CALL, chat_chunk({}, "error", error={"message": "No", "code": 502})),
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(ServerError, "No", "502"),
        ),
        "an event": Scene(
            sse(HEL, LO, *CALL, done=False)
            + b'event: error\ndata: {"message":"Slow down","code":"rate_limit_exceeded"}\n\n',
            (*HELLO, *TOLD, handed_over(MADE)),
            answer("Hello", MADE),
            Failure(RateLimited, "Slow down", "rate_limit_exceeded"),
        ),
    },
    "usage alone": {
        "empty choices": hello(STOP, {"choices": [], "usage": USAGE}, usage=COUNTS),
        "null choices": hello(STOP, {"choices": None, "usage": USAGE}, usage=COUNTS),
        "no choices": hello(STOP, {"usage": USAGE}, usage=COUNTS),
    },
    "truncated arguments": {
        "limit": Scene(
            sse(*CALL, CUT, chat_chunk({}, "length")),
            (
                *TOLD,
                *pieces(1, "send", '{"to":"al'),
                handed_over(MADE),
                Bad("send", "incomplete_tool_call"),
            ),
            answer(MADE, finish=("length", "length")),
            whole=whole(
                {
                    "tool_calls": [
                        {"id": "a", "function": {"name": "add", "arguments": '{"x":1,"y":2}'}},
                        {"id": "b", "function": {"name": "send", "arguments": '{"to":"al'}},
                    ]
                },
                "length",
            ),
        ),
        "end": Scene(
            sse(*CALL, CUT, done=False),
            (*TOLD, *pieces(1, "send", '{"to":"al'), handed_over(MADE)),
            answer(MADE),
            Failure(StreamTruncated),
        ),
    },
    "every cut": rich(),
    "one accumulator": rich(),
}
