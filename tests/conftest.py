"""What holds for every test: no keys, no network, nothing left behind, no hanging."""

from __future__ import annotations

import faulthandler
import gc
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from tests.server import Answer, ScriptedServer

WATCHDOG_SECONDS = 60
LEAK_SECONDS = 5.0  # tells a leak from a busy machine
KEY = "sk-test-0123456789abcdef"

_stderr: list[int] = []


def pytest_configure(config: pytest.Config) -> None:
    """Leaks that only the interpreter sees are failures."""
    for kind in (
        "ResourceWarning",
        "pytest.PytestUnraisableExceptionWarning",
        "pytest.PytestUnhandledThreadExceptionWarning",
    ):
        config.addinivalue_line("filterwarnings", f"error::{kind}")
    _stderr.append(os.dup(2))  # tests run with stderr captured, the watchdog must be heard
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell's `&`; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """A test that hangs ends the run, with the stacks of all threads."""
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True, file=_stderr[0])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, proxy or address of the developer's reaches a test."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.endswith(("_API_KEY", "_BASE_URL", "_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection or look-up that leaves this machine fails the test, even if it is caught."""
    strayed: list[str] = []

    def refuse(host: object) -> None:
        strayed.append(str(host))
        raise OSError(f"a test must not leave this machine: {host}")

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                refuse(address[0])
            return connect(self, address)

        return checked

    find = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(host, str) and host.endswith(".invalid"):  # never resolves, RFC 6761
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not _is_local(host):
            refuse(host)
        return find(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    if strayed:
        pytest.fail(f"tried to reach {', '.join(strayed)}")


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    return host in (None, "", "localhost", "::1", "0.0.0.0", "::") or (
        isinstance(host, str) and host.startswith("127.")
    )


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """No thread of ours and no socket outlives a test."""
    before = _sockets()
    yield
    end = time.monotonic() + LEAK_SECONDS
    for thread in _our_threads():
        thread.join(max(0.0, end - time.monotonic()))
    if _sockets() - before:
        gc.collect()
    while _sockets() - before and time.monotonic() < end:
        threading.Event().wait(0.005)
    threads, sockets = _our_threads(), _sockets() - before
    if threads or sockets:
        names = ", ".join(thread.name for thread in threads)
        pytest.fail(f"left behind: threads {names or 'none'}, {len(sockets)} sockets")


def _our_threads() -> list[threading.Thread]:  # noqa: TID251 - a type here
    return [thread for thread in threading.enumerate() if thread.name.startswith("rig_sync-")]


def _sockets() -> set[str]:
    found = set()
    folder = "/proc/self/fd"
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            target = os.readlink(f"{folder}/{entry}")
        except OSError:
            continue  # the descriptor of the listing itself
        if target.startswith("socket:"):
            found.add(target)
    return found


# a server and a client to it -----------------------------------------------------------------


class ServerFactory(Protocol):
    """Makes servers that are closed after the test."""

    def __call__(
        self,
        *answers: Answer,
        certificate: tuple[str, str] | None = None,
        sndbuf: int | None = None,
    ) -> ScriptedServer:
        """A started server."""


class ModelFactory(Protocol):
    """Makes models whose connections are closed after the test."""

    def __call__(
        self,
        server: ScriptedServer | str,
        *,
        retries: RetryPolicy = NO_RETRIES,
        timeouts: Timeouts | None = None,
        api_key: str = KEY,
    ) -> CompletionModel:
        """A model on the chat wire, without retries unless told."""


@pytest.fixture
def server() -> Iterator[ServerFactory]:
    """A factory of scripted servers."""
    started: list[ScriptedServer] = []

    def make(
        *answers: Answer,
        certificate: tuple[str, str] | None = None,
        sndbuf: int | None = None,
    ) -> ScriptedServer:
        one = ScriptedServer(*answers, certificate=certificate, sndbuf=sndbuf)
        started.append(one)
        return one

    yield make
    for one in started:
        one.close()


@pytest.fixture
def model() -> Iterator[ModelFactory]:
    """A factory of models."""
    clients: list[Client] = []

    def make(
        server: ScriptedServer | str,
        *,
        retries: RetryPolicy = NO_RETRIES,
        timeouts: Timeouts | None = None,
        api_key: str = KEY,
    ) -> CompletionModel:
        url = server if isinstance(server, str) else server.url + "/v1"
        client = Client(api_key, base_url=url, retries=retries, timeouts=timeouts)
        clients.append(client)
        return client.completion_model("scripted")

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Files of a certificate for localhost that signed itself, and of its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder: Path = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
