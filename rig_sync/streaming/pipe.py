"""A bounded pipe between the reader thread and the consumer.

Bounded by items and by bytes: a full pipe holds the writer, and so the socket, and so the
provider. The consumer takes all that is there under one acquisition of the lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Generic, TypeVar

from rig_sync.streaming.threads import SLICE, patiently, renew_after_fork

__all__ = ["MAX_BYTES", "MAX_ITEMS", "Pipe"]

T = TypeVar("T")

MAX_ITEMS = 1024
MAX_BYTES = 256 * 1024
NAP_RATE = 4000  # items a second
NAP_SECONDS = 0.004
CROWDED = 0.001  # seconds without the interpreter
CROWDED_FOR = 10.0

AWAKE, NAPS, WAITS = range(3)
"""What the taker does: a nap goes on until the pipe is full, or over; a wait ends at anything."""


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
        self._putter_waits = False
        self._taken = 0  # items since `_since`
        self._since = time.monotonic()
        self._crowded_until = 0.0
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Make its locks anew: in a forked child."""
        self._lock = threading.RLock()  # a signal handler, or the collector, may close it anywhere
        self._emptied = threading.Condition(self._lock)
        self._bell = threading.Lock()  # a condition takes longer to wake up from
        self._taker = AWAKE

    def put(self, batch: Sequence[T], size: int) -> bool:
        """Hand over `batch`, which took `size` bytes to say; blocks while the pipe is full.

        Returns:
            False if the consumer has closed the pipe: nobody wants more.
        """
        with self._lock:
            while self._items and self._is_full(len(batch), size) and not self._closed:
                self._putter_waits = True
                self._wake_taker()
                self._emptied.wait(SLICE)
                self._putter_waits = False
            if self._closed:
                return False
            self._items.extend(batch)
            self._bytes += size
            waited_for = self._taker == WAITS
            if waited_for:
                self._wake_taker()
        if waited_for and len(batch) == 1:
            self._let_go()
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
            patiently(self._await_ready, timeout)
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
            self._emptied.notify_all()
            self._wake_taker()

    def _let_go(self) -> None:
        """Leave the interpreter to the taker: what it waits for is wanted before what comes next.

        Not where so many threads want it that to have it back takes long: this is one more then.
        """
        began = time.monotonic()
        if began < self._crowded_until:
            return
        time.sleep(0)  # noqa: TID251 - waits for nothing
        if time.monotonic() - began > CROWDED:
            self._crowded_until = began + CROWDED_FOR

    def _nap(self) -> None:
        """Let a fast writer get ahead: what costs is the thread switch, not the hand-over.

        At the speed of any model it never naps; when more than 4,000 items a second came lately,
        four milliseconds make one switch carry many of them.
        """
        now = time.monotonic()
        fast = now - self._since < self._taken / NAP_RATE
        self._since, self._taken = now, 0
        if fast:
            self._rest(NAPS, NAP_SECONDS)

    def _await_ready(self, seconds: float) -> bool:
        self._rest(WAITS, seconds)
        return bool(self._items) or self._is_over()

    def _rest(self, how: int, seconds: float) -> None:
        """Until something ends it; not at all if that has come already."""
        with self._lock:
            if self._is_over() or (self._items and how == WAITS):
                return
            self._bell.acquire(False)  # a ring that came when its rest was over
            self._taker = how
        self._bell.acquire(True, seconds)

    def _is_over(self) -> bool:
        return self.finished or self._closed or self._kicked

    def _is_full(self, items: int, size: int) -> bool:
        return len(self._items) + items > self._max_items or self._bytes + size > self._max_bytes

    def _wake_taker(self) -> None:
        """With the lock held; once is enough, however long it takes."""
        if self._taker != AWAKE:
            self._taker = AWAKE
            self._bell.release()
