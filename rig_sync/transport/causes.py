"""What went wrong below, said in few words, and without what it drags along."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

__all__ = [
    "PROXY_CREDENTIALS",
    "bare",
    "refused_by_proxy",
    "system_error",
    "timed_out",
    "untrusted",
    "why",
]

PROXY_CREDENTIALS = (
    "the proxy wants credentials, or others than it got (407): write them in the environment, as "
    "HTTPS_PROXY=http://user:password@host:port"
)

LONGEST = 200
_TUNNEL = re.compile(r"Tunnel connection failed: (4(?!08|29)\d\d)\b")


def why(error: BaseException) -> str:
    """What the innermost exception says, without the objects it was wrapped in.

    >>> why(OSError(ValueError("a bad number")))
    'a bad number'
    """
    inner = getattr(error, "reason", None)
    if not isinstance(inner, BaseException):
        inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    if inner is not None:
        return why(inner)
    last = error.args[-1] if error.args else ""
    said = last if isinstance(last, str) and not isinstance(error, OSError) else str(error)
    said = said.partition("): ")[2] or said if said.startswith("HTTP") else said
    return said if said.isprintable() else repr(said[:LONGEST])  # a server may have said it


def bare(error: BaseException) -> BaseException:
    """`error` without frames: theirs hold the request with its key, and in a circle themselves."""
    error.__traceback__ = None
    inside = (error.__cause__, error.__context__, *error.args)
    for inner in inside:
        if isinstance(inner, BaseException) and inner.__traceback__ is not None:
            bare(inner)
    return error


def system_error(error: BaseException) -> OSError | None:
    """The error of the system that `error` came of, by itself; None if it came of something else.

    >>> system_error(ValueError(ConnectionRefusedError(111, "Connection refused")))
    ConnectionRefusedError(111, 'Connection refused')
    """
    for one in _within(error):
        if isinstance(one, OSError) and type(one).__module__ in ("builtins", "socket", "ssl"):
            one.__cause__ = one.__context__ = None
            return one.with_traceback(None)
    return None


def timed_out(error: BaseException) -> bool:
    """Whether `error` came of a socket that had waited long enough.

    >>> timed_out(ValueError(TimeoutError("timed out"))), timed_out(ValueError("timed out"))
    (True, False)
    """
    return any(isinstance(one, TimeoutError) for one in _within(error))


def untrusted(error: BaseException) -> bool:
    """Whether `error` came of a certificate that nobody known vouches for."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in _within(error))


def _within(error: BaseException) -> Iterator[BaseException]:
    """`error`, and all that it came of."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += (*one.args, getattr(one, "reason", None), one.__context__, one.__cause__)


def refused_by_proxy(said: str) -> str | None:
    """What to tell of a CONNECT that would be refused again; None where it may yet succeed.

    >>> refused_by_proxy("Tunnel connection failed: 403 Forbidden")
    'the proxy refuses to connect there (403): ask who runs it, or name the host in NO_PROXY'
    >>> refused_by_proxy("Tunnel connection failed: 502 Bad Gateway") is None
    True
    """
    found = _TUNNEL.search(said)
    if found is None:
        return None
    if found[1] == "407":
        return PROXY_CREDENTIALS
    return (
        f"the proxy refuses to connect there ({found[1]}): ask who runs it, or name the host in "
        "NO_PROXY"
    )
