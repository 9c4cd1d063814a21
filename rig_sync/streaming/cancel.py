"""A switch that is thrown once, from any thread, and whoever has to know is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rig_sync.streaming.threads import Held, OfThisProcess, patiently, renew_after_fork

__all__ = ["CancelToken"]


class CancelToken(OfThisProcess):
    """Cancels what it was given to: streams, waits, tools.

    Attributes:
        cancelled: Whether `cancel` was called; a plain attribute, cheap to look at.

    Threads: every method may be called from any thread; none blocks but `wait`.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self.renew()
        renew_after_fork(self)

    def __repr__(self) -> str:
        return f"CancelToken(cancelled={self.cancelled})"

    def cancel(self) -> None:
        """Throw the switch; further calls do nothing. Callbacks run in this thread."""
        with self._changed:
            self.cancelled = True
            callbacks, self._callbacks = list(self._callbacks.values()), {}
            self._changed.notify_all()
        for callback in callbacks:
            callback()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until cancelled, at most `timeout` seconds; whether it was."""
        with Held(self._changed):
            return self.cancelled or patiently(self._await_cancel, timeout)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called on cancel, at once if that has happened; returns the way out.

        The callback must be short and must not raise; the token holds it until then.
        """
        with self._changed:
            if not self.cancelled:
                number, self._next = self._next, self._next + 1
                self._callbacks[number] = callback
                return lambda: self._forget(number)
        callback()
        return _nothing

    def disown(self) -> None:
        """Forget whoever was to be told: in a forked child they belong to its parent."""
        self._callbacks = {}

    def renew(self) -> None:
        """Make its lock anew: in a forked child."""
        self._changed = threading.Condition()  # re-entrant: for signal handlers

    def _await_cancel(self, seconds: float) -> bool:
        self._changed.wait(seconds)
        return self.cancelled

    def _forget(self, number: int) -> None:
        with self._changed:
            self._callbacks.pop(number, None)


def _nothing() -> None:
    return None
