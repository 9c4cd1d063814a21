"""A request's connection, as other threads see it: something they may cut.

Measured: `response.close()` from another thread blocks that thread until the server speaks;
`socket.shutdown` wakes the blocked reader at once, plain and over TLS.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Protocol

__all__ = ["Connection", "Line", "LineCut", "Raw"]


class Connection(Protocol):
    """What is needed of `urllib3.connection.HTTPConnection`."""

    @property
    def sock(self) -> object:
        """The socket, while the connection has it."""


class Raw(Protocol):
    """What is needed of `urllib3.HTTPResponse`."""

    def shutdown(self) -> None:
        """Wake a blocked read."""


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
        self._connection: Connection | None = None
        self._raw: Raw | None = None

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

    def connected(self, connection: Connection) -> None:
        """The request goes out on `connection`.

        Raises:
            LineCut: it was cut while the connection was being made.
            TimeoutError: the time to connect was over before.
        """
        self.opened()
        with self._lock:
            self._connection = connection
        self.go_on()
        self.stands = True

    def answered(self, raw: Raw) -> None:
        """The headers have come; the body is `raw`.

        Raises:
            LineCut: it was cut meanwhile.
        """
        with self._lock:
            self._raw = raw
        self.check()
        self.stands = True

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
            connection, raw = self._connection, self._raw
        if raw is not None:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                raw.shutdown()  # a stub cannot, nor can TLS inside the TLS of a proxy
            if getattr(raw, "connection", None) is None:
                return  # read to its end: the connection may serve somebody else
        sock = None if connection is None else _bottom(connection.sock)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

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
        if self._raw is not None and getattr(self._raw, "connection", None) is None:
            return False  # read to its end: the connection may serve somebody else
        sock = _bottom(getattr(self._connection, "sock", None))
        if seconds <= 0 or sock is None:
            return False
        sock.settimeout(seconds)
        return True


def _bottom(sock: object) -> socket.socket | None:
    """The socket itself: TLS inside the TLS of a proxy wraps it once more."""
    inner = getattr(sock, "socket", sock)
    return inner if isinstance(inner, socket.socket) else None
