"""One chunk of a chat completion, streamed or whole, as the fields that are read of it."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rig_sync._json import JsonObject
from rig_sync.completion import FinishKind, Usage
from rig_sync.wire.base import count, object_in

__all__ = [
    "Call",
    "Choice",
    "Chunk",
    "Custom",
    "Delta",
    "Function",
    "Groq",
    "usage_of",
    "words_alone",
]

FINISH_KINDS: dict[str, FinishKind] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Function(Struct):
    """The name and the arguments of a call, whole or a piece of them."""

    name: str | None = None
    arguments: str | JsonObject | None = None


class Custom(Struct):
    """The name and the free text of a call of a custom tool, whole or a piece of them."""

    name: str | None = None
    input: str | None = None


class Call(Struct):
    """A tool call, whole or a piece of it; `extra_content` is Google's, and goes back with it."""

    index: int | None = None
    id: str | int | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: JsonObject | None = None


class Delta(Struct):
    """A streamed delta, or the whole message of a one-shot answer: the same fields."""

    content: str | list[object] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[JsonObject] | None = None
    tool_calls: list[Call] | Call | None = None
    function_call: Function | None = None


class Choice(Struct):
    """One of the answers; nearly always the only one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class Groq(Struct):
    """Where Groq tells the usage of a stream."""

    usage: JsonObject | None = None


class Chunk(Struct):
    """A chunk, or the whole body of a one-shot answer: the same fields."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | UnsetType | None = UNSET
    usage: JsonObject | None = None
    x_groq: Groq | None = None
    error: object = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


def words_alone(chunk: Chunk) -> str | None:
    """The text of a chunk that has nothing else, as nearly all: the short way past the rest."""
    choices = chunk.choices
    if type(choices) is not list or len(choices) != 1 or chunk.usage or chunk.x_groq:
        return None
    choice = choices[0]
    delta = choice.delta
    if delta is None or choice.index or choice.finish_reason or chunk.error is not None:
        return None
    if delta.reasoning_content or delta.reasoning or delta.reasoning_details or delta.refusal:
        return None
    if delta.tool_calls or delta.function_call is not None or type(delta.content) is not str:
        return None
    return delta.content or None


def usage_of(fields: JsonObject) -> Usage:
    """Usage as chat servers report it, whatever they call the details.

    >>> usage_of({"prompt_tokens": 5, "prompt_cache_hit_tokens": 2}).cached_input_tokens
    2
    """
    into = object_in(fields, "prompt_tokens_details")
    out = object_in(fields, "completion_tokens_details")
    flat = ("prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens")
    cached = count(into, "cached_tokens")
    written = count(into, "cache_write_tokens")
    thought = count(out, "reasoning_tokens")
    return Usage(
        input_tokens=count(fields, "prompt_tokens", "input_tokens"),
        output_tokens=count(fields, "completion_tokens", "output_tokens"),
        total_tokens=count(fields, "total_tokens"),
        cached_input_tokens=count(fields, *flat) if cached is None else cached,
        cache_creation_input_tokens=(
            count(fields, "cache_creation_input_tokens") if written is None else written
        ),
        reasoning_tokens=count(fields, "reasoning_tokens") if thought is None else thought,
    )
