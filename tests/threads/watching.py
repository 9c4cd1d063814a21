"""Waiting for what can only be watched: counters, memory, the end of growth."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["rss_kib", "settled", "threads_gone"]

T = TypeVar("T")

BOUND = 10.0


def settled(look: Callable[[], T], *, to: T | None = None, quiet: float = 0.15) -> T:
    """What `look` gives once it has stayed the same for `quiet` seconds, or has become `to`."""
    end, since, last = time.monotonic() + BOUND, time.monotonic(), look()
    while time.monotonic() < end:
        if to is not None and last == to:
            return last
        threading.Event().wait(0.005)
        now = look()
        if now != last:
            since, last = time.monotonic(), now
        elif to is None and time.monotonic() - since >= quiet:
            return last
    raise AssertionError(f"still {last!r} after {BOUND:g} s")


def rss_kib() -> int:
    """This process's resident memory."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


def threads_gone(seconds: float = 2.0) -> bool:
    """Whether every thread of ours is gone within that time."""
    end = time.monotonic() + seconds
    for thread in threading.enumerate():
        if thread.name.startswith("rig_sync-"):
            thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.name.startswith("rig_sync-") for thread in threading.enumerate())
