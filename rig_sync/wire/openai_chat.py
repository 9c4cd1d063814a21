"""OpenAI chat completions, and the many servers that speak it more or less.

Source: https://platform.openai.com/docs/api-reference/chat; where servers differ, a field of
`OpenAIChat` says so, and the decoder takes whatever came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar
from urllib.parse import quote

from msgspec import UNSET, Struct

from rig_sync._json import JsonObject, parse_object
from rig_sync.completion import CompletionRequest, FinishReason, ReasoningOptions
from rig_sync.errors import ProviderError, ResponseDecodeError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    End,
    Failed,
    Finish,
    Meta,
    RawEvent,
    UsageReport,
)
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    adapted,
    misfits,
    whole_body,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.lenient import lenient
from rig_sync.wire.openai_chat_chunk import FINISH_KINDS, Chunk, decode_chunk, usage_of, words_alone
from rig_sync.wire.openai_chat_delta import DeltaReader
from rig_sync.wire.openai_chat_request import NAME, ReasoningField, effort_alone, encode_request
from rig_sync.wire.reading import salvaged_or_silent

__all__ = ["OpenAIChat"]


class OpenAIChat(Struct, frozen=True):
    """The chat wire, with what a server does its own way.

    Attributes:
        route: What follows the base URL; `{model}` stands for the model.
        max_tokens_field: Reasoning models refuse `max_tokens`.
        include_usage: Ask for usage in the stream; some servers refuse `stream_options`.
        required_word: How `tool_choice` says that a tool must be called.
        reasoning_field: Where thoughts go back in the history; `content`: as parts of it, ahead of
            the words, which is Mistral's way; None: not at all.
        ends_without_proof: The server ends complete answers with neither `[DONE]` nor a finish
            reason, so an end of the body is none of truncation, unless nothing came at all.
        reasoning: The fields of the body that say how much to think.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/chat/completions"
    max_tokens_field: str = "max_tokens"
    include_usage: bool = True
    required_word: str = "required"
    reasoning_field: ReasoningField | None = None
    ends_without_proof: bool = False
    reasoning: Callable[[ReasoningOptions], JsonObject] = effort_alone
    adapt: Adapt | None = None

    @property
    def name(self) -> str:
        """The module's name."""
        return NAME

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """The same streamed or not."""
        del stream
        return self.route.replace("{model}", quote(request.model, safe=""))

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win."""
        body = encode_request(
            request,
            max_tokens_field=self.max_tokens_field,
            required_word=self.required_word,
            reasoning_field=self.reasoning_field,
            reasoning=self.reasoning,
        )
        if stream:
            body["stream"] = True
            if self.include_usage:
                body["stream_options"] = {"include_usage": True}
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at `[DONE]`, or where the frames are."""
        state = _Decoding()
        for frame in frames:
            data = frame.data
            if frame.event == "error" and data.strip():
                yield Failed(error_from_body(data, 200))
                return
            try:
                chunk = decode_chunk(data)
            except UNREADABLE as error:
                if data.strip() == "[DONE]":
                    if state.began:  # alone it is the end of nothing
                        yield from state.end()
                    return
                yield from _salvage(state, data, error)
                continue
            words = words_alone(chunk) if state.identified else None
            if words is not None:
                state.began = True
                yield Text(words)
                continue
            yield from state.chunk(chunk, data)
            if state.failed:
                return
        if state.finished or (self.ends_without_proof and state.began):
            yield from state.end()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "choices", "usage", "model")
        chunk, wrong = lenient(payload, Chunk)
        state = _Decoding()
        data = body.decode("utf-8", "replace")
        for choice in chunk.choices or ():
            choice.delta = choice.message or choice.delta  # Perplexity sends both
            if choice.delta is not None and isinstance(choice.delta.tool_calls, list):
                for number, call in enumerate(choice.delta.tool_calls):
                    call.index = number  # each is whole, so none goes on from another
        yield from state.chunk(chunk, data)
        yield from misfits(wrong, data)
        if state.began:
            yield from state.end(payload)
        elif not state.failed:
            text = data[:4096]
            why = f"the answer is none: it has no choice with a message: {text[:80]!r}"
            raise ResponseDecodeError(why, recoverable=False, body=text)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """OpenAI's `{"error": {…}}` and what compatible servers make of it."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from chunk to chunk.

    Attributes:
        began: There is an answer, be it an empty one.
    """

    __slots__ = ("_deltas", "_last", "began", "failed", "finished", "identified")

    def __init__(self) -> None:
        self.began = False
        self.failed = False
        self.finished = False
        self.identified = False
        self._last = ""
        self._deltas = DeltaReader()

    def chunk(self, chunk: Chunk, data: str) -> Iterator[RawEvent]:
        """Everything in one chunk, in the order in which it counts."""
        if not self.identified and (chunk.id or chunk.model):
            self.identified = bool(chunk.id and chunk.model)
            yield Meta(response_id=chunk.id, model=chunk.model)
        if chunk.choices:
            for choice in chunk.choices:
                if choice.index:  # of several answers the first is taken; they are never mixed
                    continue
                delta = choice.delta or choice.message
                if delta is not None:
                    self.began = True
                    yield from self._deltas.read(delta)
                if choice.finish_reason and choice.finish_reason != "null":  # some say it as text
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
        yield from self._deltas.end()
        yield End(parse_object(self._last) if payload is None else payload)

    def _finish(self, word: str, data: str) -> Iterator[RawEvent]:
        if word in ("error", "network_error"):  # Z.ai's
            self.failed = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))
            return
        self.began = self.finished = True
        self._last = data
        kind = FINISH_KINDS.get(word, "other")
        self._deltas.cut = kind not in ("stop", "tool_calls")
        yield Finish(FinishReason(kind, word))

    def _strange(self, data: str) -> Iterator[RawEvent]:
        """An object that is no chunk: an error of another shape, or something new."""
        payload = parse_object(data) or {}
        if payload.get("object") == "error" or ("message" in payload and "code" in payload):
            self.failed = True
            yield Failed(error_from_payload(payload, 200))
        elif payload:
            yield Unknown(str(payload.get("object") or payload.get("type") or "unknown"), payload)


def _salvage(state: _Decoding, data: str, why: Exception) -> Iterator[RawEvent]:
    """A chunk that is not as it should be: what can be used of it, and the defect."""
    chunk, defects = salvaged_or_silent(data, Chunk, why)
    if chunk is not None:
        if chunk.choices is UNSET and "choices" in (parse_object(data) or {}):
            chunk.choices = None  # a chunk it is all the same
        yield from state.chunk(chunk, data)
    yield from defects
