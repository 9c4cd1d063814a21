"""One model call on the reader thread: request, retries, body, frames, raw events."""

from __future__ import annotations

import contextlib
import itertools
import logging
import uuid
from collections.abc import Generator, Iterable, Iterator
from math import inf
from typing import TypeAlias

from rig_sync._json import is_deeper, parse_object
from rig_sync.errors import (
    Attempt,
    ConfigError,
    ProviderError,
    ReadFailed,
    ResponseDecodeError,
    StreamTruncated,
    TransportError,
)
from rig_sync.limits import Limits, exceeded
from rig_sync.message import Text
from rig_sync.streaming.items import Unknown
from rig_sync.streaming.raw import (
    CallFragment,
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
from rig_sync.transport.address import bare_url
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.framing import FRAMINGS, FrameSource
from rig_sync.transport.http import Reply
from rig_sync.transport.line import Line, LineCut
from rig_sync.transport.retry import RetryPolicy, is_retryable, retry
from rig_sync.wire.base import Answer, Frame, Wire, bad_frame

__all__ = ["TIMELESS", "ModelCall"]

log = logging.getLogger("rig_sync")

_NO_STREAM = {"sse": (b"{", b"["), "ndjson": (b"[",), "aws": (b"{", b"[")}
"""What no stream of a framing begins with, and every JSON answer does."""

ERROR_BYTES = 1 << 20  # of a body that tells of an error; more of it says no more
ERROR_SECONDS = 2.0  # without a further byte of it

_Exchange: TypeAlias = Generator[RawEvent, None, None]

QUIET = (Meta, UsageReport, Finish, TextDone, Defect)
"""Raw events that are no content: they neither end retries nor set the clock back."""

TIMELESS = (*QUIET, Unknown)
"""What does not set the clock back; an event of unknown type is handed on, and ends retries."""

KEEP_ALIVES = ("heartbeat", "keep-alive", "keep_alive", "keepalive", "ping")
"""Types of events that are to keep the connection alive, on whatever wire."""


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
        limits: Limits,
    ) -> None:
        self.endpoint = endpoint
        self.answer = answer
        self.limits = limits
        self.retries = retries
        self._path = path
        self._body = body
        self._stream = stream
        self._connect = connect
        once = endpoint.idempotency_header if body is not None else None
        self._once = {once: uuid.uuid4().hex} if once else {}  # the same for every try

    def __call__(self, flow: Flow[RawEvent]) -> Iterator[RawEvent]:
        """The raw events; failures before the first content are tried again.

        Raises:
            RigError: the last try's, or what broke the stream.
            Stopped: nobody wants more.
        """
        tries: list[_Exchange] = []

        def attempt() -> list[RawEvent]:
            tries.append(self._exchange(flow))
            return self._beginning(tries[-1], flow)

        def before_sleep(tried: Attempt) -> None:
            words = "%s: try %d failed (%s, status %s), again in %.1f s"
            provider, number = self.endpoint.provider, len(tries)
            log.info(words, provider, number, tried.kind, tried.status, tried.waited)
            flow.line = None  # the next one is not there yet
            flow.add(Retrying(tried))
            flow.flush()

        def sleep(seconds: float) -> None:
            flow.token.wait(seconds)
            flow.before_read()  # not while paused, nor once cancelled
            flow.add(Retrying(None))
            flow.flush()

        try:
            yield from retry(attempt, self.retries, sleep=sleep, before_sleep=before_sleep)
            yield from tries[-1]
        finally:
            for exchange in tries:
                exchange.close()

    def _beginning(self, exchange: _Exchange, flow: Flow[RawEvent]) -> list[RawEvent]:
        """The events of one try up to the first content: until then it may be tried again."""
        flow.before_read()  # not while paused, nor once cancelled
        held: list[RawEvent] = []
        for event in exchange:
            if isinstance(event, (Meta, UsageReport)):
                flow.add(event)  # `.partial` has it, however this try ends
                continue
            held.append(event)
            if isinstance(event, Failed) and is_retryable(event.error):
                failure = event.error
                try:
                    raise failure
                finally:
                    del failure, event, held  # or its traceback would have it refer to itself
            spoke = not isinstance(event, QUIET) and not _says_nothing(event)
            if spoke or len(held) > self.limits.defects:
                return held
        if self._stream is not None and not any(isinstance(event, Finish) for event in held):
            wrong = next((event.error for event in held if isinstance(event, Defect)), None)
            raise StreamTruncated(
                f"{self.endpoint.provider}: the stream ended before anything came"
                f"{f' but {wrong.args[0]}' if wrong else ''}. "
                "Try again; if it stays so, suspect a proxy in between"
            )
        return held

    def _exchange(self, flow: Flow[RawEvent]) -> _Exchange:
        """The events of one request and its answer; closes the answer on every way out."""
        line = flow.line = Line()
        unsubscribe = flow.token.subscribe(line.cut)
        reply: Reply | None = None
        try:
            wire = self._stream
            accept = "application/json" if wire is None else FRAMINGS[wire.framing].accept
            request = self.endpoint.request(self._path, self._body, accept=accept, more=self._once)
            reply = self.endpoint.http.send(request, connect=self._connect, line=line)
            if reply.head_bytes > self.limits.head_bytes:
                raise exceeded(self.limits, "head_bytes", "the headers are larger")
            if reply.request_id:
                yield Meta(request_id=self.endpoint.redact(reply.request_id))
            yield from self._decode(reply, flow)
            flow.flush()  # the consumer goes on while the rest of the body is drained
            reply.finish()
        except LineCut:
            raise Stopped from None
        except (TransportError, ConfigError, StreamTruncated) as error:
            self.endpoint.clean(error)
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
        wire = self._stream
        chunks: Iterable[bytes] = self._chunks(reply, flow)
        if wire is not None:
            start = next((chunk for chunk in chunks if chunk.strip()), b"")
            chunks = itertools.chain((start,), chunks)
            if start.lstrip().startswith(_NO_STREAM[wire.framing]):
                wire = None  # it was not streamed after all, whatever it is labelled with
        if wire is None:
            yield from self._decode_body(b"".join(chunks), reply)
        else:
            yield from self._decode_stream(wire, chunks, reply)

    def _decode_body(self, body: bytes, reply: Reply) -> Iterator[RawEvent]:
        if is_deeper(body, self.limits.json_depth):
            raise exceeded(self.limits, "json_depth", "the answer is nested deeper")
        for event in self.answer.decode_body(body):
            yield self._stamped(event, reply)

    def _decode_stream(
        self, wire: Wire, chunks: Iterable[bytes], reply: Reply
    ) -> Iterator[RawEvent]:
        source = FRAMINGS[wire.framing].cut(chunks, self.limits.event_bytes)
        seen = False
        deep: list[Defect] = []
        for event in wire.decode_stream(self._frames(source, deep)):
            if not deep and (type(event) is Text or type(event) is UsageReport):
                seen = True
                yield event
                continue
            while deep:
                yield self._stamped(deep.pop(0), reply)
            if type(event) is End:
                self._check_field(source.stray, reply)
            seen = seen or type(event) not in (End, TextDone)
            yield self._stamped(event, reply)
        for defect in deep:
            yield self._stamped(defect, reply)
        self._check_field(source.stray, reply)
        if not seen and source.stray.strip():
            raise self._no_stream(reply, bytes(source.stray))

    def _check_field(self, stray: bytes, reply: Reply) -> None:
        """Raise the error that llama.cpp, before September 2025, wrote as an SSE field `error`."""
        name, _, data = bytes(stray).partition(b"\n")[0].partition(b":")
        if name == b"error" and parse_object(data) is not None:
            text = self.endpoint.redact(data.decode("utf-8", "replace"))
            raise self.answer.decode_error(text, reply.status)

    def _stamped(self, event: RawEvent, reply: Reply) -> RawEvent:
        """`event`; an error inside the body is told where it came from."""
        if isinstance(event, (Defect, Failed)) and isinstance(event.error, ProviderError):
            self.endpoint.stamp(event.error, reply)
        return event

    def _refused(self, reply: Reply, flow: Flow[RawEvent]) -> ProviderError:
        """The error of a status that is one."""
        if reply.status < 400:
            where = bare_url(reply.headers.get("Location", "elsewhere")[:500])
            return ProviderError(
                f"the server redirects to {where}: redirects are refused, set base_url",
                status=reply.status,
            )
        pieces: list[bytes] = []
        if flow.line is not None:
            flow.line.hurry(ERROR_SECONDS)
        with contextlib.suppress(ReadFailed):  # the status alone says what it is
            pieces.extend(_read(reply, flow, ERROR_BYTES))
        body = b"".join(pieces).decode("utf-8", "replace")
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

    def _chunks(self, reply: Reply, flow: Flow[RawEvent]) -> Iterator[bytes]:
        """The body, as far as it may go."""
        most = self.limits.body_bytes
        size = 0
        for chunk in _read(reply, flow):
            size += len(chunk)
            if size > most:
                raise exceeded(self.limits, "body_bytes", "the body is larger")
            yield chunk

    def _frames(self, source: FrameSource, deep: list[Defect]) -> Iterator[Frame]:
        """The events; an unterminated last one only if it is whole all the same.

        Those that nest too deeply are left out, and told of in `deep`.
        """
        depth = self.limits.json_depth
        short = 2 * depth  # what opens is closed, or it is no JSON anyway
        for event in source:
            data = event.data
            if len(data) > short and is_deeper(data, depth):
                text = f"it is nested deeper than Limits(json_depth={depth})"
                deep.append(bad_frame(data, text))
                if len(deep) > self.limits.defects:
                    raise exceeded(self.limits, "defects", "the answer has more defects")
                continue
            if source.incomplete and data.strip() != "[DONE]" and not parse_object(data):
                return
            yield event


def _says_nothing(event: RawEvent) -> bool:
    """Whether it only keeps the connection alive, or is a piece of a call without anything."""
    if isinstance(event, CallFragment):
        return not (event.arguments or event.name or event.id)
    return isinstance(event, Unknown) and event.kind.rpartition(".")[2] in KEEP_ALIVES


def _read(reply: Reply, flow: Flow[RawEvent], enough: float = inf) -> Iterator[bytes]:
    """The body; what was decoded of one piece is handed over before the next is asked for."""
    chunks = reply.chunks()
    size = 0
    while size < enough:
        flow.before_read()
        chunk = next(chunks, None)
        if chunk is None:
            return
        size += len(chunk)
        flow.after_read(len(chunk))
        yield chunk
