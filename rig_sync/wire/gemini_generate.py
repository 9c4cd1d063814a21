"""Gemini's generateContent, of the Gemini API and of Vertex AI.

A stream is a row of whole answers, each with the next parts; it has no word for its end, so the
proof is a finish reason, and what comes after one still counts.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar
from urllib.parse import quote

from msgspec import UNSET, Struct

from rig_sync._json import Json, JsonObject, compact, merged, parse, parse_object
from rig_sync.completion import CompletionRequest, FinishReason
from rig_sync.errors import ProviderError, ResponseDecodeError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import End, Failed, Finish, Meta, RawEvent, UsageReport
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    misfits,
    whole_body,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.gemini_generate_chunk import (
    FINISH_KINDS,
    FINISH_NUMBERS,
    NO_COUNTS,
    Candidate,
    Chunk,
    decode_chunk,
    usage_of,
    words_alone,
)
from rig_sync.wire.gemini_generate_part import PartReader
from rig_sync.wire.gemini_generate_request import NAME, encode_request
from rig_sync.wire.lenient import lenient
from rig_sync.wire.reading import is_plain_error, salvaged_or_silent

__all__ = ["GeminiGenerate"]


class GeminiGenerate(Struct, frozen=True):
    """The generateContent wire.

    Attributes:
        route: What follows the base URL; `{model}` stands for the model with the collection that it
            is in, `{method}` for the method.
        collection: Where a model is that is named without one. Others are named with theirs:
            `tunedModels/x`, on Vertex `publishers/meta/models/x` or `endpoints/x`.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/v1beta/{model}:{method}"
    collection: str = "models"
    adapt: Adapt | None = None

    @property
    def name(self) -> str:
        """The module's name."""
        return NAME

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """By the model; streams have a method of their own."""
        model = request.model.removeprefix("models/")
        model = model if "/" in model else f"{self.collection}/{model}"
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return self.route.replace("{model}", quote(model)).replace("{method}", method)

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win.

        Their `tools` come after those of the request, for Google's own stand in one list with them:
        `{"tools": [{"googleSearch": {}}]}`.
        """
        del stream
        body = encode_request(request)
        if self.adapt is not None:
            body = self.adapt(request, body)
        extra = dict(request.additional_params)
        own, hosted = body.get("tools"), extra.get("tools")
        if isinstance(own, list) and isinstance(hosted, list):
            extra["tools"] = [*own, *hosted]
        return merged(body, extra)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; it is over where the frames are."""
        state = _Decoding()
        for frame in frames:
            data = frame.data
            try:
                chunk = decode_chunk(data)
            except UNREADABLE as error:
                if is_plain_error(frame) or data.lstrip()[:2] == "[{":
                    yield Failed(error_from_body(data, 200))
                    return
                salvage, defects = salvaged_or_silent(data, Chunk, error)
                if salvage is not None:
                    yield from state.chunk(salvage, data)
                yield from defects
            else:
                words = words_alone(chunk) if state.identified else None
                if words is not None:
                    yield Text(words)
                    state.last = data
                    counts = chunk.usageMetadata
                    if counts is not None and counts != NO_COUNTS:
                        yield UsageReport(counts, usage_of)
                    continue
                yield from state.chunk(chunk, data)
            if state.failed:
                return
        if state.finished:
            yield from state.end()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer, or of the array that a stream without `alt=sse` is."""
        state = _Decoding()
        if body.lstrip()[:1] == b"[":
            for payload in _array(body):
                yield from state.object(payload, compact(payload))
                if state.failed:
                    return
            if state.finished:
                yield from state.end()
            return
        payload = whole_body(body, "candidates", "promptFeedback", "usageMetadata", "modelVersion")
        yield from state.object(payload, body.decode("utf-8", "replace"))
        if not state.failed:
            yield from state.end(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Google's `{"error": {"code", "message", "status", "details"}}`, alone or in an array."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from chunk to chunk."""

    def __init__(self) -> None:
        self.failed = False
        self.finished = False
        self.identified = False
        self.last = ""
        self._parts = PartReader()
        self._metadata: JsonObject = {}

    def object(self, payload: JsonObject, data: str) -> Iterator[RawEvent]:
        """A whole object, whatever of it fits."""
        chunk, wrong = lenient(payload, Chunk)
        yield from self.chunk(chunk, data)
        yield from misfits(wrong, data)

    def chunk(self, chunk: Chunk, data: str) -> Iterator[RawEvent]:
        """Everything in one chunk, in the order in which it counts."""
        if not self.identified and (chunk.responseId or chunk.modelVersion):
            self.identified = bool(chunk.responseId and chunk.modelVersion)
            yield Meta(response_id=chunk.responseId, model=chunk.modelVersion)
        for candidate in chunk.candidates or ():
            if not candidate.index:  # of several answers the first is taken; they are never mixed
                yield from self._candidate(candidate, data)
        blocked = chunk.promptFeedback and chunk.promptFeedback.blockReason
        if blocked:
            self.finished = True
            yield Finish(FinishReason("content_filter", f"blocked:{blocked}"))
        self.last = data
        usage = usage_of(chunk.usageMetadata)
        if usage is not None:
            yield UsageReport(usage)
        if chunk.error is not None and chunk.error != {}:
            self.failed = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))
        elif chunk == _NOTHING:
            yield from self._strange(data)

    def end(self, payload: JsonObject | None = None) -> Iterator[RawEvent]:
        """The answer is whole; its last object gets what earlier ones told beside the words."""
        payload = payload or parse_object(self.last) or {}
        candidates = payload.get("candidates") or [{}]
        if self._metadata and isinstance(candidates, list) and isinstance(candidates[0], dict):
            candidates[0] = {**self._metadata, **candidates[0]}
            payload["candidates"] = candidates
        yield End(payload)

    def _candidate(self, candidate: Candidate, data: str) -> Iterator[RawEvent]:
        for part in (candidate.content and candidate.content.parts) or ():
            if isinstance(part, dict):
                yield from self._parts.read(part)
            else:
                yield from misfits(["candidates[].content.parts[]: Expected `object`"], data)
        for name in ("citationMetadata", "groundingMetadata", "urlContextMetadata"):
            told = getattr(candidate, name)
            if told:
                self._metadata[name] = told
        if candidate.finishReason:
            self.finished = True
            yield Finish(_finish(candidate.finishReason))

    def _strange(self, data: str) -> Iterator[RawEvent]:
        """An object that is no answer: an error of another shape, or something new."""
        payload = parse_object(data) or {}
        if "message" in payload and "code" in payload:
            self.failed = True
            yield Failed(error_from_payload(payload, 200))
        elif payload and "candidates" not in payload:
            yield Unknown("unknown", payload)


_NOTHING = Chunk(candidates=UNSET)


def _finish(told: str | int) -> FinishReason:
    word = told if isinstance(told, str) else FINISH_NUMBERS.get(told, str(told))
    return FinishReason(FINISH_KINDS.get(word, "other"), word)


def _array(body: bytes) -> Iterator[JsonObject]:
    """The objects of a stream that came as one array.

    Raises:
        ResponseDecodeError: it breaks off; says what to do about it.
    """
    try:
        entries: Json = parse(body)
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        raise ResponseDecodeError(
            "the stream came as one JSON array, and it breaks off. Gemini does so where the query "
            "`?alt=sse` got lost: look at base_url, and at proxies on the way",
            recoverable=False,
            body=body[:4096].decode("utf-8", "replace"),
        )
    yield from (entry for entry in entries if isinstance(entry, dict))
