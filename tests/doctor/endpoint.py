"""An endpoint of chat completions that keeps every promise, and what may be broken of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from rig_sync._json import Json, JsonObject
from tests.server import DONE, Request, Script, response, sse, sse_response

__all__ = [
    "KEY",
    "MODEL",
    "USAGE",
    "Part",
    "answering",
    "call",
    "chunk",
    "chunks",
    "error",
    "kind_of",
    "said",
    "whole",
    "words",
]

KEY = "sk-doctor-0123456789abcdef"
MODEL = "m-1"
USAGE: JsonObject = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
LONG: JsonObject = {"prompt_tokens": 2040, "completion_tokens": 1, "total_tokens": 2041}

Part: TypeAlias = "Script | Callable[[Request], Script]"
"""How one kind of request is answered."""


# what it says --------------------------------------------------------------------------------


def chunk(delta: Json = None, finish: Json = None, **more: Json) -> JsonObject:
    """One chunk, with every field that it should have."""
    choices: Json = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    names: JsonObject = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1}
    return {**names, "model": MODEL, "choices": choices, **more}


def chunks(*deltas: Json, finish: str = "stop", usage: JsonObject = USAGE) -> list[JsonObject]:
    """A whole stream: the deltas, the finish reason, the usage in a chunk of its own."""
    first, *rest = deltas
    assert isinstance(first, dict)
    begun: list[Json] = [{"role": "assistant", "content": "", **first}, *rest]
    return [
        *(chunk(delta) for delta in begun),
        chunk(finish=finish),
        chunk(choices=[], usage=usage),
    ]


def words(*texts: str) -> list[Json]:
    """Deltas that say so."""
    return [{"content": text} for text in texts]


def said(*texts: str, finish: str = "stop", usage: JsonObject = USAGE) -> Script:
    """A stream of words, awake between its events."""
    events = chunks(*words(*texts), finish=finish, usage=usage)
    return sse_response(b": ping\n\n", *map(sse, events), DONE)


def call(index: int, call_id: str, city: str) -> list[Json]:
    """The deltas of one call: its names, then its arguments in two pieces."""
    names: JsonObject = {"name": "weather", "arguments": ""}
    begun: JsonObject = {"index": index, "id": call_id, "type": "function", "function": names}
    told = json.dumps({"city": city})
    pieces: list[JsonObject] = [
        {"index": index, "function": {"arguments": text}} for text in (told[:4], told[4:])
    ]
    return [{"tool_calls": [piece]} for piece in (begun, *pieces)]


def called(*deltas: Json) -> Script:
    """A stream of calls."""
    return sse_response(*map(sse, chunks(*deltas, finish="tool_calls")), DONE)


def whole(payload: Json, status: int = 200, kind: str = "application/json") -> Script:
    """A body of JSON."""
    return response(status, {"Content-Type": kind}, json.dumps(payload).encode())


def error(status: int, message: str, code: str) -> Script:
    """An error as OpenAI words it."""
    return whole({"error": {"message": message, "type": "x", "param": None, "code": code}}, status)


ANSWER: JsonObject = {
    "id": "chat-2",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "1, 2, 3"},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}

PARTS: Mapping[str, Part] = {
    "list": whole({"object": "list", "data": [{"id": MODEL, "object": "model"}]}),
    "one-shot": whole(ANSWER),
    "stream": said("1, ", "2, ", "3"),
    "call": called(*call(0, "call-1", "Paris")),
    "both": called(*call(0, "call-1", "Paris"), *call(1, "call-2", "Rome")),
    "one at a time": called(*call(0, "call-1", "Paris")),
    "result": said("Sunny."),
    "think": sse_response(*map(sse, chunks({"reasoning_content": "Hm."}, {"content": "5"})), DONE),
    "short": said("1, 2, ", "3, ", finish="length"),
    "rich": said("caf\u00e9, \u4f60\u597d, ", "\U0001f980"),
    "long": said("word", usage=LONG),
    "formed": said('{"name": "Ulm", ', '"people": 126000}'),
    "hello": said("Hello."),
    "no model": error(404, "The model does not exist", "model_not_found"),
    "no request": error(400, "messages has to be a list", "invalid_request_error"),
    "no key": error(401, "Incorrect API key provided", "invalid_api_key"),
    "no route": error(404, "Unknown request URL", "unknown_url"),
}
"""How each kind of request is answered, as documented."""


# what it is asked ----------------------------------------------------------------------------


def answering(changes: Mapping[str, Part] | None = None) -> Callable[[Request], Script]:
    """An endpoint that keeps every promise but those that `changes` breaks."""
    parts = {**PARTS, **(changes or {})}

    def answer(request: Request) -> Script:
        part = parts[kind_of(request)]
        return part(request) if callable(part) else part

    return answer


def kind_of(request: Request) -> str:
    """What kind of request it is."""
    if request.headers.get("authorization") not in (None, f"Bearer {KEY}"):
        return "no key"
    if request.method == "GET":
        return "list" if request.path.endswith("/models") else "no route"
    body = request.json
    assert isinstance(body, dict)
    if not isinstance(body["messages"], list):
        return "no request"
    if body["model"] != MODEL:
        return "no model"
    if not body.get("stream"):
        return "one-shot"
    return _kind_of_stream(body)


def _kind_of_stream(body: dict[str, object]) -> str:
    if "response_format" in body:
        return "formed"
    if "reasoning_effort" in body:
        return "think"
    if body.get("parallel_tool_calls") is False:
        return "one at a time"
    told = json.dumps(body["messages"])
    marks = {
        '"role": "tool"': "result",
        "Paris, and in Rome": "both",
        "in Paris": "call",
        "1 to 200": "short" if body.get("max_tokens") == 16 else "stream",
        "Repeat": "rich",
        "again and again": "long",
        "Hello": "hello",
    }
    return next((kind for mark, kind in marks.items() if mark in told), "stream")
