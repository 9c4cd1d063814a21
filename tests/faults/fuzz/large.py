"""Streams and texts in which something grows with every frame or character.

Whatever grows, the work is to stay linear: a server could hold the reader for hours otherwise,
and no deadline of the network would tell. `python -m benchmarks.growth` measures it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator

from rig_sync._json import Json, JsonObject, compact, is_deeper, to_json
from rig_sync.completion import CompletionResponse
from rig_sync.errors import LimitExceeded
from rig_sync.limits import Limits
from rig_sync.output.misfit import Misfit
from rig_sync.output.partial import PartialJson
from rig_sync.output.prompted import find_json
from rig_sync.streaming.parts import Parts
from tests.faults.fuzz.seeds import WIRES, Piece

__all__ = ["LARGE", "TEXTS", "last_partial", "put_together", "read_json", "stream", "text"]

ROOMY = Limits(tool_calls=10**6, defects=10**6)

Frames = Callable[[int], "JsonObject | list[JsonObject]"]
"""The frames of one step, by its number."""


def stream(frames: Frames, size: int) -> Iterator[Piece]:
    """As many frames as have `size` characters together."""
    had = 0
    for number in itertools.count():
        told = frames(number)
        for payload in told if isinstance(told, list) else [told]:
            name = str(payload.pop("event", payload.get("type", "message")))
            data = compact(payload)
            had += len(data)
            yield Piece(name, data)
        if had > size:
            return


def put_together(wire: str, frames: Iterable[Piece]) -> CompletionResponse:
    """What comes of a stream, its history included; limits of a caller who trusts the server."""
    parts = Parts(wire, lambda: "ours", ROOMY)
    try:
        for _ in parts.feed_all(WIRES[wire].decode_stream(frames)):
            pass
        for _ in parts.flush():
            pass
    except LimitExceeded:
        pass
    response = parts.response()
    to_json(response)
    return response


def _delta(**delta: Json) -> JsonObject:
    return {"id": "c", "model": "m", "choices": [{"delta": delta}]}


def _call(arguments: str, index: int = 0, **more: Json) -> JsonObject:
    entry: JsonObject = {"index": index, "function": {"name": "f", "arguments": arguments}, **more}
    return _delta(tool_calls=[entry])


def _chat_pieces(number: int) -> JsonObject:
    if number == 0:
        return _call('{"a":"', id="a")
    return _delta(tool_calls=[{"index": 0, "function": {"arguments": "x}"}}])


def _response(kind: str, **fields: Json) -> JsonObject:
    return {"type": f"response.{kind}", **fields}


def _thought_done(number: int) -> list[JsonObject]:
    return [
        _response("reasoning_text.delta", output_index=number, delta="a"),
        _response("output_item.done", output_index=number, item={"type": "reasoning"}),
    ]


def _block(number: int, kind: str, **fields: Json) -> JsonObject:
    block: JsonObject = {"type": kind, **fields}
    return {"type": "content_block_start", "index": number, "content_block": block}


def _block_delta(kind: str, index: int = 0, **fields: Json) -> JsonObject:
    delta: JsonObject = {"type": kind, **fields}
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _one(name: str, value: Json) -> JsonObject:
    return {name: value}


def _text_blocks(number: int) -> list[JsonObject]:
    return [_block(number, "text"), _block_delta("text_delta", number, text="a")]


def _growing_block(number: int) -> list[JsonObject]:
    start = [_block(0, "x")] if number == 0 else []
    return [*start, _block_delta("d", 0, **_one(f"k{number}", "a"))]


def _parts(*parts: Json) -> JsonObject:
    return {"candidates": [{"content": {"parts": [*parts]}}]}


def _partial(path: str, **fields: Json) -> JsonObject:
    told: JsonObject = {"jsonPath": path, "stringValue": "x", **fields}
    return _parts({"functionCall": {"name": "f", "willContinue": True, "partialArgs": [told]}})


def _start(number: int, kind: str, **fields: Json) -> JsonObject:
    step: JsonObject = {"type": kind, **fields}
    return {"event_type": "step.start", "index": number, "step": step}


def _step(kind: str, **fields: Json) -> JsonObject:
    delta: JsonObject = {"type": kind, **fields}
    return {"event_type": "step.delta", "delta": delta}


def _hosted(kind: str, more: Callable[[int], JsonObject]) -> Frames:
    def frames(number: int) -> list[JsonObject]:
        start = [_start(0, kind, r=[])] if number == 0 else []
        return [*start, _step(kind, **more(number))]

    return frames


def _many_steps(number: int) -> list[JsonObject]:
    return [_start(number, "model_output"), _step("text", text="a")]


def _cohere(kind: str, index: int = 0, **message: Json) -> JsonObject:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _plans(number: int) -> list[JsonObject]:
    del number
    return [_cohere("tool-plan-delta", tool_plan="a"), {"type": "content-start"}]


def _converse(kind: str, **fields: Json) -> JsonObject:
    return {"event": f"contentBlock{kind}", **fields}


def _thinks(index: int | None) -> JsonObject:
    delta: JsonObject = {"reasoningContent": {"text": "a"}}
    return _converse("Delta", contentBlockIndex=index, delta=delta)


def _stops(number: int) -> list[JsonObject]:
    del number
    return [_converse("Delta", delta={"text": "a"}), _converse("Stop")]


LARGE: dict[str, tuple[str, Frames]] = {
    "chat: words and thoughts in turn": (
        "openai_chat",
        lambda _: _delta(content="a", reasoning="b"),
    ),
    "chat: details of many kinds": (
        "openai_chat",
        lambda n: _delta(reasoning_details=[{"type": "reasoning.text", "index": n, "text": "a"}]),
    ),
    "chat: details with ever more keys": (
        "openai_chat",
        lambda n: _delta(reasoning_details=[{"type": "x", "index": 0, f"k{n}": "a"}]),
    ),
    "chat: arguments that seem to end": ("openai_chat", _chat_pieces),
    "chat: placeholders": ("openai_chat", lambda _: _call("{}", id="a")),
    "chat: a closing brace at a time": ("openai_chat", lambda _: _call("}")),
    "chat: free text of many calls": (
        "openai_chat",
        lambda n: _delta(tool_calls=[{"index": n, "custom": {"name": "f", "input": "a"}}]),
    ),
    "chat: wrong types": ("openai_chat", lambda _: _delta(content=1)),
    "responses: hosted items": (
        "openai_responses",
        lambda n: _response("output_item.done", item={"type": "x", "id": f"i{n}"}),
    ),
    "responses: thoughts without end": (
        "openai_responses",
        lambda n: _response("reasoning_text.delta", output_index=n, delta="a"),
    ),
    "responses: thoughts": ("openai_responses", _thought_done),
    "responses: arguments": (
        "openai_responses",
        lambda _: _response("function_call_arguments.delta", output_index=0, delta="}"),
    ),
    "anthropic: blocks": ("anthropic_messages", lambda n: _block(n, "x")),
    "anthropic: thoughts": ("anthropic_messages", lambda n: _block(n, "thinking")),
    "anthropic: texts": ("anthropic_messages", _text_blocks),
    "anthropic: a block with ever more keys": ("anthropic_messages", _growing_block),
    "anthropic: citations": (
        "anthropic_messages",
        lambda _: _block_delta("citations_delta", citation={}),
    ),
    "anthropic: usage with ever more keys": (
        "anthropic_messages",
        lambda n: {"type": "message_delta", "usage": {f"k{n}": 1}},
    ),
    "gemini: parts": ("gemini_generate", lambda n: _parts({f"x{n}": 1})),
    "gemini: signed words": (
        "gemini_generate",
        lambda _: _parts({"text": "a", "thoughtSignature": "b"}),
    ),
    "gemini: arguments by path": ("gemini_generate", lambda n: _partial(f"$.a{n}")),
    "gemini: a string in pieces": (
        "gemini_generate",
        lambda _: _partial("$.a", willContinue=True),
    ),
    "gemini: many parts at once": ("gemini_generate", lambda _: _parts(*[{}] * 20_000)),
    "interactions: steps": ("gemini_interactions", lambda n: _start(n, "model_output")),
    "interactions: words of the last step": ("gemini_interactions", _many_steps),
    "interactions: a list that grows": ("gemini_interactions", _hosted("x", lambda _: {"r": [1]})),
    "interactions: a step with ever more keys": (
        "gemini_interactions",
        _hosted("x", lambda n: {f"r{n}": 1}),
    ),
    "interactions: an object that grows": (
        "gemini_interactions",
        _hosted("x", lambda n: {"r": {f"k{n}": 1}}),
    ),
    "interactions: a call with ever more keys": (
        "gemini_interactions",
        _hosted("function_call", lambda n: {f"r{n}": 1}),
    ),
    "interactions: annotations": (
        "gemini_interactions",
        lambda _: _step("text", annotations=[{}]),
    ),
    "cohere: citations": ("cohere_chat", lambda _: _cohere("citation-start", citations={})),
    "cohere: plans": ("cohere_chat", _plans),
    "cohere: thoughts": (
        "cohere_chat",
        lambda n: _cohere("content-delta", n, content={"thinking": "a"}),
    ),
    "ollama: words and thoughts in turn": (
        "ollama_chat",
        lambda _: {"model": "m", "message": {"thinking": "a", "content": "b"}},
    ),
    "bedrock: thoughts without end": ("bedrock_converse", _thinks),
    "bedrock: thoughts without index": ("bedrock_converse", lambda _: _thinks(None)),
    "bedrock: texts": ("bedrock_converse", _stops),
    "bedrock: hosted blocks": (
        "bedrock_converse",
        lambda n: _converse("Start", contentBlockIndex=n, start={"image": {"a": 1}}),
    ),
}
"""By what grows: the wire, and its frames."""

TEXTS = {
    "braces": "{",
    "keys": '{"a":',
    "quotes": '"',
    "escapes": "\\n",
    "halves": "\\ud83d",
    "fences": "```json\n",
    "ticks": "`",
    "objects": "{}x",
    "open objects": '{"a" ',
    "many blanks": "{ ",
    "blanks": " ",
    "digits": "1",
    "commas": "1,",
    "lists": "[],",
    "words": "true, ",
}
"""What a text is made of, over and over."""

_BEFORE = {
    "escapes": '{"',
    "halves": '"',
    "blanks": "{",
    "digits": "[",
    "commas": "[",
    "lists": "[",
}
_BEFORE["words"] = '{"a": ['


def text(name: str, size: int) -> str:
    """One of `TEXTS`, of about `size` characters."""
    return _BEFORE.get(name, "") + TEXTS[name] * (size // len(TEXTS[name]))


def read_json(text: str) -> list[Json]:
    """What a text from a model holds: found in prose, read in pieces of 50 characters, measured."""
    with contextlib.suppress(Misfit):
        find_json(text)
    is_deeper(text, len(text))
    is_deeper(text, 256)
    return [last_partial(text, find, 50) for find in (False, True)]


def last_partial(text: str, find: bool, step: int) -> Json:
    """The value when the text ended, fed in pieces of `step` characters."""
    reader = PartialJson(find=find)
    partial = None
    for start in range(0, len(text), step):
        partial = reader.feed(text[start : start + step]) or partial
    partial = reader.finish() or partial
    return None if partial is None else partial.value
