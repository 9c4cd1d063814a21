"""What a process holds: threads, descriptors, memory; and what of rig_sync is left in it."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import Struct

from rig_sync.streaming.parts import Parts
from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.reader import Flow, Reader
from rig_sync.streaming.response import StreamingCompletionResponse
from rig_sync.transport.line import Line

__all__ = ["Vitals", "leaks", "leftovers", "leftovers_in_time", "one_arena", "trim", "vitals"]

KINDS = (Flow, Line, Parts, Pipe, Reader, StreamingCompletionResponse)
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
SETTLE_SECONDS = 3.0
"""Readers of answers that were whole may still drain for a moment."""


class Vitals(Struct, frozen=True):
    """One look at this process.

    Attributes:
        threads: Of Python.
        fds: Open descriptors, sockets among them.
        rss: Resident memory, in KiB.
    """

    threads: int
    fds: int
    rss: int


def vitals() -> Vitals:
    """This process as it is now."""
    return Vitals(threading.active_count(), len(_descriptors()), _rss())


def one_arena() -> None:
    """Have the C library (glibc) keep one heap for all threads, from now on.

    It gives threads that come and go heaps of their own, and what those keep for later grows for
    hours, whatever the program does.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_ARENA_MAX, 1)


def trim() -> None:
    """Have the C library give back what it keeps for later, where it can (glibc)."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def _descriptors() -> list[str]:
    return os.listdir("/dev/fd")


def _rss() -> int:
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True
    )
    return int(told.stdout)


def leftovers() -> dict[str, int]:
    """How many objects of a stream there are, by class; the collector is not asked to help."""
    kinds = map(type, gc.get_objects())  # not isinstance(), which a proxy answers as it likes
    found = Counter(kind.__name__ for kind in kinds if issubclass(kind, KINDS))
    return dict(found)


def leftovers_in_time() -> list[str]:
    """What is left of streams that have ended, in words; waits a moment for it to go."""
    return _settled(lambda: [f"left of {name}: {count}" for name, count in leftovers().items()])


def leaks(before: Vitals) -> list[str]:
    """What is here that was not `before`, in words; waits a moment for it to go."""
    return _settled(partial(_leaks, before)) + leftovers_in_time()


def _settled(look: Callable[[], list[str]]) -> list[str]:
    end = time.monotonic() + SETTLE_SECONDS
    while (found := look()) and time.monotonic() < end:
        threading.Event().wait(0.02)
    return found


def _leaks(before: Vitals) -> list[str]:
    found = [
        f"a thread is left: {thread.name}"
        for thread in threading.enumerate()
        if thread.name.startswith("rig_sync-")
    ]
    now = vitals()
    if now.fds > before.fds:
        found.append(f"{now.fds - before.fds} descriptors are left")
    if now.threads > before.threads:
        found.append(f"{now.threads - before.threads} threads are left")
    return found
