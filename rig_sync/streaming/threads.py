"""The one place where threads start, and where a fork is survived that leaves them behind."""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NoReturn, Protocol

from rig_sync.errors import ConfigError, TransportError

__all__ = [
    "SLICE",
    "Held",
    "Locked",
    "Mutex",
    "OfThisProcess",
    "patiently",
    "renew_after_fork",
    "start",
]

SLICE = 0.1
"""Seconds that a wait may go without looking up.

A signal may come just before the wait begins, and is then seen only after it; on Windows, Ctrl-C is
never seen within one. What a signal handler does there can go unnoticed in the same way.
"""

_numbers = itertools.count(1)


def start(role: str, run: Callable[[], None]) -> threading.Thread:  # noqa: TID251 - here
    """A started daemon thread that calls `run`, named `rig_sync-ROLE-N`.

    Context variables are the starter's at this moment. A daemon, because Python waits at its exit
    for every other thread, and a provider may be silent for minutes.

    Raises:
        TransportError: the system gives no more threads.
    """
    context = contextvars.copy_context()
    name = f"rig_sync-{role}-{next(_numbers)}"
    thread = threading.Thread(  # noqa: TID251 - here
        target=context.run, args=(run,), name=name, daemon=True
    )
    try:
        thread.start()
    except RuntimeError as error:
        raise TransportError(
            f"no thread could be started ({error}): hold fewer streams open at once, or raise the "
            "system's limit of threads"
        ) from error
    return thread


class OfThisProcess:
    """What threads wait for: it can be neither pickled nor copied deeply."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError(
            f"a {type(self).__name__} belongs to the threads of one process, so it cannot be "
            "pickled or copied deeply: make one in each process"
        )


class Locked(Protocol):
    """What has locks of its own."""

    def renew(self) -> None:
        """Make them anew; nobody else uses it."""


_locked: weakref.WeakSet[Locked] = weakref.WeakSet()


def renew_after_fork(one: Locked) -> None:
    """Have a forked child call `one.renew`: a thread of its parent may have held a lock just then.

    That thread is not in the child, and would hold it for ever.
    """
    _locked.add(one)


def _renew_all() -> None:
    for one in list(_locked):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class Mutex:
    """A re-entrant lock that is free in a forked child, whoever held it in the parent."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Make it anew: in a forked child."""
        self._lock = threading.RLock()


class Held:
    """`with lock:` around a wait for a condition of that lock, in a thread that gets signals.

    A signal may come while `Condition.wait` lets go of the lock; what its handler raises then
    comes out with the lock gone, and letting go again would raise over it.
    """

    __slots__ = ("_lock",)

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._lock.__exit__(kind, error, traceback)
        except RuntimeError:
            if error is None:
                raise


def patiently(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Call `wait` in slices that signals can interrupt, `timeout` seconds in all or for ever.

    Returns:
        Whether `wait` returned true.
    """
    end = None if timeout is None else time.monotonic() + timeout
    signals = threading.current_thread() is threading.main_thread()  # no other thread gets any
    longest = SLICE if signals else threading.TIMEOUT_MAX
    while True:
        left = longest if end is None else min(longest, end - time.monotonic())
        if wait(max(0.0, left)):
            return True
        if end is not None and time.monotonic() >= end:
            return False
