"""A request's connection, as other threads see it: something they may cut.

Measured: `response.close()` from another thread blocks that thread until the server speaks;
`socket.shutdown` wakes the blocked reader at once, plain and over TLS. That of urllib3's response
looks before it calls: whoever closes or releases it in between fails it, or has it cut the next.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

__all__ = ["Line", "LineCut"]


class LineCut(Exception):
    """The request was cut from another thread: nobody waits for its answer."""


class Line:
    """One request's connection, as other threads may cut it: before, while and after it stands.

    Attributes:
        began: When the connection was asked for, by `time.monotonic`; None before that.
        fresh: A connection was made for it; else it goes out on one that was kept.
        stands: The connection is there, and the request goes out on it.
        expired: The time to connect was over; see `expire`.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.fresh = False
        self.stands = False
        self.expired = False
        self._lock = threading.RLock()  # the collector may end a stream anywhere
        self._cut = False
        self._settled = False
        self._opening: socket.socket | None = None
        self._socket: socket.socket | None = None

    def dial(self) -> None:
        """A connection is asked for, from now on."""
        self.began = time.monotonic()

    def opening(self, sock: socket.socket) -> None:
        """A connection is being made by `sock`, which may be cut before it stands.

        Raises:
            LineCut: it was cut already.
            TimeoutError: the time to connect is over.
        """
        self.fresh = True
        copy = sock.dup()  # TLS takes the socket out of its object, and gives it back in another
        with self._lock:
            before, self._opening = self._opening, copy
        if before is not None:
            before.close()
        self.go_on()

    def go_on(self) -> None:
        """Look up between two steps of connecting: a socket that was shut may seem connected.

        Raises:
            LineCut: it was cut.
            TimeoutError: the time to connect is over.
        """
        self.check()
        if self.expired:
            raise TimeoutError("no time left to connect")

    def opened(self) -> None:
        """No connection is being made any more: one stands, or none will."""
        with self._lock:
            self._settled = True
            copy, self._opening = self._opening, None
            if copy is not None:
                copy.close()

    def connected(self, sock: object) -> None:
        """The request goes out on `sock`; one that no socket is under cannot be cut.

        Raises:
            LineCut: it was cut while the connection was being made.
            TimeoutError: the time to connect was over before.
        """
        self.opened()
        with self._lock:
            self._socket = _bottom(sock)
        self.go_on()
        self.stands = True

    def answered(self) -> None:
        """The headers have come.

        Raises:
            LineCut: it was cut meanwhile.
        """
        self.check()
        self.stands = True

    def let_go(self) -> None:
        """The connection is closed, or may serve somebody else, from now on."""
        with self._lock:
            self._socket = None

    def expire(self) -> bool:
        """The time to connect is over; whether whoever makes the connection knows. Any thread.

        Nobody can be woken while the name is looked up.
        """
        with self._lock:
            if self._settled:
                return True
            self.expired = True
            return self._wake_opening()

    def check(self) -> None:
        """Raise `LineCut` if somebody cut it."""
        if self._cut:
            raise LineCut

    def cut(self) -> None:
        """Wake whoever reads from it; never blocks, any thread, any number of times."""
        with self._lock:
            self._cut = True
            self._wake_opening()
            if self._socket is not None:
                with contextlib.suppress(OSError):  # closed already
                    # that of `ssl` would have the reader take what is encrypted for the answer
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _wake_opening(self) -> bool:
        """With the lock held, or the number of the copy might be another socket's by now."""
        if self._opening is None:
            return False
        try:
            # the way out stays open: `ssl` forgets to close what it finds unconnected
            self._opening.shutdown(socket.SHUT_RD)
        except OSError:  # not every system lets go of a socket that is being connected
            return False
        return True

    def hurry(self, seconds: float) -> bool:
        """Let reads wait at most this long from now on; False if there is no time or no socket."""
        if seconds <= 0 or self._socket is None:
            return False
        self._socket.settimeout(seconds)
        return True


def _bottom(sock: object) -> socket.socket | None:
    """The socket itself: TLS inside the TLS of a proxy wraps it once more."""
    inner = getattr(sock, "socket", sock)
    return inner if isinstance(inner, socket.socket) else None
