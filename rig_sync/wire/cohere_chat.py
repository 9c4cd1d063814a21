"""Cohere's chat, version 2.

Source: https://docs.cohere.com/reference/chat-stream. A tool plan is no thinking of the model's but
a part of its own: it is kept as a `ProviderBlock` and goes back as `tool_plan`. Citations are kept
with the text that they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact, parse_object
from rig_sync.completion import CompletionRequest, FinishReason
from rig_sync.errors import ProviderError
from rig_sync.message import ProviderBlock, Text
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
    misfits,
    object_in,
    objects_in,
    whole_body,
)
from rig_sync.wire.cohere_chat_event import (
    FINISH_KINDS,
    Call,
    Content,
    Event,
    Function,
    Message,
    decode_event,
    usage_of,
    words_alone,
)
from rig_sync.wire.cohere_chat_request import CITATIONS, NAME, PLAN, encode_request
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.lenient import lenient
from rig_sync.wire.reading import is_plain_error, salvaged_or_silent

__all__ = ["CohereChat"]


class CohereChat(Struct, frozen=True):
    """Cohere's `/v2/chat`.

    Attributes:
        route: What follows the base URL.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "sse"

    route: str = "/v2/chat"
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
        """The body of the request; `additional_params` win, as `{"k": 20}`."""
        body = encode_request(request)
        body["stream"] = stream
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at `message-end`."""
        event: Event | None
        state = _Decoding()
        for frame in frames:
            data = frame.data
            try:
                event = decode_event(data)
            except UNREADABLE as error:
                if data.strip() == "[DONE]":
                    yield from state.settle()
                    yield End()
                    return
                if is_plain_error(frame):
                    yield Failed(error_from_body(data, 200))
                    return
                event, defects = salvaged_or_silent(data, Event, error)
                yield from defects
                if event is None:
                    continue
            words = words_alone(event)
            if words is not None:
                yield Text(words)
                continue
            yield from state.handle(event, data, frame.event)
            if state.over:
                return
        yield from state.settle()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "message", "finish_reason", "usage")
        if not isinstance(payload.get("message"), dict):
            yield Failed(error_from_payload(payload, 200))
            return
        yield from _Decoding().whole(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Cohere's `{"id", "message"}`."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from event to event.

    Attributes:
        over: The terminal event has come, or an error.
    """

    def __init__(self) -> None:
        self.over = False
        self._thinking: set[Key] = set()
        self._calls: list[Key] = []
        self._plan: list[str] = []
        self._plan_citations: list[Json] = []
        self._citations: list[Json] = []

    def handle(self, event: Event, data: str, name: str) -> Iterator[RawEvent]:
        """One event that is no piece of text."""
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            yield from handler(self, event, data)
            return
        payload = parse_object(data) or {}
        if name == "error" or event.type == "error" or "message" in payload or "error" in payload:
            self.over = True
            yield from self.settle()
            yield Failed(error_from_payload(payload, 200))
        elif payload:
            yield Unknown(event.type or "unknown", payload)

    def settle(self) -> Iterator[RawEvent]:
        """What is known to be whole now that something else begins: the text, and the plan."""
        citations, self._citations = self._citations, []
        yield TextDone({CITATIONS: citations} if citations else None)
        if self._plan or self._plan_citations:
            payload: JsonObject = {"tool_plan": "".join(self._plan)}
            if self._plan_citations:
                payload["citations"] = self._plan_citations
            self._plan, self._plan_citations = [], []
            yield Whole(ProviderBlock(PLAN, payload))

    def whole(self, payload: JsonObject) -> Iterator[RawEvent]:
        """A one-shot answer."""
        name = payload.get("id")
        yield Meta(response_id=name if isinstance(name, str) else None)
        said = object_in(payload, "message")
        content = said.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for number, part in enumerate(objects_in(content)):
            yield from self._part(number, part)
        for citation in objects_in(said.get("citations")):
            self._cite(citation)
        plan = said.get("tool_plan")
        if isinstance(plan, str) and plan:
            self._plan.append(plan)
        yield from self.settle()
        for number, entry in enumerate(objects_in(said.get("tool_calls"))):
            call, wrong = lenient(entry, Call)
            yield _fragment(number, call)
            yield CallDone(number)
            yield from misfits(wrong, compact(entry))
        yield from self._end(payload, payload)

    def _part(self, number: int, part: JsonObject) -> Iterator[RawEvent]:
        yield TextDone()
        thinking, text = part.get("thinking"), part.get("text")
        if isinstance(thinking, str) and thinking:
            yield ReasoningFragment(thinking, _block(number))
            yield ReasoningDone(_block(number))
        elif isinstance(text, str):
            if text:
                yield Text(text)
        elif part.get("type") != "thinking":
            yield Whole(ProviderBlock(str(part.get("type") or "content"), part))

    def _on_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        yield Meta(response_id=event.id)

    def _on_content_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        yield from self.settle()
        content = _message(event).content
        if isinstance(content, Content) and content.type not in (None, "text", "thinking"):
            yield Unknown(event.type, parse_object(data) or {})
        yield from self._on_content(event, data)

    def _on_content(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        content = _message(event).content
        if not isinstance(content, Content):
            return
        if content.thinking:
            self._thinking.add(_block(event.index))
            yield ReasoningFragment(content.thinking, _block(event.index))
        if content.text:
            yield Text(content.text)

    def _on_content_end(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        if _block(event.index) in self._thinking:
            self._thinking.remove(_block(event.index))
            yield ReasoningDone(_block(event.index))

    def _on_plan(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        self._plan.append(_message(event).tool_plan or "")
        return iter(())

    def _on_citation(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        found = _message(event).citations
        for citation in [found] if isinstance(found, dict) else found or ():
            self._cite(citation)
            yield Unknown("citation", citation)

    def _cite(self, citation: JsonObject) -> None:
        of_plan = citation.get("type") == "PLAN"
        (self._plan_citations if of_plan else self._citations).append(citation)

    def _on_call_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        yield from self.settle()
        self._calls.append(len(self._calls) if event.index is None else event.index)
        yield from self._call(event)

    def _on_call(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        yield from self._call(event)

    def _call(self, event: Event) -> Iterator[RawEvent]:
        call = _message(event).tool_calls
        if isinstance(call, Call):
            yield _fragment(self._key(event), call)

    def _on_call_end(self, event: Event, data: str) -> Iterator[RawEvent]:
        del data
        key = self._key(event)
        if key in self._calls:
            yield CallDone(key)

    def _key(self, event: Event) -> Key:
        """The call that an event goes on with: without an index the last one."""
        if event.index is not None:
            return event.index
        return self._calls[-1] if self._calls else 0

    def _on_end(self, event: Event, data: str) -> Iterator[RawEvent]:
        del event
        payload = parse_object(data) or {}
        yield from self.settle()
        yield from self._end(object_in(payload, "delta"), payload)

    def _end(self, delta: JsonObject, payload: JsonObject) -> Iterator[RawEvent]:
        self.over = True
        usage = usage_of(object_in(delta, "usage"))
        if usage:
            yield UsageReport(usage)
        word = delta.get("finish_reason")
        if isinstance(word, str) and word:
            yield Finish(FinishReason(FINISH_KINDS.get(word, "other"), word))
        if delta.get("error") or (isinstance(word, str) and word.startswith(("ERROR", "TIMEOUT"))):
            yield Failed(error_from_payload(delta, 200))
        else:
            yield End(payload)

    def _nothing(self, event: Event, data: str) -> Iterator[RawEvent]:
        del event, data
        return iter(())


_Handler = Callable[[_Decoding, Event, str], Iterator[RawEvent]]
_HANDLERS: dict[str, _Handler] = {
    "message-start": _Decoding._on_start,
    "content-start": _Decoding._on_content_start,
    "content-delta": _Decoding._on_content,
    "content-end": _Decoding._on_content_end,
    "tool-plan-delta": _Decoding._on_plan,
    "tool-call-start": _Decoding._on_call_start,
    "tool-call-delta": _Decoding._on_call,
    "tool-call-end": _Decoding._on_call_end,
    "citation-start": _Decoding._on_citation,
    "citation-end": _Decoding._nothing,
    "message-end": _Decoding._on_end,
}


def _message(event: Event) -> Message:
    message = None if event.delta is None else event.delta.message
    return message or Message()


def _block(index: int | None) -> str:
    return f"content {index}"


def _fragment(key: Key, call: Call) -> CallFragment:
    function = call.function or Function()
    arguments = function.arguments
    text = arguments if isinstance(arguments, str) else compact(arguments) if arguments else ""
    return CallFragment(key, call.id, function.name, text)
