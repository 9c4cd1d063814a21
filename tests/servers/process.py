"""A server in a process of its own: started, found by the address it prints, and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["Server", "serving"]

STARTS_WITHIN = 30.0
ENDS_WITHIN = 5.0
ADDRESS = re.compile(r"(?:listening|running) on (http://127\.0\.0\.1:[1-9]\d*)")


class Server(NamedTuple):
    """Where it is, and its process."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def serving(command: Sequence[str], log: Path) -> Iterator[Server]:
    """The server that `command` starts on a free port, until the block is left.

    It sees nothing of the environment but `PATH`: no key, no proxy, no setting of the developer's.
    Its standard input stays open as long as it is wanted; what it prints goes to `log`.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        try:
            yield Server(_address(process, log), process)
        finally:
            _end(process)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + STARTS_WITHIN
    tick = threading.Event()
    while True:
        ended = process.poll() is not None
        printed = log.read_text(errors="replace")
        if found := ADDRESS.search(printed):
            return found[1]
        if ended or time.monotonic() > deadline:
            raise AssertionError(f"{process.args!r} did not start:\n{printed}")
        tick.wait(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)  # a test may have stopped it
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
