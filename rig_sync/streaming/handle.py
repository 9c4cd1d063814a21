"""The object that a user holds of a running stream; one model call and a whole run are alike."""

from __future__ import annotations

import threading
import typing
from collections.abc import Generator, Iterator
from copy import copy
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from rig_sync._closing import Closing
from rig_sync.errors import ConfigError, PauseTimeout, RigError, StreamMisuse
from rig_sync.message import Text
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.items import StreamError
from rig_sync.streaming.pause import Gate
from rig_sync.streaming.threads import OfThisProcess

__all__ = ["ItemStream", "RaiseErrors", "checked_raise_errors"]

RaiseErrors: TypeAlias = Literal["terminal", "all", "none"]
"""Which errors `next()` raises; the others are `StreamError` items."""

CLOSED = "this stream was closed: read it inside its with block"
READ_ELSEWHERE = "this stream is being read by another thread"

T = TypeVar("T")
S = TypeVar("S", bound="ItemStream[Any]")


class ItemStream(Closing, OfThisProcess, Generic[T]):
    """An iterator that can be paused, cancelled and closed, and that cleans up after itself.

    With `raise_errors="terminal"` a failure that ends the stream is raised by its `next()`, after
    everything that came before it, and a recoverable one (a bad frame) is a `StreamError` item.
    `"all"` raises both, and `next()` goes on after a recoverable one; `"none"` raises neither.

    Every way out ends the read and frees the connection: the end, `break`, an exception, `close`,
    `with`, the object's own end. Only `cancel` may be called from another thread.

    Raises:
        RigError: from `next()`; `.partial` has what came.
        StreamMisuse: read again, from two threads at once, or after `close`.
    """

    def __init__(
        self,
        items: Generator[T, None, None],
        *,
        token: CancelToken,
        gate: Gate,
        raise_errors: RaiseErrors,
        cancel: CancelToken | None,
    ) -> None:
        self._items = items  # a generator that must not refer to this object
        self._reading = threading.Lock()  # in 3.11, to close one that runs elsewhere may crash
        self._token = token
        self._gate = gate
        self._raise_errors = raise_errors
        self._outer = cancel
        self._unsubscribe = cancel.subscribe(token.cancel) if cancel is not None else None
        self._cancelled = False
        self._began = False
        self._over = False
        self._closed = False

    def __repr__(self) -> str:
        state = "over" if self._over else "reading" if self._began else "not started"
        return f"{type(self).__name__}({state})"

    def __iter__(self: S) -> S:
        self._check_open()
        if self._over and not self.cancelled:
            raise StreamMisuse(
                "this stream was read to its end: what came is on the object; "
                "start another one to ask again"
            )
        return self

    def __next__(self) -> T:
        if self._closed:
            raise StreamMisuse(CLOSED)
        if not self._reading.acquire(False):
            self._check_open()  # by that other thread, say
            raise StreamMisuse(READ_ELSEWHERE)
        try:
            if self._began and not self._gate.shut and not self._token.cancelled:
                item = next(self._items)
            else:
                item = self._looked_at()
        except BaseException as error:
            self._reading.release()
            self._end()
            if isinstance(error, StopIteration):
                self._check_open()  # closed by another thread: that is no end of the answer
            raise
        self._reading.release()
        if isinstance(item, StreamError) and self._is_raised(item.error):
            failure = item.error
            if failure.recoverable:
                failure = copy(failure)  # the stream still holds the other: that would be a cycle
            try:
                raise failure
            finally:
                del failure, item  # or its traceback would have it refer to itself
        return item

    def __del__(self) -> None:
        if getattr(self, "_over", True):  # or the constructor failed
            return
        self._end()

    def cancel(self) -> None:
        """End the stream now, from any thread: `next()` stops, the connection goes; idempotent."""
        self._cancelled = True
        self._token.cancel()

    def within(self) -> Iterator[T]:
        """The items, for a stream that reads this one inside its own `next`.

        That one holds still, stops and refuses a second reader for both, and it has to `end` this
        one; nothing is raised but what comes from the items.
        """
        self._began = True
        return self._items

    def end(self) -> None:
        """End the stream, as `close` does, without the wait."""
        self._end()

    def close(self) -> None:
        """End the stream and wait a moment until its reader is gone; what came stays."""
        self._closed = True
        self._end()
        self._join()

    def text_deltas(self) -> Iterator[str]:
        """Only the words, as they come; closing this iterator closes the stream."""
        try:
            for item in self:
                text = self._text_of(item)
                if text is not None:
                    yield text
        except GeneratorExit:  # as a WSGI server does when the browser has gone
            self.close()
            raise

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` ended it, here or on the token it was given."""
        return self._cancelled or (self._outer is not None and self._outer.cancelled)

    def _told_all(self) -> bool:
        """Whether the last item has been handed over: then nothing is left to pause."""
        return False

    def _check_open(self) -> None:
        if self._closed:
            raise StreamMisuse(CLOSED) from None

    def _looked_at(self) -> T:
        """The next item where it is the first, or was paused or cancelled before."""
        late: PauseTimeout | None = None
        if self._gate.shut and not self._told_all():
            late = self._after_pause()
        if self._token.cancelled:
            raise StopIteration  # whatever was ready
        try:
            if late is not None and self._began:
                return self._items.throw(late)  # as if it came from inside: what came is kept
            self._began = True
            return next(self._items)
        finally:
            del late  # or its traceback would have it refer to itself

    def _after_pause(self) -> PauseTimeout | None:
        """Wait while paused; what is wrong if that lasted too long."""
        try:
            self._gate.hold()
        except PauseTimeout as error:
            return error.with_traceback(None)
        return None

    @staticmethod
    def _text_of(item: object) -> str | None:
        return item.text if isinstance(item, Text) else None

    def _is_raised(self, error: RigError) -> bool:
        """Whether that is wanted of `error`; ends the stream if it is the end."""
        if not error.recoverable:
            self._end()
        wanted = self._raise_errors
        return wanted == "all" or (wanted == "terminal" and not error.recoverable)

    def _end(self) -> None:
        """Let go of everything but what came."""
        self._over = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._release()
        if self._reading.acquire(False):  # else another thread is in it, and does the same
            try:
                self._items.close()
            finally:
                self._reading.release()

    def _release(self) -> None:
        """Stop whatever still works for this stream; never blocks."""
        self._token.cancel()

    def _join(self) -> None:
        """Wait a moment for what works for this stream to be gone."""


def checked_raise_errors(value: str) -> RaiseErrors:
    """`value`, if it is one of the three words.

    Raises:
        ConfigError: it is something else.
    """
    if value not in typing.get_args(RaiseErrors):
        raise ConfigError(f"raise_errors={value!r}: write 'terminal', 'all' or 'none'")
    return cast(RaiseErrors, value)
