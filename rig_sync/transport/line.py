"""A request's connection, as other threads see it: something they may cut.

Measured: `response.close()` from another thread blocks that thread until the server speaks;
`socket.shutdown` wakes the blocked reader at once, plain and over TLS.
"""

from __future__ import annotations

import contextlib
import socket
import threading
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
    """One request's connection, as other threads may cut it: before, while and after it stands."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # the collector may end a stream anywhere
        self._cut = False
        self._connection: Connection | None = None
        self._raw: Raw | None = None

    def connected(self, connection: Connection) -> None:
        """The request goes out on `connection`.

        Raises:
            LineCut: it was cut while the connection was being made.
        """
        with self._lock:
            self._connection = connection
        self.check()

    def answered(self, raw: Raw) -> None:
        """The headers have come; the body is `raw`.

        Raises:
            LineCut: it was cut meanwhile.
        """
        with self._lock:
            self._raw = raw
        self.check()

    def check(self) -> None:
        """Raise `LineCut` if somebody cut it."""
        if self._cut:
            raise LineCut

    def cut(self) -> None:
        """Wake whoever reads from it; never blocks, any thread, any number of times."""
        with self._lock:
            self._cut = True
            connection, raw = self._connection, self._raw
        # a stubbed response has no socket, and one read to its end has given it back
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            if raw is not None:
                raw.shutdown()  # refuses once the connection serves somebody else
            if connection is not None and isinstance(connection.sock, socket.socket):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def hurry(self, seconds: float) -> bool:
        """Let reads wait at most this long from now on; False if there is no time or no socket."""
        sock = getattr(self._connection, "sock", None)
        if seconds <= 0 or not isinstance(sock, socket.socket):
            return False
        sock.settimeout(seconds)
        return True
