"""A bounded pipe between the reader thread and the consumer.

Bounded by items and by bytes: a full pipe holds the writer, and so the socket, and so the
provider. The consumer takes all that is there under one acquisition of the lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Generic, TypeVar

from rig_sync.streaming.threads import SLICE, Held, patiently, renew_after_fork

__all__ = ["MAX_BYTES", "MAX_ITEMS", "Pipe"]

T = TypeVar("T")

MAX_ITEMS = 1024
MAX_BYTES = 256 * 1024
NAP_RATE = 4000  # items a second
NAP_SECONDS = 0.0005


class Pipe(Generic[T]):
    """What one thread puts in, another takes out, in order.

    A batch larger than the bounds is let in when the pipe is empty, so that it cannot jam.

    Attributes:
        finished: The writer has put its last batch.
        error: Why the writer stopped, if not for the end of its source.
    """

    def __init__(self, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> None:
        self.finished = False
        self.error: BaseException | None = None
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: list[T] = []
        self._bytes = 0
        self._closed = False
        self._kicked = False
        self._taker_waits = False
        self._putter_waits = False
        self._taken = 0  # items since `_since`
        self._since = time.monotonic()
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Make its locks anew: in a forked child."""
        self._lock = threading.RLock()  # a signal handler, or the collector, may close it anywhere
        self._filled = threading.Condition(self._lock)
        self._emptied = threading.Condition(self._lock)
        self._over = threading.Condition(self._lock)  # told by `close`: ends a nap

    def put(self, batch: Sequence[T], size: int) -> bool:
        """Hand over `batch`, which took `size` bytes to say; blocks while the pipe is full.

        Returns:
            False if the consumer has closed the pipe: nobody wants more.
        """
        with self._lock:
            while self._is_full(len(batch), size) and not self._closed:
                self._putter_waits = True
                self._emptied.wait(SLICE)
                self._putter_waits = False
            if self._closed:
                return False
            self._items.extend(batch)
            self._bytes += size
            if self._taker_waits:
                self._taker_waits = False  # one wake-up is enough, however long it takes
                self._filled.notify()
            return True

    def raise_error(self) -> None:
        """Raise what the writer failed of, once."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # or its traceback would have it refer to itself

    def finish(self, error: BaseException | None = None) -> None:
        """No more will be put; `error` is raised by whoever has taken the rest."""
        with self._lock:
            self.finished = True
            self.error = error
            self._wake_taker()

    @property
    def drained(self) -> bool:
        """Whether the last batch was put, and taken; `finished` alone may come before `take`."""
        return self.finished and not self._items

    def take(self, timeout: float | None = None) -> list[T]:
        """Everything that is there; waits at most `timeout` seconds for the first of it.

        Returns:
            An empty list when the time is over, after `kick`, or at the end: see `drained`.
        """
        if not self._items:
            self._nap()
            with Held(self._lock):
                if not self._is_ready():
                    patiently(self._await_filled, timeout)
        with self._lock:
            self._kicked = False
            batch, self._items = self._items, []  # never the list that is still written to
            if batch:
                self._bytes = 0
                self._taken += len(batch)
                if self._putter_waits:
                    self._emptied.notify()
            return batch

    def kick(self) -> None:
        """Let a waiting `take` return now, with nothing."""
        with self._lock:
            self._kicked = True
            self._wake_taker()

    def close(self) -> None:
        """The consumer wants no more: what is in the pipe is dropped, a waiting `put` returns."""
        with self._lock:
            self._closed = True
            self._items = []
            self._bytes = 0
            for waiting in (self._emptied, self._filled, self._over):
                waiting.notify_all()

    def _nap(self) -> None:
        """Let a fast writer get ahead: what costs is the thread switch, not the hand-over.

        At the speed of any model it never naps; when more than 4,000 items a second came lately,
        half a millisecond makes one switch carry many of them.
        """
        now = time.monotonic()
        fast = now - self._since < self._taken / NAP_RATE
        self._since, self._taken = now, 0
        if fast:
            with Held(self._lock):
                if not self.finished and not self._closed:
                    self._over.wait(NAP_SECONDS)

    def _await_filled(self, seconds: float) -> bool:
        self._taker_waits = True
        self._filled.wait(seconds)
        self._taker_waits = False
        return self._is_ready()

    def _is_ready(self) -> bool:
        return bool(self._items) or self.finished or self._closed or self._kicked

    def _is_full(self, items: int, size: int) -> bool:
        if not self._items:
            return False
        return len(self._items) + items > self._max_items or self._bytes + size > self._max_bytes

    def _wake_taker(self) -> None:
        self._taker_waits = False
        self._filled.notify()
