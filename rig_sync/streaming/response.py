"""The stream of one model call, as its consumer holds it (Rig: `StreamingCompletionResponse`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rig_sync._json import JsonObject
from rig_sync.completion import CompletionResponse, FinishReason, Usage
from rig_sync.errors import (
    FirstEventTimeout,
    IdleTimeout,
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
from rig_sync.streaming.raw import End, RawEvent, Retrying
from rig_sync.streaming.reader import Reader
from rig_sync.streaming.source import QUIET, ModelCall
from rig_sync.transport.timeouts import Timeouts

__all__ = ["Clock", "StreamingCompletionResponse"]

FINISH_GRACE = 5.0  # seconds for usage to follow the finish reason on a socket that stays open
JOIN_SECONDS = 0.2


class Clock:
    """Seconds waited for the provider in one run, over all its model calls."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.spent = 0.0

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

    def __init__(self, call: ModelCall, clock: Clock, pause: PauseControl | None) -> None:
        self.parts = Parts(call.answer.name)
        self.token = CancelToken()
        self._call = call
        self._clock = clock
        self._pipe: Pipe[RawEvent] = Pipe()
        self.gate = Gate(pause, self._pipe.kick)
        self.token.subscribe(self._pipe.close)
        self.token.subscribe(self.gate.release)
        self._reader: Reader[RawEvent] | None = None
        self.given_up = False  # the answer ended, not its body
        self._content = False  # the first content has come
        self._spent = 0.0  # waited since the last content

    def join(self) -> None:
        """Wait a moment for the reader to be gone."""
        if self._reader is not None:
            self._reader.join(JOIN_SECONDS)

    def items(self) -> Iterator[StreamedAssistantContent]:
        """The consumer's items; a failure is the last one, as a `StreamError`."""
        parts = self.parts
        failure: RigError | None = None
        try:
            self._reader = Reader(self._call, self._pipe, self.gate, self.token)
            while not parts.ended and (batch := self._batch()) is not None:
                for event in batch:
                    if type(event) is Text and parts.open_text is not None:
                        parts.open_text.append(event.text)
                        yield event
                    else:
                        yield from parts.feed(event)
                if parts.error is not None:
                    failure, parts.error = parts.error, None  # or it would refer to itself
                    break
            if failure is None and not parts.ended and not self.token.cancelled:
                raise StreamTruncated(
                    f"{self._call.endpoint.provider}: the body ended before the answer did. "
                    "What came is in .partial"
                )
        except RigError as error:
            failure = error
        if failure is not None:
            yield from parts.flush()
            failure.partial = parts.response()
            yield StreamError(failure.with_traceback(None))

    def _batch(self) -> list[RawEvent] | None:
        """What has come since the last time; None at the end."""
        while not self.token.cancelled:
            if self._reader is not None and self._reader.foreign:
                raise StreamMisuse("this stream was opened before the fork: only its opener reads")
            if self.gate.shut:
                self.gate.wait()
                continue
            limit = self._limit()
            began = time.monotonic()
            batch = self._pipe.take(limit)
            waited = time.monotonic() - began
            self._spent += waited
            self._clock.spent += waited
            if batch:
                self._set_back(batch)
                return batch if self._may_go_on() else None
            if self._pipe.finished:
                self._pipe.raise_error()
                return None
            if limit is not None and waited >= limit and not self.gate.shut:
                left = self._clock.left
                if self.parts.finish is not None and (left is None or left > 0):
                    self.given_up = True
                    return [End()]  # finished, though the server holds the connection
                self._expire()
        return None

    def _may_go_on(self) -> bool:
        """Wait while paused, be it since the last look; False when cancelled meanwhile."""
        if self.gate.shut:
            self.gate.wait()
        return not self.token.cancelled

    def _limit(self) -> float | None:
        """Seconds to wait for what comes next; None for ever."""
        times = self._clock.timeouts
        own = times.idle if self._content else times.first_event
        if self.parts.finish is not None:
            own = FINISH_GRACE if own is None else min(own, FINISH_GRACE)
        limits = [own - self._spent] if own is not None else []
        if self._clock.left is not None:
            limits.append(self._clock.left)
        return max(0.0, min(limits)) if limits else None

    def _set_back(self, batch: list[RawEvent]) -> None:
        for event in batch:
            if isinstance(event, Retrying):
                self._spent = -event.seconds
            elif not isinstance(event, QUIET):
                self._content = True
                self._spent = 0.0
                return

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
    ) -> None:
        self._core = core = _Core(call, clock, pause)
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

    def _release(self) -> None:
        if not self._core.parts.ended or self._core.given_up:
            self._token.cancel()  # else the reader gives the connection back, and is gone

    def _join(self) -> None:
        self._core.join()
