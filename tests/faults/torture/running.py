"""Asks one client for every row, over real bytes, each in bounded time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rig_sync._closing import Closing
from tests.faults.torture.asking import Ask, Kind, Seen
from tests.faults.torture.rows.base import Row, second_turn
from tests.server import ScriptedServer, spawn

__all__ = ["OVER", "Found", "Missing", "ask_all", "find"]

OVER = 10.0  # seconds after its timeout in which a client has to come to an end
STARTS_WITHIN = 300.0  # seconds of importing
COMES_BACK_WITHIN = 10.0  # seconds after its server went away
GONE_WITHIN = 2.0  # seconds until a connection that was left is closed

ROOT = Path(__file__).parents[3]
NOWHERE = "http://127.0.0.1:9"  # the port of discard: nothing gets out through it

PASSED_ON = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR")
QUIET: Mapping[str, str] = {
    "AGENTS_DISABLE_TRACING": "1",
    "ANONYMIZED_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LOGFIRE_SEND_TO_LOGFIRE": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
    "OPENAI_API_KEY": "sk-torture",
    "OPENAI_BASE_URL": f"{NOWHERE}/v1",
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "ignore",
}


class Missing(Exception):
    """An interpreter does not have the client."""


class Found(NamedTuple):
    """A client, where it is installed.

    Attributes:
        module: In `peers`.
        python: The interpreter that has it.
        version: Of its distribution.
    """

    module: str
    python: str
    version: str


def find(module: str, pythons: Iterable[str]) -> Found | None:
    """The first of these interpreters that has the client."""
    for python in pythons:
        with suppress(Missing), _Worker(module, python) as worker:
            return Found(module, python, worker.version)
    return None


def ask_all(found: Found, rows: Iterable[Row], over: float = OVER) -> Iterator[tuple[Row, Seen]]:
    """What the client makes of each row.

    One that hangs loses its server, and if that does not bring it back, its process.

    Args:
        found: The client.
        rows: To ask, one after the other.
        over: Seconds after its timeout in which it has to come to an end.
    """
    worker: _Worker | None = None
    try:
        for row in rows:
            worker = worker or _warm(found)
            seen = _ask(worker, row, over)
            yield row, seen
            if seen.end == "crash" or (seen.end == "hang" and not worker.comes_back()):
                worker.close()
                worker = None
    finally:
        if worker is not None:
            worker.close()


def _warm(found: Found) -> _Worker:
    """Its process, after a first question of each kind: what it imports late is not counted."""
    worker = _Worker(found.module, found.python)
    kinds: tuple[Kind, ...] = ("text", "tools", "run")
    for kind in kinds:
        with ScriptedServer(second_turn()) as server:
            question = Ask(f"{server.url}/v1", kind, STARTS_WITHIN, STARTS_WITHIN)
            worker.ask(question, STARTS_WITHIN)
    return worker


def _ask(worker: _Worker, row: Row, over: float) -> Seen:
    after = [second_turn()] if row.kind == "run" else []
    with ScriptedServer(row.script, *after) as server:
        question = Ask(f"{server.url}/v1", row.kind, row.first, row.idle)
        seen = worker.ask(question, row.idle + over)
        if row.kind == "leave":
            seen.closed = server.disconnected.wait(GONE_WITHIN)
        return seen


def _passed_on() -> dict[str, str]:
    """What of the environment a client gets: no keys, no addresses."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


class _Worker(Closing):
    """The process that runs a client."""

    def __init__(self, module: str, python: str) -> None:
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [python, "-m", "tests.faults.torture.peers.worker", module]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**_passed_on(), **QUIET, "HOME": self._home.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = spawn(self._read)
        told = json.loads(self._line(STARTS_WITHIN) or '{"missing": "it does not start"}')
        if "missing" in told:
            self.close()
            raise Missing(told["missing"])
        self.version = str(told["version"])

    def ask(self, ask: Ask, seconds: float) -> Seen:
        """What the client made of it, in so many seconds."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: then there is no line either
            self._process.stdin.write(json.dumps(ask) + "\n")
            self._process.stdin.flush()
        line = self._line(seconds)
        if line is None:
            return Seen(end="hang", seconds=seconds)
        return Seen.from_json(line) if line else Seen(end="crash")

    def comes_back(self) -> bool:
        """Whether it gets over a hang now that the server is gone; what it then says is late."""
        return bool(self._line(COMES_BACK_WITHIN))

    def close(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._reading.join()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._home.cleanup()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _line(self, seconds: float) -> str | None:
        """The next line; empty when the process has ended, None when it did not come in time."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
