"""The stream of one model call, as its consumer holds it (Rig: `StreamingCompletionResponse`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionResponse, FinishReason, Usage
from rig_sync.errors import (
    Attempt,
    ConnectTimeout,
    FirstEventTimeout,
    IdleTimeout,
    ReadFailed,
    RigError,
    StreamMisuse,
    StreamTimeout,
    StreamTruncated,
    TotalTimeout,
)
from rig_sync.message import AssistantMessage, Text
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import ItemStream, RaiseErrors, checked_raise_errors
from rig_sync.streaming.items import StreamedAssistantContent, StreamError
from rig_sync.streaming.parts import Parts
from rig_sync.streaming.pause import Gate, PauseControl
from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.raw import CallFragment, End, RawEvent, Retrying, UsageReport
from rig_sync.streaming.reader import Reader
from rig_sync.streaming.source import TIMELESS, ModelCall
from rig_sync.transport.timeouts import Timeouts

__all__ = ["Clock", "StreamingCompletionResponse"]

FINISH_GRACE = 5.0  # seconds for usage to follow the finish reason on a socket that stays open
JOIN_SECONDS = 0.2
LOOK_SECONDS = 0.5
"""Between two looks while connecting. What a look comes late is not the server's: among hundreds of
threads, whoever connects waits for the interpreter as long, at each of its steps."""
CONNECT_GRACE = 1.0  # for a reader that was woken to say itself that there was no connection


class Clock:
    """Seconds waited for the provider in one run, over all its model calls.

    Attributes:
        timeouts: How many there are.
        spent: Used up so far.
        began: When the run was asked for, by `time.monotonic`.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.spent = 0.0
        self.began = time.monotonic()

    @property
    def left(self) -> float | None:
        """What is left of `Timeouts.total`."""
        total = self.timeouts.total
        return None if total is None else total - self.spent

    @contextmanager
    def counting(self) -> Iterator[None]:
        """The time that passes inside counts; the caller's own never does."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - began

    def check(self) -> None:
        """Raise `TotalTimeout` if nothing is left."""
        if self.left is not None and self.left <= 0:
            total = self.timeouts.total
            raise TotalTimeout(
                f"the run took longer than {total:g} s (total); raise it in Timeouts"
            )


class _Core:
    """Everything the consumer's generator needs.

    It never refers to the object the user holds, so that dropping that object ends the stream at
    once, without the garbage collector.
    """

    def __init__(
        self,
        call: ModelCall,
        clock: Clock,
        pause: PauseControl | None,
        on_retry: Callable[[Attempt], object] | None,
    ) -> None:
        self.parts = Parts(call.answer.name, limits=call.limits)
        self.token = CancelToken()
        self._call = call
        self._clock = clock
        self._pipe: Pipe[RawEvent] = Pipe()
        self._told = tuple(filter(None, (call.retries.on_retry, on_retry)))
        longest = clock.timeouts.max_pause
        self.gate = Gate(pause, self._pipe.kick, longest=longest, since=clock.began)
        self.token.subscribe(self._pipe.close)
        self.token.subscribe(self.gate.release)
        self._reader: Reader[RawEvent] | None = None
        self.given_up = False  # the answer ended, not its body
        self._content = False  # the first content has come
        self._mentioned: set[tuple[object, str | None]] = set()  # calls, by key and name
        self._spent = 0.0  # waited since the last content
        self._dialled = 0.0  # waited for the connection of the try under way
        self._reminded = False  # its reader was told that the time for that is over
        self._attempts: list[Attempt] = []  # that failed before the try under way

    def join(self) -> None:
        """Wait a moment for the reader to be gone."""
        if self._reader is not None:
            self._reader.join(JOIN_SECONDS)

    def items(self) -> Generator[StreamedAssistantContent, None, None]:
        """The consumer's items; a failure is the last one, as a `StreamError`."""
        parts = self.parts
        failure: RigError | None = None
        try:
            self._reader = Reader(self._call, self._pipe, self.gate, self.token)
            while not parts.ended and (batch := self._batch()) is not None:
                for event in batch:
                    if type(event) is Text and parts.open_text is not None:
                        parts.open_text.add(event.text)
                        yield event
                    elif type(event) is UsageReport:
                        parts.counted = event
                    else:
                        yield from parts.feed(event)
                if parts.open_text is not None:
                    parts.open_text.fold()
                if parts.error is not None:
                    failure, parts.error = parts.error, None  # or it would refer to itself
                    break
            if failure is None and not parts.ended and not self.token.cancelled:
                raise StreamTruncated(
                    f"{self._call.endpoint.provider}: the body ended before the answer did. "
                    "What came is in .partial"
                )
        except RigError as error:
            failure = error.with_traceback(None)  # with it, it would refer to itself
        if failure is not None:
            self.gate.release()  # what is left to tell waits for nobody
            yield from parts.flush()
            failure.partial = parts.response()
            failure.attempts = failure.attempts or tuple(self._attempts)
            yield StreamError(failure)

    def _batch(self) -> list[RawEvent] | None:
        """What has come since the last time; None at the end."""
        while not self.token.cancelled:
            if self._reader is not None and self._reader.foreign:
                raise StreamMisuse("this stream was opened before the fork: only its opener reads")
            if self.gate.shut:
                self.gate.hold()
                continue
            limit = self._limit()
            began = time.monotonic()
            batch = self._pipe.take(limit)
            waited = time.monotonic() - began
            self._spent += waited
            self._dialled += waited if limit is None else min(waited, limit)
            self._clock.spent += waited
            if batch:
                self._set_back(batch)
                return batch if self._may_go_on() else None
            if self._pipe.drained:
                if self.parts.finish is not None and isinstance(self._pipe.error, ReadFailed):
                    self.given_up = True
                    return [End()]  # finished, though the connection broke
                self._pipe.raise_error()
                return None
            if limit is not None and waited >= limit and not self.gate.shut:
                if self._awaits_connection() or self._limit():
                    continue  # it stands by now, or there is more time than there seemed
                left = self._clock.left
                if self.parts.finish is not None and (left is None or left > 0):
                    self.given_up = True
                    return [End()]  # finished, though the server holds the connection
                self._expire()
        return None

    def _may_go_on(self) -> bool:
        """Wait while paused, be it since the last look; False when cancelled meanwhile."""
        if self.gate.shut:
            self.gate.hold()
        return not self.token.cancelled

    def _limit(self) -> float | None:
        """Seconds to wait for what comes next; None for ever."""
        times = self._clock.timeouts
        own = times.idle if self._content else times.first_event
        if self.parts.finish is not None:
            own = FINISH_GRACE if own is None else min(own, FINISH_GRACE)
        own = None if own is None else own - self._spent
        dialling = self._connect_left()
        dialling = None if dialling is None else min(dialling, LOOK_SECONDS)
        limits = [left for left in (own, self._clock.left, dialling) if left is not None]
        return max(0.0, min(limits)) if limits else None

    def _connect_left(self) -> float | None:
        """Seconds until the connection has to stand; None when it does, or may take its time."""
        connect, reader = self._clock.timeouts.connect, self._reader
        line = None if reader is None else reader.flow.line
        if connect is None or self._content or (line is not None and line.stands):
            return None
        return connect + (CONNECT_GRACE if self._reminded else 0.0) - self._dialled

    def _awaits_connection(self) -> bool:
        """Whether it was the time to connect that is over, and the reader is to say so itself.

        It can where there is a socket to cut, and then the request may be tried again. A look-up
        of a name cannot be: then the stream ends here.
        """
        left, reader, clock = self._connect_left(), self._reader, self._clock
        over = clock.left is not None and clock.left <= 0
        if left is None or left > 0 or reader is None or over:
            return False
        line, connect = reader.flow.line, clock.timeouts.connect
        if line is None or line.began is None:  # it still asks for keys
            self._dialled = 0.0
            return True
        self._dialled = min(self._dialled, time.monotonic() - line.began)
        if (still := self._connect_left()) is not None and still <= 0:
            if self._reminded or not line.expire():
                raise ConnectTimeout(
                    f"{self._call.endpoint.provider}: no connection within {connect:g} s "
                    "(connect): is base_url right? Raise it in Timeouts if the way is that long"
                )
            self._reminded = True
        return True

    def _set_back(self, batch: list[RawEvent]) -> None:
        for event in batch:
            if type(event) is Text:
                break
            if isinstance(event, Retrying):
                tried = event.attempt
                self._spent = self._dialled = 0.0 if tried is None else -tried.waited
                self._reminded = False
                if tried is not None:
                    self._attempts.append(tried)
                    for told in self._told:
                        told(tried)
            elif not isinstance(event, TIMELESS) and not self._is_echo(event):
                break
        else:
            return
        self._content = True
        self._spent = 0.0

    def _is_echo(self, event: RawEvent) -> bool:
        """Whether it is a piece of a call that says nothing, or only again what call it is."""
        if type(event) is not CallFragment or event.arguments:
            return False
        mention = (event.id if event.key is None else event.key, event.name)
        known = mention in self._mentioned or not (event.id or event.name)
        self._mentioned.add(mention)
        return known

    def _expire(self) -> None:
        """Raise for the deadline that has passed."""
        self._clock.check()
        times, reader = self._clock.timeouts, self._reader
        came = reader.flow.bytes_read if reader is not None else 0
        wire = f"{came} bytes came in all, so the connection is alive" if came else "no byte came"
        kind: type[StreamTimeout] = FirstEventTimeout
        what, limit = "first_event", times.first_event
        if self._content:
            kind, what, limit = IdleTimeout, "idle", times.idle
        raise kind(
            f"{self._call.endpoint.provider}: no content for {limit:g} s ({what}); {wire}. "
            "Raise it in Timeouts if the model needs longer"
        )


class StreamingCompletionResponse(ItemStream[StreamedAssistantContent]):
    """What one model call streams: an iterator of `StreamedAssistantContent`.

    The request goes out on the first `next()`. Once the stream has been read, `message`, `usage`
    and `raw` hold what came; before that, what has come so far. See `ItemStream` for errors,
    cancelling and closing.
    """

    def __init__(
        self,
        call: ModelCall,
        clock: Clock,
        *,
        pause: PauseControl | None = None,
        cancel: CancelToken | None = None,
        raise_errors: RaiseErrors = "terminal",
        on_retry: Callable[[Attempt], object] | None = None,
    ) -> None:
        self._core = core = _Core(call, clock, pause, on_retry)
        super().__init__(
            core.items(),
            token=core.token,
            gate=core.gate,
            raise_errors=checked_raise_errors(raise_errors),
            cancel=cancel,
        )

    @property
    def response(self) -> CompletionResponse:
        """Everything that has come so far, in one value."""
        return self._core.parts.response()

    @property
    def message(self) -> AssistantMessage:
        """What the model has said so far."""
        return self.response.message

    @property
    def usage(self) -> Usage:
        """Tokens, as far as reported."""
        return self._core.parts.usage

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the model stopped, once it has."""
        return self.response.finish_reason

    @property
    def raw(self) -> JsonObject | None:
        """The provider's own terminal object, once it has come."""
        return self.response.raw

    def _told_all(self) -> bool:
        return self._core.parts.ended

    def _release(self) -> None:
        if not self._core.parts.ended or self._core.given_up:
            self._token.cancel()  # else the reader gives the connection back, and is gone

    def _join(self) -> None:
        self._core.join()
