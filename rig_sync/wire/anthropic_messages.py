"""Anthropic Messages, and the servers that speak it.

Source: https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from msgspec import Struct

from rig_sync._json import JsonObject, parse_object
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import End, Failed, Finish, Meta, RawEvent, UsageReport
from rig_sync.wire.anthropic_messages_block import Block, TextBlock, begin, begin_for
from rig_sync.wire.anthropic_messages_event import (
    Event,
    Message,
    decode_event,
    finish_of,
    usage_of,
)
from rig_sync.wire.anthropic_messages_request import NAME, CacheTtl, encode_request
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    adapted,
    misfits,
    whole_body,
)
from rig_sync.wire.errors import CODE_LIMIT, error_from_body
from rig_sync.wire.lenient import lenient
from rig_sync.wire.reading import SILENT, is_plain_error, salvaged_or_silent

__all__ = ["AnthropicMessages"]

_NOWHERE = -1


class AnthropicMessages(Struct, frozen=True):
    """The Messages wire, with what a server does its own way.

    Attributes:
        route: What follows the base URL.
        cache: How long the provider shall keep what it has read: marks the last tool, the system
            prompt and the last message, as far as the four markers of a request go. None: not at
            all, but for what `provider_data` and `additional_params` say.
        citations: Have the model say where in the documents it found what it tells.
        server_tools: Tools that the provider runs, in its own words; sent after the caller's.
        fallback_max_tokens: For models of which `default_max_tokens` knows nothing.
        unsigned_thinking: Send thoughts back that no signature came with; Anthropic refuses them,
            compatible servers that sign nothing want them.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/v1/messages"
    cache: CacheTtl | None = None
    citations: bool = False
    server_tools: tuple[JsonObject, ...] = ()
    fallback_max_tokens: int = 8_192
    unsigned_thinking: bool = False
    adapt: Adapt | None = None

    @property
    def name(self) -> str:
        """The module's name."""
        return NAME

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """The same for every model, streamed or not."""
        del request, stream
        return self.route

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win."""
        body = encode_request(
            request,
            cache=self.cache,
            citations=self.citations,
            server_tools=self.server_tools,
            fallback_max_tokens=self.fallback_max_tokens,
            unsigned_thinking=self.unsigned_thinking,
        )
        if stream:
            body["stream"] = True
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at `message_stop`, or where the frames are."""
        event: Event | None
        state = _Decoding()
        for frame in frames:
            data = frame.data
            try:
                event = decode_event(data)
            except UNREADABLE as error:
                if data.strip() in SILENT:
                    continue
                if is_plain_error(frame):
                    yield Failed(error_from_body(data, 200))
                    return
                event, defects = salvaged_or_silent(data, Event, error)
                yield from defects
                if event is None:
                    continue
            delta = event.delta
            if delta is not None and delta.type == "text_delta" and event.index == state.writing:
                if delta.text:  # nearly all of them are
                    yield Text(delta.text)
                continue
            yield from state.handle(event, data, frame.event)
            if state.over:
                return
        if state.finished:
            yield from state.end()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "content", "stop_reason", "usage")
        data = body.decode("utf-8", "replace")
        if payload.get("type") == "error" or payload.get("error"):
            yield Failed(self.decode_error(data, 200))
            return
        message, wrong = lenient(payload, Message)
        state = _Decoding()
        yield from state.message(message)
        yield from misfits(wrong, data)
        yield from state.end(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Anthropic's `{"type": "error", "error": {"type", "message"}, "request_id"}`."""
        return _error(body, status)


class _Decoding:
    """What has to be remembered from event to event.

    Attributes:
        over: The terminal event has come.
        finished: The model has said why it stopped.
        writing: The index of the text block that is being told; `_NOWHERE` when none is.
    """

    def __init__(self) -> None:
        self.over = False
        self.finished = False
        self.writing: int | None = _NOWHERE
        self._blocks: dict[int | None, Block] = {}  # by index, those that have not stopped
        self._count = 0
        self._usage: JsonObject = {}
        self._last = ""

    def handle(self, event: Event, data: str, name: str) -> Iterator[RawEvent]:
        """One event that is no more text of the block that is being told."""
        kind = event.type or name
        handler = _HANDLERS.get(kind)
        if handler is not None:
            yield from handler(self, event, data)
        elif kind == "error" or event.error:
            self.over = True
            yield Failed(_error(data, 200))
        elif kind != "ping":
            yield Unknown(event.type or "unknown", parse_object(data) or {})

    def message(self, message: Message) -> Iterator[RawEvent]:
        """A message as far as it is told in one piece: at its beginning, or all of it."""
        yield Meta(response_id=message.id, message_id=message.id, model=message.model)
        for payload in message.content or ():
            yield from self._begin(None, payload)
            yield from self._close(None)
        yield from self._counts(message.usage)
        yield from self._finish(message.stop_reason)

    def end(self, payload: JsonObject | None = None) -> Iterator[RawEvent]:
        """The terminal proof has come."""
        yield from self._close_all()
        yield End(parse_object(self._last) if payload is None else payload)

    def _on_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        self._last = data
        if event.message is not None:
            yield from self.message(event.message)

    def _on_block_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        return self._begin(event.index, event.content_block or {})

    def _on_delta(self, event: Event, data: str) -> Iterator[RawEvent]:
        delta, index = event.delta, self._index(event.index)
        if delta is None:
            return
        block = self._blocks.get(index)
        if block is None or not (block.deltas is None or delta.type in block.deltas):
            block = begin_for(delta.type, self._key())
            if block is None:
                yield Unknown(delta.type, parse_object(data) or {})
                return
            yield from self._open(index, block)
        yield from block.add(delta, data)

    def _on_block_stop(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        return self._close(self._index(event.index))

    def _on_message_delta(self, event: Event, data: str) -> Iterator[RawEvent]:
        self._last = data
        yield from self._counts(event.usage)
        if event.delta is not None:
            yield from self._finish(event.delta.stop_reason)

    def _on_stop(self, event: Event, data: str) -> Iterator[RawEvent]:
        del event, data
        self.over = True
        return self.end()

    def _counts(self, usage: JsonObject | None) -> Iterator[RawEvent]:
        """What is reported replaces what was, field by field; what is not stays."""
        known = {name: value for name, value in (usage or {}).items() if value is not None}
        if known:
            self._usage.update(known)
            yield UsageReport(usage_of(self._usage))

    def _finish(self, word: str | None) -> Iterator[RawEvent]:
        if word:
            self.finished = True
            yield Finish(finish_of(word))

    # the blocks --------------------------------------------------------------------------------

    def _key(self) -> int:
        self._count += 1
        return self._count

    def _index(self, index: int | None) -> int | None:
        """Where an event points that names no block: at the one that began last."""
        return next(reversed(self._blocks), None) if index is None else index

    def _begin(self, index: int | None, payload: JsonObject) -> Iterator[RawEvent]:
        if isinstance(payload.get("type"), str):
            yield from self._open(index, begin(payload, self._key()))
        else:
            yield Unknown("content_block", payload)

    def _open(self, index: int | None, block: Block) -> Iterator[RawEvent]:
        """Begin a block; those before it that cannot wait are over, stopped or not."""
        for other in [at for at, b in self._blocks.items() if at == index or not b.waits]:
            yield from self._close(other)
        self._blocks[index] = block
        self.writing = index if isinstance(block, TextBlock) else _NOWHERE
        yield from block.start()

    def _close(self, index: int | None) -> Iterator[RawEvent]:
        block = self._blocks.pop(index, None)
        if index == self.writing:
            self.writing = _NOWHERE
        if block is not None:
            yield from block.stop()

    def _close_all(self) -> Iterator[RawEvent]:
        for index in list(self._blocks):
            yield from self._close(index)


_Handler = Callable[[_Decoding, Event, str], Iterator[RawEvent]]
_HANDLERS: dict[str, _Handler] = {
    "message_start": _Decoding._on_start,
    "content_block_start": _Decoding._on_block_start,
    "content_block_delta": _Decoding._on_delta,
    "content_block_stop": _Decoding._on_block_stop,
    "message_delta": _Decoding._on_message_delta,
    "message_stop": _Decoding._on_stop,
}


def _error(body: str, status: int | None) -> ProviderError:
    """The error in `body`, with the request's id that is in it."""
    error = error_from_body(body, status)
    request_id = (parse_object(body) or {}).get("request_id")
    error.request_id = request_id[:CODE_LIMIT] if isinstance(request_id, str) else None
    return error
