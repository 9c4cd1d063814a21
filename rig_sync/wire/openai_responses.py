"""OpenAI Responses, and the servers that speak it (xAI, ChatGPT, Copilot, LM Studio, llama.cpp).

Source: https://platform.openai.com/docs/api-reference/responses-streaming. What the item events
tell counts; the terminal object is only asked for what no event told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, compact, parse_object
from rig_sync.completion import CompletionRequest, FinishReason, Usage
from rig_sync.errors import ProviderError
from rig_sync.message import (
    ProviderBlock,
    Reasoning,
    ReasoningContent,
    ReasoningEncrypted,
    ReasoningSummary,
    ReasoningText,
    Text,
)
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallDone,
    CallFragment,
    End,
    Failed,
    Finish,
    Key,
    Meta,
    RawEvent,
    ReasoningDone,
    ReasoningFragment,
    ReasoningKind,
    TextDone,
    UsageReport,
    Whole,
)
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    adapted,
    count,
    object_in,
    objects_in,
    whole_body,
    word_in,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.openai_responses_request import CUSTOM_CALL, NAME, encode_request
from rig_sync.wire.reading import SILENT, is_plain_error, salvaged_or_silent

__all__ = ["OpenAIResponses", "usage_of"]

GAVE_UP = ("cancelled", "failed")
"""Statuses of a response that is no answer, beside those whose event says so."""


class _Event(Struct):
    """The fields of all events that are read; each event has some of them."""

    type: str = ""
    delta: str | JsonObject | None = None
    output_index: int | None = None
    item_id: str | None = None
    summary_index: int | None = None
    content_index: int | None = None
    item: JsonObject | None = None
    response: JsonObject | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


class OpenAIResponses(Struct, frozen=True):
    """The Responses wire.

    Attributes:
        route: What follows the base URL.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/responses"
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
        body = encode_request(request)
        if stream:
            body["stream"] = True
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at the terminal `response.…` event."""
        event: _Event | None
        state = _Decoding()
        for frame in frames:
            data = frame.data
            try:
                event = _decode_event(data)
            except UNREADABLE as error:
                if data.strip() in SILENT:
                    continue
                if is_plain_error(frame):
                    yield Failed(error_from_body(data, 200))
                    return
                event, defects = salvaged_or_silent(data, _Event, error)
                yield from defects
                if event is None:
                    continue
            if event.type == "response.output_text.delta":  # nearly all of them are
                if type(event.delta) is str and event.delta:
                    key = event.output_index
                    state.streamed.add(state.key(event) if key is None else key)
                    yield Text(event.delta)
                continue
            yield from state.handle(event, data, frame.event)
            if state.over:
                return

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "output", "status", "usage")
        state = _Decoding()
        if isinstance(payload.get("error"), (dict, str)) and payload.get("error"):
            yield Failed(error_from_payload(payload, 200))
        elif payload.get("status") in GAVE_UP:
            yield from state.gave_up(payload)
        else:
            yield from state.response(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """OpenAI's `{"error": {…}}`, xAI's `{"code", "error": "text"}`."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from event to event.

    Attributes:
        over: The terminal event has come.
        streamed: Keys of the items whose content came as deltas.
    """

    def __init__(self) -> None:
        self.over = False
        self.streamed: set[Key] = set()
        self._told: set[Key] = set()
        self._keys: dict[str, Key] = {}  # of the ids that were seen
        self._identified = False

    def key(self, event: _Event) -> Key:
        """What stays the same over the events of one item.

        Its index, for Copilot's ids change from event to event; its id where there is no index.
        """
        item = event.item or {}
        ids = [name for name in (event.item_id, *_ids(item)) if name]
        key: Key | None = event.output_index
        if key is None:
            key = self._keys.get(ids[0], ids[0]) if ids else ""
        self._keys.update(dict.fromkeys(ids, key))
        return key

    def handle(self, event: _Event, data: str, name: str) -> Iterator[RawEvent]:
        """One event that is no text delta."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            yield from handler(self, event)
        elif event.type in _NOTHING_NEW:
            return
        elif event.type == "error" or name == "error":
            self.over = True
            payload = parse_object(data) or {}
            inner: JsonObject = payload if payload.get("error") else {"error": payload}
            yield Failed(error_from_payload(inner, 200))
        else:
            payload = parse_object(data) or {}
            if payload.get("error") and not event.type:
                self.over = True
                yield Failed(error_from_payload(payload, 200))
            else:
                yield Unknown(event.type or "unknown", payload)

    def response(self, response: JsonObject) -> Iterator[RawEvent]:
        """The whole object: a one-shot answer, or the end of a stream."""
        yield from self._meta(response)
        items = response.get("output")
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, dict):
                name = next(_ids(item), "")
                key = self._keys.get(name, index)
                if key not in self._told:
                    yield from self._item(key, item)
        usage = object_in(response, "usage")
        if usage:
            yield UsageReport(usage_of(usage))
        status = response.get("status")
        if isinstance(status, str):
            yield Finish(_finish(status, response))
        yield End(response)

    def _on_started(self, event: _Event) -> Iterator[RawEvent]:
        if not self._identified and event.response is not None:
            yield from self._meta(event.response)

    def _meta(self, response: JsonObject) -> Iterator[RawEvent]:
        self._identified = True
        name, model = response.get("id"), response.get("model")
        yield Meta(
            response_id=name if isinstance(name, str) else None,
            model=model if isinstance(model, str) else None,
        )

    def _on_item_added(self, event: _Event) -> Iterator[RawEvent]:
        item = event.item or {}
        if item.get("type") == "function_call":
            yield CallFragment(
                self.key(event),
                word_in(item, "call_id"),
                word_in(item, "name"),
                item_id=word_in(item, "id"),
            )

    def _on_arguments(self, event: _Event) -> Iterator[RawEvent]:
        if isinstance(event.delta, str) and event.delta:
            yield CallFragment(self.key(event), arguments=event.delta)

    def _on_refusal(self, event: _Event) -> Iterator[RawEvent]:
        if isinstance(event.delta, str) and event.delta:
            self.streamed.add(self.key(event))
            yield Text(event.delta)

    def _on_summary(self, event: _Event) -> Iterator[RawEvent]:
        yield from self._thought(event, "summary", event.summary_index)

    def _on_thought(self, event: _Event) -> Iterator[RawEvent]:
        yield from self._thought(event, "text", event.content_index)

    def _thought(self, event: _Event, kind: ReasoningKind, part: int | None) -> Iterator[RawEvent]:
        if isinstance(event.delta, str) and event.delta:
            key = self.key(event)
            self.streamed.add(key)
            yield ReasoningFragment(event.delta, _block(key), kind, part or 0, event.item_id)

    def _on_item_done(self, event: _Event) -> Iterator[RawEvent]:
        if event.item is not None:
            yield from self._item(self.key(event), event.item)

    def _on_end(self, event: _Event) -> Iterator[RawEvent]:
        response = event.response or {}
        if response.get("error") or response.get("status") in GAVE_UP:
            yield from self._on_failed(event)  # whatever the event is called
            return
        self.over = True
        yield from self.response(event.response or {"status": event.type.partition(".")[2]})

    def _on_failed(self, event: _Event) -> Iterator[RawEvent]:
        named: JsonObject = {"status": event.type.partition(".")[2]}
        yield from self.gave_up(named | (event.response or {}))

    def gave_up(self, response: JsonObject) -> Iterator[RawEvent]:
        """A response that is no answer; usage may come all the same."""
        self.over = True
        if object_in(response, "usage"):
            yield UsageReport(usage_of(object_in(response, "usage")))
        word = response.get("status") or "failed"
        said = response.get("error") or {"message": f"the answer was {word}", "code": word}
        yield Failed(error_from_payload({"error": said}, 200))

    def _item(self, key: Key, item: JsonObject) -> Iterator[RawEvent]:
        """A whole output item; what its deltas told is not told again."""
        self._told.add(key)
        kind = item.get("type")
        if kind == "message":
            yield from self._message(key, item)
        elif kind == "function_call":
            arguments = item.get("arguments") or None
            if arguments is not None and not isinstance(arguments, str):
                arguments = compact(arguments)
            yield _call_done(key, item, arguments, _besides(item, *_CALL_FIELDS))
        elif kind == "custom_tool_call":  # its input is free text
            custom = {"type": CUSTOM_CALL, **_besides(item, *_CALL_FIELDS)}
            yield _call_done(key, item, compact({"input": item.get("input")}), custom)
        elif kind == "reasoning":
            yield from self._reasoning(key, item)
        else:  # a hosted tool's, or something new
            yield Whole(ProviderBlock(str(kind or "item"), item))

    def _message(self, key: Key, item: JsonObject) -> Iterator[RawEvent]:
        parts = objects_in(item.get("content"))
        for part in parts:
            text = part.get("text") or part.get("refusal")
            if key not in self.streamed and isinstance(text, str) and text:
                yield Text(text)
        kept = _besides(item, "type", "role", "content")
        if parts and [part.get("type") for part in parts] != ["output_text"]:
            kept["content"] = [{k: v for k, v in p.items() if k != "logprobs"} for p in parts]
        yield Meta(message_id=word_in(item, "id"))
        yield TextDone(kept or None)

    def _reasoning(self, key: Key, item: JsonObject) -> Iterator[RawEvent]:
        content: list[ReasoningContent] = [
            ReasoningSummary(str(part.get("text") or ""))
            for part in objects_in(item.get("summary"))
        ]
        content += [
            ReasoningText(str(part.get("text") or "")) for part in objects_in(item.get("content"))
        ]
        if key not in self.streamed:
            for number, thought in enumerate(content):
                if isinstance(thought, (ReasoningSummary, ReasoningText)):
                    yield ReasoningFragment(
                        thought.text, _block(key), "text", number, word_in(item, "id")
                    )
        secret = word_in(item, "encrypted_content")
        if secret:
            content.append(ReasoningEncrypted(secret))
        kept = _besides(item, "type", "id", "status", "summary", "content", "encrypted_content")
        yield ReasoningDone(
            _block(key), Reasoning(tuple(content), word_in(item, "id"), kept or None)
        )


def _block(key: Key) -> str:
    return f"item {key}"


def _ids(item: JsonObject) -> Iterator[str]:
    """Its own, which not every server gives, then the one that joins a call to its result."""
    return (name for name in (word_in(item, "id"), word_in(item, "call_id")) if name)


def _besides(item: JsonObject, *names: str) -> JsonObject:
    """What else the item has: it goes back with it."""
    return {k: v for k, v in item.items() if v not in (None, "") and k not in names}


def _call_done(key: Key, item: JsonObject, arguments: str | None, kept: JsonObject) -> CallDone:
    name, call_id, item_id = (word_in(item, field) for field in ("name", "call_id", "id"))
    return CallDone(key, call_id, name, arguments, item_id, provider_data=kept or None)


_CALL_FIELDS = ("type", "id", "call_id", "name", "status", "arguments", "input")
_Handler = Callable[[_Decoding, _Event], Iterator[RawEvent]]
_HANDLERS: dict[str, _Handler] = {
    "response.created": _Decoding._on_started,
    "response.queued": _Decoding._on_started,
    "response.in_progress": _Decoding._on_started,
    "response.output_item.added": _Decoding._on_item_added,
    "response.output_item.done": _Decoding._on_item_done,
    "response.function_call_arguments.delta": _Decoding._on_arguments,
    "response.refusal.delta": _Decoding._on_refusal,
    "response.reasoning_summary_text.delta": _Decoding._on_summary,
    "response.reasoning_text.delta": _Decoding._on_thought,
    "response.completed": _Decoding._on_end,
    "response.incomplete": _Decoding._on_end,
    "response.cancelled": _Decoding._on_failed,
    "response.failed": _Decoding._on_failed,
}
_NOTHING_NEW = frozenset(
    {  # each repeats what deltas or the finished item tell
        "keepalive",
        "response.content_part.added",
        "response.content_part.done",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        "response.function_call_arguments.done",
        "response.output_text.annotation.added",
        "response.output_text.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.done",
        "response.refusal.done",
    }
)


def _finish(status: str, response: JsonObject) -> FinishReason:
    if status == "completed":
        return FinishReason("stop", status)
    if status != "incomplete":
        return FinishReason("other", status)
    reason = object_in(response, "incomplete_details").get("reason")
    raw = f"{status}:{reason}"
    if reason == "max_output_tokens":
        return FinishReason("length", raw)
    return FinishReason("content_filter" if reason == "content_filter" else "other", raw)


def usage_of(fields: JsonObject) -> Usage:
    """Usage as the Responses API reports it.

    >>> usage_of({"input_tokens": 4, "output_tokens": 2}).input_tokens
    4
    """
    return Usage(
        input_tokens=count(fields, "input_tokens"),
        output_tokens=count(fields, "output_tokens"),
        total_tokens=count(fields, "total_tokens"),
        cached_input_tokens=count(object_in(fields, "input_tokens_details"), "cached_tokens"),
        cache_creation_input_tokens=count(
            object_in(fields, "input_tokens_details"), "cache_write_tokens"
        ),
        reasoning_tokens=count(object_in(fields, "output_tokens_details"), "reasoning_tokens"),
    )
