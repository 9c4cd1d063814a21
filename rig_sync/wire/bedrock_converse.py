"""Amazon Bedrock's Converse: one format for the models of many makers.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
The stream tells why the model stopped (`messageStop`) before it tells the usage (`metadata`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar
from urllib.parse import quote

from msgspec import Struct

from rig_sync._json import Json, JsonObject, parse_object
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallFragment,
    End,
    Failed,
    Finish,
    Key,
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
    bad_frame,
    misfits,
    object_in,
    whole_body,
)
from rig_sync.wire.bedrock_converse_event import (
    Block,
    Delta,
    Event,
    ForeignBlock,
    Thought,
    argument_text,
    decode_event,
    finish_of,
    is_foreign,
    joined_blobs,
    media_of,
    usage_of,
)
from rig_sync.wire.bedrock_converse_request import CITED, NAME, CacheTtl, encode_request
from rig_sync.wire.errors import CODE_LIMIT, error_from_body, error_from_payload
from rig_sync.wire.lenient import lenient
from rig_sync.wire.reading import salvaged

__all__ = ["BedrockConverse"]


class BedrockConverse(Struct, frozen=True):
    """The Converse wire.

    Attributes:
        cache: How long Bedrock shall keep what it has read: sets cache points behind the system
            prompt and the last message (none there, once the history has thoughts). None: only
            where `Text.provider_data` has a `cachePoint`. Not every model has prompt caching.
        adapt: What else is wanted otherwise in a request.
    """

    framing: ClassVar[FramingName] = "aws"

    cache: CacheTtl | None = None
    adapt: Adapt | None = None

    @property
    def name(self) -> str:
        """The module's name."""
        return NAME

    def path(self, request: CompletionRequest, *, stream: bool) -> str:
        """The model is in it: an id, or the ARN of an inference profile."""
        route = "converse-stream" if stream else "converse"
        return f"/model/{quote(request.model, safe='')}/{route}"

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request, the same streamed or not; `additional_params` win."""
        del stream
        body = encode_request(request, cache=self.cache)
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over when both `messageStop` and `metadata` came."""
        event: Event | None
        state = _Decoding()
        for frame in frames:
            name, data = frame.event, frame.data
            handler = _HANDLERS.get(name)
            if handler is None:
                if name == "error" or name.endswith("Exception"):
                    yield Failed(_failure(name, data))
                    return
                yield from _strange(name, data)
                continue
            try:
                event = decode_event(data)
            except UNREADABLE as error:
                event, defects = salvaged(data, Event, error)
                yield from defects
                if event is None:
                    continue
            delta = event.delta
            if delta is not None and type(delta.text) is str:  # nearly all of them are
                if delta.text:
                    yield Text(delta.text)
                continue
            yield from handler(state, event, data)
            if state.finished and state.measured:
                break
        if state.finished:
            yield from state.end()

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer."""
        payload = whole_body(body, "output", "stopReason", "usage")
        if payload.get("error"):  # a proxy's: AWS says `message`, and `whole_body` reads that
            yield Failed(error_from_payload(payload, 200))
            return
        data = body.decode("utf-8", "replace")
        content = object_in(payload, "output", "message").get("content")
        for index, entry in enumerate(content if isinstance(content, list) else []):
            if isinstance(entry, dict):
                yield from _whole_block(index, entry, data)
            else:
                yield from misfits([f"content[{index}]: Expected `object`"], data)
        event, wrong = lenient(payload, Event)
        yield from misfits(wrong, data)
        if event.usage:
            yield UsageReport(usage_of(event.usage))
        if event.stopReason:
            yield Finish(finish_of(event.stopReason))
        yield End(payload)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Bedrock's `{"message": …}`; what AWS calls it is in a header."""
        return error_from_body(body, status)


class _Decoding:
    """What has to be remembered from event to event.

    Attributes:
        finished: The model has stopped.
        measured: The usage has come.
    """

    def __init__(self) -> None:
        self.finished = False
        self.measured = False
        self._thoughts: dict[Key, list[str]] = {}  # what of each open block is encrypted
        self._foreign: dict[int | None, ForeignBlock] = {}
        self._citations: list[Json] = []
        self._raw: JsonObject = {}

    def end(self) -> Iterator[RawEvent]:
        """The terminal proof has come."""
        for key in list(self._thoughts):
            yield from self._close_thought(key)
        for block in self._foreign.values():
            yield Whole(block.build())
        self._raw.pop("p", None)  # padding
        yield End(self._raw)

    def on_message_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        """Tells nothing."""
        del event, data
        return iter(())

    def on_start(self, event: Event, data: str) -> Iterator[RawEvent]:
        """A block begins that is neither text nor thoughts."""
        start, index = event.start, event.contentBlockIndex
        call = start.toolUse if start else None
        if call is not None and not is_foreign(call):
            yield CallFragment(index, call.toolUseId, call.name, argument_text(call.input))
            return
        told = object_in(parse_object(data), "start")
        kind, fields = next(iter(told.items()), ("", None))
        if kind in ("toolUse", "toolResult", "image") and isinstance(fields, dict):
            self._foreign[index] = ForeignBlock(kind, fields)
        elif told:
            yield Unknown("contentBlockStart", parse_object(data) or {})

    def on_delta(self, event: Event, data: str) -> Iterator[RawEvent]:
        """A piece that is no text."""
        delta, index = event.delta or Delta(), event.contentBlockIndex
        if index in self._foreign:
            self._foreign[index].add(delta)
        elif delta.toolUse is not None:
            call = delta.toolUse
            yield CallFragment(index, call.toolUseId, call.name, argument_text(call.input))
        elif delta.reasoningContent is not None:
            yield from self._thought("" if index is None else index, delta.reasoningContent)
        elif delta.citation is not None:
            self._citations.append(delta.citation)
        else:
            yield Unknown("contentBlockDelta", parse_object(data) or {})

    def on_stop(self, event: Event, data: str) -> Iterator[RawEvent]:
        """A block is whole; a call waits for the end, which tells whether it was cut."""
        del data
        index = event.contentBlockIndex
        key: Key = "" if index is None else index
        if index in self._foreign:
            yield Whole(self._foreign.pop(index).build())
        elif key in self._thoughts:
            yield from self._close_thought(key)
        else:
            citations, self._citations = self._citations, []
            yield TextDone({CITED: citations} if citations else None)

    def on_message_stop(self, event: Event, data: str) -> Iterator[RawEvent]:
        """Why the model stopped."""
        self.finished = True
        self._raw.update(parse_object(data) or {})
        if event.stopReason:
            yield Finish(finish_of(event.stopReason))

    def on_metadata(self, event: Event, data: str) -> Iterator[RawEvent]:
        """What it took."""
        self.measured = True
        self._raw.update(parse_object(data) or {})
        if event.usage:
            yield UsageReport(usage_of(event.usage))

    def _thought(self, key: Key, thought: Thought) -> Iterator[RawEvent]:
        secret = self._thoughts.setdefault(key, [])
        if thought.redactedContent:
            secret.append(thought.redactedContent)
        yield from _open_thought(key, thought.text, thought.signature)

    def _close_thought(self, key: Key) -> Iterator[RawEvent]:
        secret = self._thoughts.pop(key)
        if secret:
            yield ReasoningFragment(joined_blobs(secret), key, "redacted")
        yield ReasoningDone(key)


_Handler = Callable[[_Decoding, Event, str], Iterator[RawEvent]]
_HANDLERS: dict[str, _Handler] = {
    "messageStart": _Decoding.on_message_start,
    "contentBlockStart": _Decoding.on_start,
    "contentBlockDelta": _Decoding.on_delta,
    "contentBlockStop": _Decoding.on_stop,
    "messageStop": _Decoding.on_message_stop,
    "metadata": _Decoding.on_metadata,
}


def _open_thought(key: Key, text: str | None, signature: str | None) -> Iterator[RawEvent]:
    if text:
        yield ReasoningFragment(text, key)
    if signature:
        yield ReasoningFragment(signature, key, "signature")


def _whole_block(index: int, entry: JsonObject, data: str) -> Iterator[RawEvent]:
    """One content block of a whole answer: the events that its stream would have given."""
    block, wrong = lenient(entry, Block)
    call, thought, cited = block.toolUse, block.reasoningContent, block.citationsContent
    if block.text is not None:
        if block.text:
            yield Text(block.text)
        yield TextDone()
    elif call is not None and not is_foreign(call):
        yield CallFragment(index, call.toolUseId, call.name, argument_text(call.input))
    elif thought is not None:
        plain = thought.reasoningText or thought
        yield from _open_thought(index, plain.text, plain.signature)
        if thought.redactedContent:
            yield ReasoningFragment(thought.redactedContent, index, "redacted")
        yield ReasoningDone(index)
    elif cited is not None:
        for part in cited.content or ():
            text = part.get("text")
            if isinstance(text, str) and text:
                yield Text(text)
        yield TextDone({CITED: cited.citations} if cited.citations else None)
    elif not wrong:
        kind = next(iter(entry), "contentBlock")
        yield Whole(media_of(kind, entry))
    yield from misfits(wrong, data)


def _failure(name: str, data: str) -> ProviderError:
    """The error in an exception frame; one that has no model brings its code in the payload."""
    payload = parse_object(data)
    if payload is None:
        payload = {"message": data}
    if name == "error":
        name = str(payload.get("code") or name)
    if not (payload.get("message") or payload.get("Message")):
        payload["message"] = payload.get("originalMessage") or name
    known = {"code": name[:1].lower() + name[1:]}  # as the streams spell it; headers begin large
    error = error_from_payload({**payload, **known}, 200)
    error.code = name[:CODE_LIMIT]
    return error


def _strange(name: str, data: str) -> Iterator[RawEvent]:
    payload = parse_object(data)
    if payload is None:
        yield bad_frame(data, "no JSON object")
    else:
        yield Unknown(name or "unknown", payload)
