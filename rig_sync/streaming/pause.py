"""Pausing streams (Rig: `rig::streaming::PauseControl`)."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

from rig_sync.errors import PauseTimeout
from rig_sync.streaming.threads import Held, OfThisProcess, patiently, renew_after_fork

__all__ = ["Gate", "PauseControl"]


class PauseControl(OfThisProcess):
    """Holds streams still: while paused, `next()` blocks and nothing is read from the socket.

    One control may serve several streams. Deadlines do not run while paused; cancelling a paused
    stream ends it.

    Attributes:
        paused_at: When the last pause began, by `time.monotonic`.

    Threads: every method may be called from any thread.
    """

    def __init__(self) -> None:
        self.paused_at = 0.0
        self._running = threading.Event()
        self._running.set()
        self._gates: weakref.WeakSet[Gate] = weakref.WeakSet()
        self.renew()
        renew_after_fork(self)

    def __repr__(self) -> str:
        return f"PauseControl(is_paused={self.is_paused})"

    @property
    def is_paused(self) -> bool:
        """Whether `pause` was called last."""
        return not self._running.is_set()

    def pause(self) -> None:
        """Hold the streams; at most the one read under way still comes in."""
        if not self.is_paused:
            self.paused_at = time.monotonic()
        self._running.clear()
        self._tell()

    def resume(self) -> None:
        """Let the streams go on."""
        self._running.set()
        self._tell()

    def attach(self, gate: Gate) -> None:
        """Have `gate` follow this control; held weakly."""
        with self._lock:
            self._gates.add(gate)
        gate.update()

    def renew(self) -> None:
        """Make its locks anew: in a forked child."""
        running = not self.is_paused
        self._running = threading.Event()
        if running:
            self._running.set()
        self._lock = threading.RLock()

    def _tell(self) -> None:
        with self._lock:
            gates = list(self._gates)
        for gate in gates:
            gate.update()


class Gate:
    """One stream's view of its pause control: shut while paused, until it is opened for good.

    Args:
        pause: What to follow; None is never shut.
        on_change: Called when it opens or shuts, in the thread that caused it.
        longest: Seconds that a pause may last, as `hold` sees it; None: as long as it likes.
        since: What was before this moment does not count, by `time.monotonic`.

    Attributes:
        shut: Whether a wait would block; a plain attribute, cheap to look at for every item.
    """

    def __init__(
        self,
        pause: PauseControl | None,
        on_change: Callable[[], None] | None = None,
        *,
        longest: float | None = None,
        since: float = 0.0,
    ) -> None:
        self.shut = False
        self._longest = longest
        self._since = since
        self._pause = pause
        self._on_change = on_change
        self._released = False
        self.renew()
        renew_after_fork(self)
        if pause is not None:
            pause.attach(self)

    def update(self) -> None:
        """Follow the control as it is now; tells `on_change` of a difference."""
        with self._changed:
            before = self.shut
            while self.shut != self._is_held():  # again, if a signal handler came in between
                self.shut = self._is_held()
            if not self.shut:
                self._changed.notify_all()
        if before != self.shut and self._on_change is not None:
            self._on_change()

    def renew(self) -> None:
        """Make its lock anew: in a forked child."""
        self._changed = threading.Condition()  # re-entrant: for signal handlers

    def release(self) -> None:
        """Open it for good: the stream is over."""
        self._released = True
        self.update()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait while it is shut, at most `timeout` seconds; whether it is open."""
        with Held(self._changed):
            return not self.shut or patiently(self._await_open, timeout)

    def hold(self) -> None:
        """Wait while it is shut.

        Raises:
            PauseTimeout: the pause has lasted too long.
        """
        longest = self._longest
        while self.shut:
            left = None
            if longest is not None and self._pause is not None:  # it may be another pause by now
                left = max(self._since, self._pause.paused_at) + longest - time.monotonic()
                if left <= 0:
                    raise PauseTimeout(
                        f"the stream was paused for more than {longest:g} s (max_pause); resume it "
                        "earlier, or raise it in Timeouts"
                    )
            self.wait(left)

    def _await_open(self, seconds: float) -> bool:
        self._changed.wait(seconds)
        return not self.shut

    def _is_held(self) -> bool:
        return not self._released and self._pause is not None and self._pause.is_paused
