"""One model call on the reader thread: request, retries, body, frames, raw events."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from typing import TypeAlias

from rig_sync._json import parse_object
from rig_sync.errors import (
    ConfigError,
    ProviderError,
    ResponseDecodeError,
    StreamTruncated,
    TransportError,
)
from rig_sync.message import Text
from rig_sync.streaming.raw import (
    Defect,
    End,
    Failed,
    Finish,
    Meta,
    RawEvent,
    Retrying,
    TextDone,
    UsageReport,
)
from rig_sync.streaming.reader import Flow, Stopped
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.framing import FRAMINGS, FrameSource
from rig_sync.transport.http import Reply
from rig_sync.transport.line import Line, LineCut
from rig_sync.transport.retry import RetryPolicy, is_retryable, retry
from rig_sync.wire.base import Answer, Frame, Wire

__all__ = ["QUIET", "ModelCall"]

_Exchange: TypeAlias = Generator[RawEvent, None, None]

QUIET = (Meta, UsageReport, Finish, TextDone, Defect)
"""Raw events that are no content: they neither end retries nor set the clock back."""


class ModelCall:
    """What to ask of whom; calling it with a `Flow` gives the raw events (see `reader.Source`).

    It refers to nothing of the consumer's.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        answer: Answer,
        path: str,
        body: bytes | None,
        *,
        stream: Wire | None,
        connect: float | None,
        retries: RetryPolicy,
    ) -> None:
        self.endpoint = endpoint
        self.answer = answer
        self._path = path
        self._body = body
        self._stream = stream
        self._connect = connect
        self._retries = retries

    def __call__(self, flow: Flow[RawEvent]) -> Iterator[RawEvent]:
        """The raw events; failures before the first content are tried again.

        Raises:
            RigError: the last try's, or what broke the stream.
            Stopped: nobody wants more.
        """
        failure = ""
        tries: list[_Exchange] = []

        def attempt() -> list[RawEvent]:
            nonlocal failure
            tries.append(self._exchange(flow))
            try:
                return self._beginning(tries[-1], flow)
            except Exception as error:
                failure = str(error)
                raise

        def before_sleep(seconds: float) -> None:
            flow.add(Retrying(failure, seconds))
            flow.flush()

        def sleep(seconds: float) -> None:
            flow.token.wait(seconds)

        try:
            yield from retry(attempt, self._retries, sleep=sleep, before_sleep=before_sleep)
            yield from tries[-1]
        finally:
            for exchange in tries:
                exchange.close()

    def _beginning(self, exchange: _Exchange, flow: Flow[RawEvent]) -> list[RawEvent]:
        """The events of one try up to the first content: until then it may be tried again."""
        flow.before_read()  # not while paused, nor once cancelled
        held: list[RawEvent] = []
        for event in exchange:
            held.append(event)
            if isinstance(event, Failed) and is_retryable(event.error):
                raise event.error
            if not isinstance(event, QUIET):
                return held
        if self._stream is not None and not any(isinstance(event, Finish) for event in held):
            raise StreamTruncated(
                f"{self.endpoint.provider}: the stream ended before anything came. "
                "Try again; if it stays so, suspect a proxy in between"
            )
        return held

    def _exchange(self, flow: Flow[RawEvent]) -> _Exchange:
        """The events of one request and its answer; closes the answer on every way out."""
        line = Line()
        unsubscribe = flow.token.subscribe(line.cut)
        reply: Reply | None = None
        try:
            wire = self._stream
            accept = "application/json" if wire is None else FRAMINGS[wire.framing].accept
            request = self.endpoint.request(self._path, self._body, accept=accept)
            reply = self.endpoint.http.send(request, connect=self._connect, line=line)
            if reply.request_id:
                yield Meta(request_id=reply.request_id)
            yield from self._decode(reply, flow)
            flow.flush()  # the consumer goes on while the rest of the body is drained
            reply.finish()
        except LineCut:
            raise Stopped from None
        except (TransportError, ConfigError) as error:
            error.args = (self.endpoint.redact(f"{self.endpoint.provider}: {error}"),)
            raise
        except ProviderError as error:
            raise self.endpoint.stamp(error, reply) from None
        finally:
            unsubscribe()
            if reply is not None:
                reply.close()

    def _decode(self, reply: Reply, flow: Flow[RawEvent]) -> Iterator[RawEvent]:
        if reply.status >= 300:
            raise self._refused(reply, flow)
        wire, chunks = self._stream, _read(reply, flow)
        if wire is not None and wire.framing == "sse" and reply.content_type == "application/json":
            start = next((chunk for chunk in chunks if chunk.strip()), b"")
            chunks = itertools.chain((start,), chunks)
            if start.lstrip()[:1] in (b"{", b"["):
                wire = None  # it was not streamed after all
        if wire is None:
            for event in self.answer.decode_body(b"".join(chunks)):
                self._stamp(event, reply)
                yield event
            return
        source = FRAMINGS[wire.framing].cut(chunks)
        seen = False
        for event in wire.decode_stream(_frames(source)):
            if type(event) is End:
                self._check_field(source.stray, reply)
            elif type(event) is not Text:
                self._stamp(event, reply)
            seen = seen or type(event) is not End
            yield event
        self._check_field(source.stray, reply)
        if not seen and source.stray.strip():
            raise self._no_stream(reply, bytes(source.stray))

    def _check_field(self, stray: bytes, reply: Reply) -> None:
        """Raise the error that llama.cpp, before September 2025, wrote as an SSE field `error`."""
        name, _, data = bytes(stray).partition(b"\n")[0].partition(b":")
        if name == b"error" and parse_object(data) is not None:
            text = self.endpoint.redact(data.decode("utf-8", "replace"))
            raise self.answer.decode_error(text, reply.status)

    def _stamp(self, event: RawEvent, reply: Reply) -> None:
        """Tell an error inside the body where it came from."""
        if isinstance(event, (Defect, Failed)) and isinstance(event.error, ProviderError):
            self.endpoint.stamp(event.error, reply)

    def _refused(self, reply: Reply, flow: Flow[RawEvent]) -> ProviderError:
        """The error of a status that is one."""
        if reply.status < 400:
            where = reply.headers.get("Location", "elsewhere")
            return ProviderError(
                f"the server redirects to {where}: redirects are refused, set base_url",
                status=reply.status,
            )
        body = b"".join(_read(reply, flow, limit=1 << 20)).decode("utf-8", "replace")
        return self.answer.decode_error(self.endpoint.redact(body), reply.status)

    def _no_stream(self, reply: Reply, start: bytes) -> ProviderError:
        """The error of a body that is no event stream, as far as its beginning tells."""
        text = self.endpoint.redact(start.decode("utf-8", "replace"))
        payload = parse_object(text)
        if payload is not None and ("error" in payload or "message" in payload):
            return self.answer.decode_error(text, reply.status)
        return ResponseDecodeError(
            f"no event stream but {reply.content_type or 'a body without a type'}: {text[:200]!r}",
            recoverable=False,
            status=reply.status,
            body=text[:4096],
        )


def _read(reply: Reply, flow: Flow[RawEvent], limit: int | None = None) -> Iterator[bytes]:
    """The body; what was decoded of one piece is handed over before the next is asked for."""
    chunks = reply.chunks()
    size = 0
    while limit is None or size < limit:
        flow.before_read()
        chunk = next(chunks, None)
        if chunk is None:
            return
        size += len(chunk)
        flow.after_read(len(chunk))
        yield chunk


def _frames(source: FrameSource) -> Iterator[Frame]:
    """The events; an unterminated last one only if it is whole all the same."""
    for event in source:
        if source.incomplete and event.data.strip() != "[DONE]" and not parse_object(event.data):
            return
        yield event
