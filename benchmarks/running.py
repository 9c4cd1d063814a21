"""The processes of a run: the replay server, and a worker for each stack."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.feeds import Feed
from benchmarks.stacks import Stack
from benchmarks.venvs import ROOT
from benchmarks.worker import Ask

__all__ = ["Failed", "Server", "Worker", "bare", "serving", "start_up"]

WITHIN = 300.0  # seconds for one question
PASSED_ON = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR")
NOWHERE = "http://127.0.0.1:9"  # the port of discard: nothing gets out through it
QUIET: Mapping[str, str] = {
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LOGFIRE_SEND_TO_LOGFIRE": "false",
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_API_KEY": "sk-benchmark",
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "ignore",
}


class Failed(Exception):
    """A stack is not here, or could not do what was asked."""


class Server:
    """The replay server, by its two ports."""

    def __init__(self, plain: int, tls: int | None, certificate: str) -> None:
        self._plain = plain
        self._tls = tls
        self.certificate = certificate

    def url(self, feed: Feed, *, tls: bool = False) -> str:
        """What a stack is given as the base of its URLs."""
        if not tls:
            return f"http://127.0.0.1:{self._plain}/{feed.path}"
        if self._tls is None:
            raise Failed("there is no openssl to make a certificate with")
        return f"https://localhost:{self._tls}/{feed.path}"

    def sent(self) -> int:
        """Bytes that went into the last endless stream."""
        with urlopen(f"http://127.0.0.1:{self._plain}/sent", timeout=10) as answer:
            return int(answer.read())


@contextmanager
def serving() -> Iterator[Server]:
    """The server with and without TLS, each in a process of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        files = _certificate(folder)
        plain = stack.enter_context(_replaying())
        tls = stack.enter_context(_replaying("--tls", *files)) if files else None
        yield Server(plain, tls, files[0] if files else "")


class Worker:
    """A stack in its own interpreter; closed by `close`."""

    def __init__(self, stack: Stack, python: str, server: Server) -> None:
        self.stack = stack
        trusted = {"SSL_CERT_FILE": server.certificate, "REQUESTS_CA_BUNDLE": server.certificate}
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [python, "-m", "benchmarks.worker"]
        self._process = subprocess.Popen(
            [*command, stack.module, stack.function, stack.distribution, stack.imports],
            cwd=ROOT,
            env=_environment(self._home.name, trusted if server.certificate else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            told = self._line()
            if "missing" in told:
                raise Failed(f"{stack.name}: {told['missing']}")
        except Failed:
            self.close()
            raise
        self.version: str = told["version"]

    def ask(self, ask: Ask) -> dict[str, Any]:
        """What one of the measures of `benchmarks.worker` gave.

        Raises:
            Failed: It ended with an error of its own, or not at all.
        """
        assert self._process.stdin is not None
        print(json.dumps(ask), file=self._process.stdin, flush=True)
        answer = self._line()
        if "broken" in answer:
            raise Failed(f"{self.stack.name}: {answer['broken']}")
        return answer

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._home.cleanup()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watchdog = threading.Timer(WITHIN, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        watchdog.join()
        if not line:
            raise Failed(f"{self.stack.name}: its process ended, or had {WITHIN:.0f} s")
        told: dict[str, Any] = json.loads(line)
        return told


def start_up(stack: Stack, python: str) -> tuple[float, float]:
    """CPU milliseconds of importing a stack in a fresh process, and of a client in another."""
    own = f"import benchmarks.stacks.{stack.module} as s; s.{stack.function}('{NOWHERE}')"
    return _cpu(python, f"import {stack.imports}"), _cpu(python, own)


def _cpu(python: str, statement: str) -> float:
    code = f"import time; b = time.process_time(); {statement}; a = time.process_time()"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        ran = subprocess.run(
            [python, "-c", f"{code}; print('CPU', a - b)"],
            cwd=ROOT,
            env=_environment(home, {}),
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
    *_, last = ran.stdout.split("CPU") or [""]
    if ran.returncode:
        raise Failed(ran.stderr[-300:])
    return float(last) * 1e3


def _environment(home: str, more: Mapping[str, str]) -> dict[str, str]:
    """What of the environment a stack gets: no keys, no addresses."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, **QUIET, **more, "HOME": home}


def bare(url: str, events: int) -> float:
    """Microseconds per event, wall, of a loop that only receives: what the server can do."""
    host, _, path = url.partition("://")[2].partition("/")
    name, _, port = host.partition(":")
    connection = socket.create_connection((name, int(port)))
    if url.startswith("https"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    with connection:
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        began, buffer, end = time.perf_counter(), bytearray(1 << 18), b""
        while not end.endswith(b"0\r\n\r\n"):
            size = connection.recv_into(buffer)
            end = bytes(buffer[max(0, size - 16) : size])
        return (time.perf_counter() - began) / events * 1e6


@contextmanager
def _replaying(*arguments: str) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.replay", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _certificate(folder: str) -> tuple[str, str] | None:
    """Files of a certificate for localhost that signed itself, and of its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    files = str(Path(folder, "certificate.pem")), str(Path(folder, "key.pem"))
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    where = ("-nodes", "-days", "2", "-out", files[0], "-keyout", files[1])
    subprocess.run([*command, *where, *names], check=True, capture_output=True)
    return files
