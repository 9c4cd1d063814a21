"""HTTP by requests and urllib3: with `pools` the one place that imports them.

A connection is opened, read and closed by one thread. Any other thread may only cut its `Line`.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import ClassVar, TypedDict
from urllib.parse import urlsplit

import requests
import urllib3

from rig_sync._secrets import Sealed, passwords
from rig_sync.errors import (
    ConfigError,
    ConnectFailed,
    ConnectTimeout,
    LimitExceeded,
    ReadFailed,
    RigError,
    TransportError,
    UntrustedCertificate,
)
from rig_sync.transport.address import check_proxies, is_loopback
from rig_sync.transport.causes import (
    PROXY_CREDENTIALS,
    bare,
    refused_by_proxy,
    timed_out,
    untrusted,
    why,
)
from rig_sync.transport.chunked import chunk_reader
from rig_sync.transport.head import HttpRequest, ReplyHead
from rig_sync.transport.line import Line, LineCut
from rig_sync.transport.pools import current, new_session, open_ahead

__all__ = ["Http", "Reply", "translated"]

READ_SIZE = 65536
DRAIN_SECONDS = 0.1
PROXY_AUTHENTICATION = 407
MOST_TEMPLATES = 64


class Reply(ReplyHead):
    """The answer to one request: status and headers, and a body to be read once."""

    drain_seconds = DRAIN_SECONDS

    def __init__(self, response: requests.Response, line: Line) -> None:
        super().__init__(response.status_code, response.headers)
        self.whole = False  # the body was read to its end
        self.clean = True  # and it ended where its framing says
        self._response = response
        self._line = line

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes: each piece as soon as it is there, in every framing.

        `read1` alone is prompt on close-delimited bodies and loses nothing of a broken one. A body
        that ends before its framing says so ends here too, and is then not `clean`.

        Raises:
            ReadFailed: the connection broke.
            LineCut: another thread cut it.
        """
        read = self._reader()
        while True:
            try:
                data = read()
            except Exception as error:  # noqa: BLE001 - translated, and raised on
                cause = _cause(error)
                self._line.check()
                if _ended_early(error):
                    self.clean = False
                    break
                raise translated(error) from cause
            if not data:
                break
            yield data
        self._line.check()
        self.whole = self.clean

    def _reader(self) -> Callable[[], bytes]:
        raw = self._response.raw
        if isinstance(raw, urllib3.HTTPResponse):
            return _direct(raw) or partial(raw.read1, READ_SIZE, decode_content=True)
        pieces = self._response.iter_content(READ_SIZE)  # what a stub library put in its place
        return lambda: next(pieces, b"")

    def finish(self) -> None:
        """Give the connection back if the rest of the body comes at once; else close it."""
        end = time.monotonic() + self.drain_seconds
        chunks = self.chunks()
        with contextlib.suppress(RigError, LineCut):
            while self._may_be_kept() and self._line.hurry(end - time.monotonic()):
                if next(chunks, None) is None:
                    break
        self.close()

    def _may_be_kept(self) -> bool:
        inner = getattr(self._response.raw, "_original_response", None)
        return self.clean and not self.whole and not getattr(inner, "will_close", True)

    def close(self) -> None:
        """End it; the connection goes back to the pool only if the body was read to its end."""
        self._line.let_go()
        self._response.close()


def _direct(raw: urllib3.HTTPResponse) -> Callable[[], bytes] | None:
    """The read of the standard library below urllib3, for plain chunked bodies; else None.

    One event a chunk is what providers send, and urllib3 takes twice as long for each as the
    library that does the work. Whoever releases the connection is still urllib3, at the end.
    """
    inner = raw._original_response  # requests takes the cookies from there
    if not isinstance(inner, http.client.HTTPResponse) or not raw.chunked:
        return None
    if raw.headers.get("Content-Encoding", "identity") != "identity":
        return None
    read_chunks = chunk_reader(inner, READ_SIZE)

    def read() -> bytes:
        return read_chunks() or raw.read1(READ_SIZE)

    return read


class Http(Sealed):
    """One `requests.Session`: connections kept alive, shared by threads, anew after a fork.

    The environment's proxies and certificate bundles are read at the first request.
    """

    reply_type: ClassVar[type[Reply]] = Reply

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._environments: dict[str, _Environment] = {}
        self._templates: dict[str, requests.PreparedRequest] = {}
        _in_use.add(self)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The passwords of the proxies that are in use."""
        urls = [
            url for one in tuple(self._environments.values()) for url in one["proxies"].values()
        ]
        return tuple(word for url in urls for word in passwords(url))

    def forked(self) -> None:
        """In a forked child: a socket must not be shared with the parent, nor a lock it held."""
        self._lock = threading.Lock()
        self._session = None

    def send(self, request: HttpRequest, *, connect: float | None, line: Line) -> Reply:
        """The status and headers of the answer; its body is still to be read.

        Blocks without a deadline of its own once connected: whoever waits for it cuts the line.

        Raises:
            ConnectTimeout: no connection within `connect` seconds.
            ConnectFailed: no connection.
            ReadFailed: it broke before the headers came.
            ConfigError: the URL or a header cannot be sent.
            LineCut: another thread cut it.
        """
        line.check()
        session = self._own_session()
        serving = current.set(line)
        line.dial()
        try:
            response = session.send(
                self._prepared(request),
                stream=True,
                timeout=(connect, None),
                allow_redirects=False,  # a redirected POST would become a GET
                **self._environment(session, request.url),
            )
        except Exception as error:  # noqa: BLE001 - translated, and raised on
            cause = _cause(error)  # first: urllib3's errors hold themselves by their frames
            raise _failure(error, line, request.url) from cause
        finally:
            line.opened()
            current.reset(serving)
        try:
            line.answered()
            if response.status_code == PROXY_AUTHENTICATION:
                raise ConfigError(PROXY_CREDENTIALS)
        except (LineCut, RigError):
            response.close()
            raise
        return self.reply_type(response, line)

    def open_ahead(self, url: str, *, connect: float | None) -> None:
        """Have a connection wait for the next request to `url`; as `send`, and nothing is sent."""
        line = Line()
        serving = current.set(line)
        line.dial()
        try:
            session = self._own_session()
            request = self._prepared(HttpRequest(url, {}, method="GET"))
            open_ahead(session, request, connect, **self._environment(session, url))
        except Exception as error:  # noqa: BLE001 - translated, and raised on
            cause = _cause(error)  # first: urllib3's errors hold themselves by their frames
            raise _failure(error, line, url) from cause
        finally:
            line.opened()
            current.reset(serving)

    def close(self) -> None:
        """Close the connections that wait in the pool; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _own_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = new_session()
            return self._session

    def _prepared(self, request: HttpRequest) -> requests.PreparedRequest:
        """As requests sends it; its slow part is the URL, of which a client has few."""
        template = self._templates.get(request.url)
        if template is None:
            template = requests.Request("GET", request.url).prepare()
            if len(self._templates) >= MOST_TEMPLATES:
                self._templates.clear()
            self._templates[request.url] = template
        prepared = template.copy()
        prepared.prepare_method(request.method)
        prepared.prepare_headers(request.headers)
        prepared.headers.update(template.headers)  # who is named in the URL
        prepared.body = request.body
        prepared.prepare_content_length(request.body)
        return prepared

    def _environment(self, session: requests.Session, url: str) -> _Environment:
        host = urlsplit(url).netloc
        if host not in self._environments:
            found = session.merge_environment_settings(url, {}, True, None, None)
            if is_loopback(urlsplit(url).hostname or ""):
                found["proxies"] = {}  # no proxy stands between this machine and itself
            check_proxies(found["proxies"])
            bundle = found["verify"]
            if isinstance(bundle, str) and not os.path.exists(bundle):
                raise ConfigError(
                    f"there are no certificates at {bundle}: look at REQUESTS_CA_BUNDLE and "
                    "CURL_CA_BUNDLE"
                )
            self._environments[host] = _Environment(
                proxies=found["proxies"], verify=found["verify"], cert=found["cert"]
            )
        return self._environments[host]


_in_use: weakref.WeakSet[Http] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """At exit: a connection that a reader gives back after this is closed, not kept."""
    for one in list(_in_use):
        one.close()


def _forked() -> None:
    for one in list(_in_use):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class _Environment(TypedDict):
    """What `Session.send` is to be told of proxies and certificates."""

    proxies: MutableMapping[str, str]
    verify: bool | str | None
    cert: str | tuple[str, str] | None


# errors, by table ----------------------------------------------------------------------------

_BAD_HEADER = (
    "a header cannot be sent: look in the key and the headers for a line break, a control "
    "character or one beyond Latin-1"
)
_UNQUOTED = (requests.exceptions.InvalidHeader, UnicodeError)  # they show the header, and its key

_TABLE: tuple[tuple[type[Exception], type[RigError], str], ...] = (
    (requests.exceptions.ConnectTimeout, ConnectTimeout, "no connection in time (connect)"),
    (requests.exceptions.ReadTimeout, ReadFailed, "the server fell silent"),
    (requests.exceptions.SSLError, ConnectFailed, "no secure connection"),
    (requests.exceptions.ProxyError, ConnectFailed, "no connection through the proxy"),
    (requests.exceptions.ConnectionError, ConnectFailed, "no connection"),
    (requests.exceptions.MissingSchema, ConfigError, "the URL has no scheme"),
    (requests.exceptions.InvalidSchema, ConfigError, "the proxy in the environment cannot be used"),
    (requests.exceptions.InvalidURL, ConfigError, "the URL is not valid"),
    (requests.exceptions.InvalidHeader, ConfigError, _BAD_HEADER),
    (requests.exceptions.RequestException, TransportError, "the request failed"),
    (urllib3.exceptions.ReadTimeoutError, ReadFailed, "the server fell silent"),
    (urllib3.exceptions.DecodeError, ReadFailed, "the body's compression is broken"),
    (urllib3.exceptions.SSLError, ReadFailed, "the secure connection broke"),
    (urllib3.exceptions.ProtocolError, ReadFailed, "the connection broke"),
    (urllib3.exceptions.HTTPError, ReadFailed, "the answer could not be read"),
    (UnicodeError, ConfigError, _BAD_HEADER),
    (http.client.HTTPException, ReadFailed, "the answer is no HTTP"),
    (OSError, ReadFailed, "the connection broke"),
)


def _failure(error: Exception, line: Line, url: str) -> Exception:
    """What became of a request that never had an answer.

    Raises:
        LineCut: another thread cut it.
    """
    line.check()
    if line.expired or (not line.stands and timed_out(error)):
        return ConnectTimeout(_unreached("no connection in time (connect)", url))
    return translated(error, url)


def translated(error: Exception, url: str = "") -> Exception:
    """One of ours for an exception of requests, urllib3 or the socket; others as they are."""
    if any(isinstance(arg, urllib3.exceptions.InvalidHeader) for arg in error.args):
        return ReadFailed(f"the answer is no HTTP: {why(error)}")  # a header of the server's
    for foreign, ours, what in _TABLE:
        if isinstance(error, foreign):
            if _is_too_long(error):
                return LimitExceeded(
                    f"the headers are too many or too long to be read ({why(error)}): "
                    "suspect the server",
                    limit="head_bytes",
                )
            if isinstance(error, requests.exceptions.ProxyError) and (
                refusal := refused_by_proxy(why(error))
            ):
                return ConfigError(refusal)
            if ours is ConnectFailed and _was_connected(error):
                return ReadFailed(f"the connection broke before the answer began: {why(error)}")
            if ours is ConnectFailed and untrusted(error):
                ours = UntrustedCertificate
            if issubclass(ours, ConnectFailed | ConnectTimeout) and url:
                what = _unreached(what, url)
            return ours(what if isinstance(error, _UNQUOTED) else f"{what}: {why(error)}")
    return error


def _unreached(what: str, url: str) -> str:
    right = "the proxy in the environment" if "proxy" in what else "base_url"
    return f"{what} to {urlsplit(url).netloc} (is {right} right?)"


def _cause(error: Exception) -> BaseException | None:
    """`error` without what it drags along; None if its very message holds the key."""
    found = bare(error)
    return None if isinstance(error, _UNQUOTED) else found


def _was_connected(error: Exception) -> bool:
    """Requests calls it a ConnectionError too when the server hung up on a sent request."""
    return any(isinstance(arg, urllib3.exceptions.ProtocolError) for arg in error.args)


def _is_too_long(error: BaseException) -> bool:
    """The standard library has bounds of its own: 100 headers, and 64 KiB for each line."""
    if type(error) is http.client.HTTPException or isinstance(error, http.client.LineTooLong):
        return True
    return any(isinstance(arg, BaseException) and _is_too_long(arg) for arg in error.args)


def _ended_early(error: Exception) -> bool:
    """The peer closed the connection in the middle of the body, politely."""
    causes = (http.client.IncompleteRead, urllib3.exceptions.InvalidChunkLength)
    if isinstance(error, causes):
        return True
    wraps = isinstance(error, urllib3.exceptions.ProtocolError)
    return wraps and any(isinstance(arg, causes) for arg in error.args)
