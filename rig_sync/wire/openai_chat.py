"""OpenAI chat completions, and the many servers that speak it more or less.

Source: https://platform.openai.com/docs/api-reference/chat; where servers differ, a field of
`OpenAIChat` says so, and the decoder takes whatever came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rig_sync._json import Json, JsonObject, compact, parse_object
from rig_sync.completion import CompletionRequest, FinishKind, FinishReason, Usage
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallFragment,
    End,
    Failed,
    Finish,
    Meta,
    RawEvent,
    ReasoningDone,
    ReasoningFragment,
    ReasoningKind,
    UsageReport,
)
from rig_sync.wire.base import (
    UNREADABLE,
    Frame,
    bad_frame,
    count,
    misfits,
    object_in,
    salvaged,
    whole_body,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.lenient import lenient
from rig_sync.wire.openai_chat_request import encode_request

__all__ = ["OpenAIChat", "usage_of"]

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


class _Function(Struct):
    name: str | None = None
    arguments: str | JsonObject | None = None


class _Call(Struct):
    index: int | None = None
    id: str | int | None = None
    function: _Function | None = None


class _Delta(Struct):
    """A streamed delta, or the whole message of a one-shot answer: the same fields."""

    content: str | list[object] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[JsonObject] | None = None
    tool_calls: list[_Call] | _Call | None = None
    function_call: _Function | None = None


class _Choice(Struct):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Groq(Struct):
    usage: JsonObject | None = None


class _Chunk(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | UnsetType | None = UNSET
    usage: JsonObject | None = None
    x_groq: _Groq | None = None
    error: object = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_NO_DELTA = _Delta()


class OpenAIChat(Struct, frozen=True):
    """The chat wire, with what a server does its own way.

    Attributes:
        route: What follows the base URL.
        max_tokens_field: Reasoning models refuse `max_tokens`.
        include_usage: Ask for usage in the stream; some servers refuse `stream_options`.
        required_word: How `tool_choice` says that a tool must be called.
        reasoning_field: Where thoughts go back in the history; None: not at all.
        ends_without_proof: The server ends complete answers with neither `[DONE]` nor a finish
            reason, so an end of the body is none of truncation.
    """

    route: str = "/chat/completions"
    max_tokens_field: str = "max_tokens"
    include_usage: bool = True
    required_word: str = "required"
    reasoning_field: Literal["reasoning_content", "reasoning", "reasoning_details"] | None = None
    ends_without_proof: bool = False

    @property
    def name(self) -> str:
        """The module's name."""
        return "openai_chat"

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """The same for every model, streamed or not."""
        del request, stream
        return self.route

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win."""
        body = encode_request(
            request,
            max_tokens_field=self.max_tokens_field,
            required_word=self.required_word,
            reasoning_field=self.reasoning_field,
        )
        if stream:
            body["stream"] = True
            if self.include_usage:
                body["stream_options"] = {"include_usage": True}
        body.update(request.additional_params)
        return body

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at `[DONE]`, or where the frames are."""
        state = _Decoding()
        for frame in frames:
            data = frame.data
            if frame.event == "error" and data.strip():
                yield Failed(error_from_body(data, 200))
                return
            if data[:1] != "{":
                word = data.strip()
                if word == "[DONE]":
                    yield from state.end()
                    return
                if word[:1] != "{":
                    if word not in ("", "null"):
                        yield bad_frame(data, "no JSON object")
                    continue
            try:
                chunk = _decode_chunk(data)
            except UNREADABLE as error:
                yield from _salvage(state, data, str(error))
                continue
            words = _words_alone(chunk) if state.identified else None
            if words is not None:
                yield Text(words)
                continue
            yield from state.chunk(chunk, data)
            if state.failed:
                return
        if state.finished or self.ends_without_proof:
            yield from state.end()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body)
        chunk, wrong = lenient(payload, _Chunk)
        state = _Decoding()
        data = body.decode("utf-8", "replace")
        for choice in chunk.choices or ():
            choice.delta = choice.message or choice.delta  # Perplexity sends both
        yield from state.chunk(chunk, data)
        yield from misfits(wrong, data)
        if not state.failed:
            yield from state.end(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """OpenAI's `{"error": {…}}` and what compatible servers make of it."""
        return error_from_body(body, status)


def _words_alone(chunk: _Chunk) -> str | None:
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


class _Decoding:
    """What has to be remembered from chunk to chunk."""

    __slots__ = ("_details", "_last", "failed", "finished", "identified")

    def __init__(self) -> None:
        self.failed = False
        self.finished = False
        self.identified = False
        self._last = ""
        self._details: list[JsonObject] = []

    def chunk(self, chunk: _Chunk, data: str) -> Iterator[RawEvent]:
        """Everything in one chunk, in the order in which it counts."""
        if not self.identified and (chunk.id or chunk.model):
            self.identified = bool(chunk.id and chunk.model)
            yield Meta(response_id=chunk.id, model=chunk.model)
        if chunk.choices:
            for choice in chunk.choices:
                if choice.index:  # of several answers the first is taken; they are never mixed
                    continue
                delta = choice.delta or choice.message or _NO_DELTA
                if type(delta.content) is str and delta.content:
                    yield Text(delta.content)
                if delta is not _NO_DELTA:
                    yield from self._rest(delta)
                if choice.finish_reason:
                    yield from self._finish(choice.finish_reason, data)
        elif chunk.choices is UNSET and chunk.error is None and chunk.usage is None:
            yield from self._strange(data)
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage:
            self._last = data
            yield UsageReport(usage_of(usage))
        if chunk.error is not None and chunk.error != {}:
            self.failed = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))

    def end(self, payload: JsonObject | None = None) -> Iterator[RawEvent]:
        """The terminal proof has come."""
        if self._details:
            details: list[Json] = list(self._details)
            yield ReasoningDone("details", provider_data={"reasoning_details": details})
        yield End(parse_object(self._last) if payload is None else payload)

    def _rest(self, delta: _Delta) -> Iterator[RawEvent]:
        """What is not plain text, and rarer."""
        if delta.reasoning_details:
            yield from self._reasoning_details(delta)
        elif delta.reasoning_content or delta.reasoning:
            yield ReasoningFragment(delta.reasoning_content or delta.reasoning or "")
        if type(delta.content) is list:
            yield from _content_parts(delta.content)
        if delta.refusal:
            yield Text(delta.refusal)
        if delta.tool_calls:
            calls = delta.tool_calls
            for call in calls if isinstance(calls, list) else [calls]:
                yield _fragment(call)
        old = delta.function_call
        if old is not None and (old.name or old.arguments):
            yield CallFragment("function_call", None, old.name, _argument_text(old.arguments))

    def _reasoning_details(self, delta: _Delta) -> Iterator[RawEvent]:
        readable = False
        for piece in delta.reasoning_details or ():
            part = f"{piece.get('type')} {piece.get('index')}"
            for field, kind in _DETAIL_KINDS:
                text = piece.get(field)
                if isinstance(text, str) and text:
                    readable = readable or kind in ("text", "summary")
                    name = piece.get("id")
                    block_id = name if isinstance(name, str) else None
                    yield ReasoningFragment(text, "details", kind, part, block_id)
            _merge_detail(self._details, piece)
        plain = delta.reasoning_content or delta.reasoning
        if plain and not readable:  # the same text twice counts once
            yield ReasoningFragment(plain, "details")

    def _finish(self, word: str, data: str) -> Iterator[RawEvent]:
        if word == "error":
            self.failed = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))
            return
        self.finished = True
        self._last = data
        yield Finish(FinishReason(FINISH_KINDS.get(word, "other"), word))

    def _strange(self, data: str) -> Iterator[RawEvent]:
        """An object that is no chunk: an error of another shape, or something new."""
        payload = parse_object(data) or {}
        if payload.get("object") == "error" or ("message" in payload and "code" in payload):
            self.failed = True
            yield Failed(error_from_payload(payload, 200))
        elif payload:
            yield Unknown(str(payload.get("object") or payload.get("type") or "unknown"), payload)


_DETAIL_KINDS: tuple[tuple[str, ReasoningKind], ...] = (
    ("text", "text"),
    ("summary", "summary"),
    ("signature", "signature"),
    ("data", "encrypted"),
)


def _merge_detail(details: list[JsonObject], piece: JsonObject) -> None:
    """Join a streamed detail to the one it continues, so that the list goes back as one-shot."""
    last = details[-1] if details else None
    same = last is not None and all(last.get(k) == piece.get(k) for k in ("type", "index"))
    if last is None or not same or piece.get("type") == "reasoning.encrypted":
        details.append(dict(piece))
        return
    for key, value in piece.items():
        before = last.get(key)
        if key in ("text", "summary") and isinstance(before, str) and isinstance(value, str):
            last[key] = before + value
        elif value is not None:
            last[key] = value


def _fragment(call: _Call) -> CallFragment:
    function = call.function or _Function()
    name = None if call.id is None or call.id == "" else str(call.id)
    return CallFragment(call.index, name, function.name, _argument_text(function.arguments))


def _argument_text(arguments: str | JsonObject | None) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else compact(arguments)


def _content_parts(parts: list[object]) -> Iterator[RawEvent]:
    """Mistral's list-shaped content: thinking and text."""
    for part in parts:
        if isinstance(part, str):
            yield Text(part)
        elif isinstance(part, dict) and part.get("type") == "thinking":
            thinking = part.get("thinking")
            for inner in thinking if isinstance(thinking, list) else [thinking]:
                text = inner.get("text") if isinstance(inner, dict) else inner
                if isinstance(text, str) and text:
                    yield ReasoningFragment(text)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            if part["text"]:
                yield Text(part["text"])
        elif isinstance(part, dict):
            yield Unknown(str(part.get("type") or "content"), part)


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


def _salvage(state: _Decoding, data: str, why: str) -> Iterator[RawEvent]:
    """A chunk that is not as it should be: what can be used of it, and the defect."""
    payload = salvaged(data)
    if payload is None:
        yield bad_frame(data, why)
        return
    chunk, wrong = lenient(payload, _Chunk)
    yield from state.chunk(chunk, data)
    yield from misfits(wrong, data)
