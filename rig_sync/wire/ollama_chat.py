"""Ollama's own chat: JSON objects, one a line.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import msgspec
from msgspec import Struct

from rig_sync._json import JsonObject, compact, parse_object
from rig_sync.completion import CompletionRequest, FinishKind, FinishReason, Usage
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallDone,
    CallFragment,
    Defect,
    End,
    Failed,
    Finish,
    Meta,
    RawEvent,
    ReasoningFragment,
    UsageReport,
)
from rig_sync.wire.base import (
    UNREADABLE,
    Adapt,
    Frame,
    FramingName,
    adapted,
    misfits,
    natural,
    whole_body,
)
from rig_sync.wire.errors import error_from_body, error_from_payload
from rig_sync.wire.lenient import lenient
from rig_sync.wire.ollama_chat_request import NAME, encode_request
from rig_sync.wire.reading import salvaged

__all__ = ["OllamaChat"]

_FINISH_KINDS: dict[str, FinishKind] = {"stop": "stop", "length": "length"}


class _Function(Struct):
    """What is called, and with what."""

    name: str | None = None
    arguments: JsonObject | str | None = None


class _Call(Struct):
    """A tool call; it comes whole."""

    id: str | None = None
    function: _Function | None = None


class _Message(Struct):
    """The next piece of the answer, or the whole of it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(Struct):
    """One line of a stream, or the whole body of a one-shot answer: the same fields."""

    model: str | None = None
    message: _Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: object = None


_decode_line = msgspec.json.Decoder(_Line).decode


class OllamaChat(Struct, frozen=True):
    """Ollama's `/api/chat`.

    Attributes:
        route: What follows the base URL.
        adapt: What else the server wants otherwise in a request.
    """

    framing: ClassVar[FramingName] = "ndjson"

    route: str = "/api/chat"
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
        """The body of the request; `additional_params` win, as `{"options": {"num_ctx": 8192}}`."""
        body = encode_request(request)
        body["stream"] = stream  # the server's default is to stream
        return adapted(body, request, self.adapt)

    def decode_stream(self, frames: Iterable[Frame]) -> Iterator[RawEvent]:
        """Raw events of a stream; over at the line that says `done`."""
        line: _Line | None
        state = _Decoding()
        for frame in frames:
            data = frame.data
            defects: Sequence[Defect] = ()
            try:
                line = _decode_line(data)
            except UNREADABLE as error:
                line, defects = salvaged(data, _Line, error)
                yield from defects
                if line is None:
                    continue
            words = _words_alone(line) if state.identified else None
            if words is not None:
                yield Text(words)
                continue
            yield from state.line(line, data, sound=not defects)
            if state.over:
                return

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        """Raw events of a whole answer; of its lines, if it is a stream after all."""
        text = body.decode("utf-8", "replace")
        first, _, rest = text.strip().partition("\n")
        if rest and parse_object(first) is not None:
            yield from self.decode_stream(map(_Piece, filter(str.strip, text.split("\n"))))
            return
        line, wrong = lenient(whole_body(body, "message", "done", "response"), _Line)
        if line.done is None:
            line.done = True
        yield from _Decoding().line(line, text, sound=not wrong)
        yield from misfits(wrong, text)

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        """Ollama's `{"error": "text"}`."""
        return error_from_body(body, status)


class _Piece(Struct):
    """A line of a body that has come whole."""

    data: str
    event: str = ""


class _Decoding:
    """What has to be remembered from line to line.

    Attributes:
        over: The terminal line has come, or an error.
        identified: The model has been told.
    """

    def __init__(self) -> None:
        self.over = False
        self.identified = False
        self._calls = 0

    def line(self, line: _Line, data: str, *, sound: bool) -> Iterator[RawEvent]:
        """Everything in one line, in the order in which it counts.

        One that is not `sound` has been told already.
        """
        if line.error:
            self.over = True
            yield Failed(error_from_payload(parse_object(data) or {}, 200))
            return
        if not self.identified and line.model:
            self.identified = True
            yield Meta(model=line.model)
        if line.message is not None:
            yield from self._message(line.message)
        elif sound and not line.done:
            yield from _strange(data)
        if line.done:
            yield from self._end(line, data)

    def _message(self, message: _Message) -> Iterator[RawEvent]:
        if message.thinking:
            yield ReasoningFragment(message.thinking)
        if message.content:
            yield Text(message.content)
        for call in message.tool_calls or ():
            function = call.function or _Function()
            yield CallFragment(self._calls, call.id, function.name, _argument_text(function))
            yield CallDone(self._calls)
            self._calls += 1  # its `index` starts anew in each line, where it is there at all

    def _end(self, line: _Line, data: str) -> Iterator[RawEvent]:
        self.over = True
        usage = Usage(natural(line.prompt_eval_count), natural(line.eval_count))
        if usage:
            yield UsageReport(usage)
        if line.done_reason:
            kind = _FINISH_KINDS.get(line.done_reason, "other")
            yield Finish(FinishReason(kind, line.done_reason))
        yield End(parse_object(data))


def _words_alone(line: _Line) -> str | None:
    """The text of a line that has nothing else, as nearly all: the short way past the rest."""
    message = line.message
    if message is None or line.done or line.error:
        return None
    if message.thinking or message.tool_calls:
        return None
    return message.content or None


def _argument_text(function: _Function) -> str:
    arguments = function.arguments
    return arguments if isinstance(arguments, str) else compact(arguments or {})


def _strange(data: str) -> Iterator[RawEvent]:
    """An object that is no line of an answer."""
    payload = parse_object(data)
    if payload:
        yield Unknown("unknown", payload)
