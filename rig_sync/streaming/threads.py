"""The one place where threads start."""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
import time
from collections.abc import Callable

__all__ = ["patiently", "start"]

SLICE = 0.1 if os.name == "nt" else 3600.0  # on Windows, Ctrl-C is seen between waits only

_numbers = itertools.count(1)


def start(role: str, run: Callable[[], None]) -> threading.Thread:  # noqa: TID251 - here
    """A started daemon thread that calls `run`, named `rig_sync-ROLE-N`.

    Context variables are the starter's at this moment. A daemon, because Python waits at its exit
    for every other thread, and a provider may be silent for minutes.
    """
    context = contextvars.copy_context()
    name = f"rig_sync-{role}-{next(_numbers)}"
    thread = threading.Thread(  # noqa: TID251 - here
        target=context.run, args=(run,), name=name, daemon=True
    )
    thread.start()
    return thread


def patiently(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Call `wait` in slices that Ctrl-C can interrupt, `timeout` seconds in all or for ever.

    Returns:
        Whether `wait` returned true.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE if end is None else min(SLICE, end - time.monotonic())
        if wait(max(0.0, left)):
            return True
        if end is not None and time.monotonic() >= end:
            return False
