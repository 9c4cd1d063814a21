"""Connections that say which request they serve, so that it can cut them.

Beside `http` the one place that imports requests and urllib3.
"""

from __future__ import annotations

import functools
import http.client
import io
import os
import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

import requests
import requests.adapters
import urllib3
import urllib3.connection
from urllib3.util.proxy import connection_requires_http_tunnel

from rig_sync.transport.dial import dial
from rig_sync.transport.line import Line

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection

__all__ = ["HTTPConnection", "HTTPSConnection", "current", "new_session", "open_ahead"]

POOL_SIZE = 64
MOST_ANSWERS = 100  # to one request; as many as http.client takes headers
MOST_TRAILERS = 100
LONGEST_LINE = 65536  # bytes, as there
READ_AHEAD = 65536
"""Bytes in one read; eight times what is usual, for each takes the interpreter twice."""

_LINE = "rig_sync_line"
"""The attribute of a connection, whosoever made it, with the line of the request it serves."""

current: ContextVar[Line | None] = ContextVar("line", default=None)
"""The line of the request under way; no `threading.local`, which gevent cannot patch afterwards."""


class _Response(http.client.HTTPResponse):
    """Passes over interim answers, as 103 Early Hints: the library below knows 100 alone.

    It also bounds what that one reads without end: interim answers, and headers behind the body.
    """

    _answers = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._answers += 1
        if self._answers > MOST_ANSWERS:
            raise http.client.HTTPException(f"got more than {MOST_ANSWERS} interim answers")
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc] # not in stubs
        return status

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc] # not in stubs
        if size < 0:
            raise ValueError("a chunk cannot be smaller than nothing")
        return size

    def _read_and_discard_trailer(self) -> None:
        for _ in range(MOST_TRAILERS + 1):
            line = self.fp.readline(LONGEST_LINE + 1)
            if len(line) > LONGEST_LINE:
                raise http.client.LineTooLong("trailer")
            if line in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException(f"got more than {MOST_TRAILERS} trailers")

    def begin(self) -> None:
        if isinstance(self.fp, io.BufferedReader):  # nothing is in it yet
            self.fp = io.BufferedReader(self.fp.detach(), READ_AHEAD)
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment] # or it would not begin again
            super().begin()


class HTTPConnection(urllib3.connection.HTTPConnection):
    """What makes the socket, in the time of the request and where its line can cut it."""

    response_class = _Response

    def _new_conn(self) -> socket.socket:
        line = current.get() or Line()
        patience = self.timeout if isinstance(self.timeout, (int, float)) else None
        try:
            return dial(
                self._dns_host,
                self.port,
                timeout=patience,
                options=self.socket_options or (),
                source=self.source_address,
                line=line,
            )
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "the time was over") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error

    def _tunnel(self) -> None:
        super()._tunnel()
        line = current.get()
        if line is not None:
            line.go_on()  # certificates are to be read now, and that takes its time


class HTTPSConnection(HTTPConnection, urllib3.connection.HTTPSConnection):
    """The same, over TLS."""

    @property
    def is_connected(self) -> bool:
        """Whether it can be used: what TLS 1.3 sends after the handshake is no sign of its end."""
        return super().is_connected or _has_tickets_alone(self.sock)


def _has_tickets_alone(sock: object) -> bool:
    """Whether what waits to be read is of TLS itself: tickets to resume the session."""
    if not isinstance(sock, ssl.SSLSocket):
        return False
    patience = sock.gettimeout()
    try:
        sock.settimeout(0)
        sock.recv(1)
    except ssl.SSLWantReadError:  # they are read, and nothing else came
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(patience)
    return False  # an answer to nothing, or the end


_PLAIN = urllib3.HTTPConnectionPool.ConnectionCls
_SECURE = urllib3.HTTPSConnectionPool.ConnectionCls


class _Lenient(urllib3.HTTPConnectionPool):
    """Has room for every request: one more connection is closed after use, not refused."""

    def _get_conn(self, timeout: float | None = None) -> BaseHTTPConnection:
        try:
            return super()._get_conn(timeout)
        except urllib3.exceptions.ClosedPoolError:  # `Client.close` in another thread, just now
            return self._new_conn()

    def open_ahead(self, connect: float | None) -> None:
        """Have a connection wait here, made as for a request; none more if one waits already."""
        conn = self._get_conn()
        conn.timeout = connect
        try:
            if conn.is_closed and connection_requires_http_tunnel(
                self.proxy, self.proxy_config, self.scheme
            ):
                self._prepare_proxy(conn)
            if conn.is_closed:
                self._validate_conn(conn)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            conn.close()
            raise _as_of_requests(error, conn)(error) from error
        except BaseException:
            conn.close()
            raise
        finally:
            self._put_conn(conn)

    def _put_conn(self, conn: BaseHTTPConnection | None) -> None:
        _released(conn)
        waiting = self.pool  # None from any moment on, if another thread closes it
        if conn is not None and waiting is not None and waiting.full():
            conn.close()  # urllib3 would do so too, with a warning
        else:
            super()._put_conn(conn)


class _HTTPPool(_Lenient):
    @property
    def ConnectionCls(self) -> type[BaseHTTPConnection]:  # type: ignore[override] # asked anew
        """Ours, unless somebody has put theirs in the place of urllib3's, as vcrpy does."""
        theirs = urllib3.HTTPConnectionPool.ConnectionCls
        return HTTPConnection if theirs is _PLAIN else theirs

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        super()._validate_conn(conn)
        if conn.is_closed:
            conn.connect()  # as HTTPS pools do: from here on there is a socket to cut
        _connected(conn)


class _HTTPSPool(_Lenient, urllib3.HTTPSConnectionPool):
    @property
    def ConnectionCls(self) -> type[BaseHTTPConnection]:  # type: ignore[override] # asked anew
        """Likewise."""
        theirs = urllib3.HTTPSConnectionPool.ConnectionCls
        return HTTPSConnection if theirs is _SECURE else theirs

    def _new_conn(self) -> BaseHTTPSConnection:
        conn = super()._new_conn()
        through_tls = conn.proxy is not None and conn.proxy.scheme == "https"
        if isinstance(conn, HTTPSConnection) and conn.ssl_context is None and not through_tls:
            conn.ssl_context = _trusting(conn.ca_certs, conn.ca_cert_dir)
            conn.ca_certs = conn.ca_cert_dir = None  # or they would be read once more
        return conn

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        try:
            super()._validate_conn(conn)
        except TimeoutError as error:  # in the handshake; urllib3 would call it a read
            raise urllib3.exceptions.ConnectTimeoutError(conn, "there was no TLS") from error
        _connected(conn)


def _trusting(*places: str | None) -> ssl.SSLContext:
    """What trusts the certificates at `places`, a file or a folder.

    Reading those of the whole world takes longer than a handshake: once is enough.
    """
    return _read(places, tuple(os.stat(place).st_mtime_ns for place in places if place))


@functools.lru_cache(maxsize=8)
def _read(places: tuple[str | None, ...], changed: tuple[int, ...]) -> ssl.SSLContext:
    del changed  # only to be asked for anew when it is another
    context = urllib3.util.ssl_.create_urllib3_context()
    if any(places):
        context.load_verify_locations(*places)
    else:
        context.load_default_certs()
    return context


def _connected(conn: BaseHTTPConnection) -> None:
    conn.timeout = None  # `connect` is over: a large request may take its time
    line = current.get()
    if line is not None:
        line.connected(getattr(conn, "sock", None))  # urllib3's protocol is silent of it
        setattr(conn, _LINE, line)


def _released(conn: BaseHTTPConnection | None) -> None:
    """Whoever it served cannot cut it any more: it is about to serve somebody else."""
    line: Line | None = getattr(conn, _LINE, None)
    if line is not None:
        line.let_go()
        setattr(conn, _LINE, None)


_Pool: TypeAlias = type[urllib3.HTTPConnectionPool]
_POOLS: dict[str, _Pool] = {"http": _HTTPPool, "https": _HTTPSPool}


def _as_of_requests(error: Exception, conn: BaseHTTPConnection) -> type[requests.ConnectionError]:
    """What requests would call it, had it been a request's."""
    if conn.proxy is not None and not conn.has_connected_to_proxy:
        return requests.exceptions.ProxyError
    if isinstance(error, (urllib3.exceptions.SSLError, ssl.SSLError)):
        return requests.exceptions.SSLError
    return requests.exceptions.ConnectionError


def _socks(ours: _Pool, theirs: _Pool) -> _Pool:
    """Ours for SOCKS: PySocks makes its sockets, which cannot be cut before they stand."""
    return type(ours.__name__, (ours,), {"ConnectionCls": theirs.ConnectionCls})


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: else requests reads all of the body, to be ready for a redirect nobody follows."""


class _Adapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **kwargs: object
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: object) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        theirs, ours = manager.pool_classes_by_scheme, _POOLS
        if proxy.lower().startswith("socks"):
            if issubclass(theirs["http"], _HTTPPool):
                return manager
            ours = {scheme: _socks(pool, theirs[scheme]) for scheme, pool in ours.items()}
        manager.pool_classes_by_scheme = ours
        return manager

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """A proxy over TLS is verified too when the address behind it has none: not in requests."""
        if isinstance(conn, urllib3.HTTPSConnectionPool):
            url = "https://"
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # stubs

    def close(self) -> None:
        """Close every pool, so that what is given back later is closed too: urllib3 drops them."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it is no dict, and cannot be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()


def open_ahead(
    session: requests.Session,
    request: requests.PreparedRequest,
    connect: float | None,
    proxies: Mapping[str, str],
    verify: bool | str | None,
    cert: str | tuple[str, str] | None,
) -> None:
    """Have a connection wait for that request; nothing if a stub library is in the way of it."""
    adapter = session.get_adapter(request.url or "")
    if isinstance(adapter, _Adapter):
        told = {**proxies}
        pool = adapter.get_connection_with_tls_context(request, verify, proxies=told, cert=cert)
        adapter.cert_verify(pool, request.url or "", verify, cert)
        if isinstance(pool, _Lenient):
            pool.open_ahead(connect)


def new_session() -> requests.Session:
    """A session whose connections are known to the line of the request they serve."""
    session = _Session()
    adapter = _Adapter(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
