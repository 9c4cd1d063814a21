"""A bounded pipe between the reader thread and the consumer.

Bounded by items and by bytes: a full pipe holds the writer, and so the socket, and so the
provider. The consumer takes all that is there under one acquisition of the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar

from rig_sync.streaming.threads import patiently

__all__ = ["MAX_BYTES", "MAX_ITEMS", "Pipe"]

T = TypeVar("T")

MAX_ITEMS = 1024
MAX_BYTES = 256 * 1024


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
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._emptied = threading.Condition(self._lock)
        self._items: list[T] = []
        self._bytes = 0
        self._closed = False
        self._kicked = False
        self._taker_waits = False

    def put(self, batch: Sequence[T], size: int) -> bool:
        """Hand over `batch`, which took `size` bytes to say; blocks while the pipe is full.

        Returns:
            False if the consumer has closed the pipe: nobody wants more.
        """
        with self._lock:
            while self._is_full(len(batch), size) and not self._closed:
                self._emptied.wait()
            if self._closed:
                return False
            self._items.extend(batch)
            self._bytes += size
            self._wake_taker()
            return True

    def finish(self, error: BaseException | None = None) -> None:
        """No more will be put; `error` is raised by whoever has taken the rest."""
        with self._lock:
            self.finished = True
            self.error = error
            self._wake_taker()

    def take(self, timeout: float | None = None) -> list[T]:
        """Everything that is there; waits at most `timeout` seconds for the first of it.

        Returns:
            An empty list when the time is over, after `kick`, or at the end: see `finished`.
        """
        with self._lock:
            if not self._items and not self.finished and not self._closed and not self._kicked:
                self._taker_waits = True
                patiently(self._filled.wait, timeout)
                self._taker_waits = False
            self._kicked = False
            batch = self._items
            if batch:
                self._items = []
                self._bytes = 0
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
            self._filled.notify_all()

    def _is_full(self, items: int, size: int) -> bool:
        if not self._items:
            return False
        return len(self._items) + items > self._max_items or self._bytes + size > self._max_bytes

    def _wake_taker(self) -> None:
        if self._taker_waits:
            self._filled.notify()
