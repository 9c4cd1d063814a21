"""Sockets to a host that others may wake while they are being connected."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from rig_sync.transport.line import Line

__all__ = ["dial"]


def dial(
    host: str,
    port: int,
    *,
    timeout: float | None,
    options: Sequence[tuple[int, int, int | bytes]],
    source: tuple[str, int] | None,
    line: Line,
) -> socket.socket:
    """A connected socket: to the first address of `host` that answers.

    Args:
        host: A name or an address; one of IPv6 may stand in brackets.
        port: Of the server, or the proxy.
        timeout: Seconds for all addresses together; looking them up cannot be hurried. Each has a
            fair share, so that one that does not answer cannot take the time of the next.
        options: For `setsockopt`, ahead of connecting.
        source: To be bound to.
        line: May cut it meanwhile.

    Raises:
        OSError: none of the addresses could be connected to; the last one's error.
        TimeoutError: not in time.
        LineCut: another thread cut it.
    """
    end = None if timeout is None else time.monotonic() + timeout
    failure: OSError | None = None
    found = socket.getaddrinfo(host.strip("[]"), port, 0, socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = _until(end)
        share = None if left is None else left / (len(found) - number)
        try:
            sock = socket.socket(family, kind, protocol)
            _connect(sock, address, share, options, source, line)
        except OSError as error:
            failure = error
        else:
            sock.settimeout(_until(end))
            return sock
        if end is not None and time.monotonic() >= end:
            break
    try:
        raise failure or OSError(f"{host} has no address")
    finally:
        del failure  # or its traceback would have it refer to itself


def _connect(
    sock: socket.socket,
    address: tuple[str | int, ...] | tuple[int, bytes],
    timeout: float | None,
    options: Sequence[tuple[int, int, int | bytes]],
    source: tuple[str, int] | None,
    line: Line,
) -> None:
    """Connect `sock`; closes it on every other way out."""
    try:
        for option in options:
            sock.setsockopt(*option)
        if source is not None:
            sock.bind(source)
        sock.settimeout(timeout)
        line.opening(sock)
        sock.connect(address)
        line.go_on()
    except BaseException:
        sock.close()
        raise


def _until(end: float | None) -> float | None:
    """Seconds that are left, as a socket takes them: 0 would not block at all."""
    return None if end is None else max(0.001, end - time.monotonic())
