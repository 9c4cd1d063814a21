"""The switch by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from rig_sync.streaming.cancel import CancelToken
from tests.server import spawn

Act = Callable[[int], None]


def test_tells_everybody_once() -> None:
    """Callbacks run once, in the thread that cancels, and late ones at once."""
    token, told = CancelToken(), list[str]()
    token.subscribe(lambda: told.append("first"))
    token.subscribe(lambda: told.append("second"))
    assert repr(token) == "CancelToken(cancelled=False)"
    token.cancel()
    token.cancel()
    token.subscribe(lambda: told.append("late"))
    assert token.cancelled
    assert told == ["first", "second", "late"]
    assert repr(token) == "CancelToken(cancelled=True)"


def test_the_way_out() -> None:
    """Who has left is not told, and leaving twice is nothing."""
    token, told = CancelToken(), list[str]()
    leave = token.subscribe(lambda: told.append("no"))
    leave()
    leave()
    token.cancel()
    leave()
    token.subscribe(lambda: told.append("yes"))()
    assert told == ["yes"]


def test_wait() -> None:
    """It waits as long as it is told, and no longer than until the switch."""
    token = CancelToken()
    began = time.monotonic()
    assert token.wait(0.02) is False
    assert time.monotonic() - began >= 0.02
    waited: list[bool] = []
    waiter = spawn(lambda: waited.append(token.wait()))
    token.cancel()
    waiter.join(1)
    assert waited == [True]
    assert token.wait() is True


def test_a_callback_may_cancel_and_leave() -> None:
    """Callbacks run outside the lock: they may use the token."""
    token, told = CancelToken(), list[str]()
    leave = token.subscribe(lambda: told.append("never"))

    def callback() -> None:
        leave()
        token.cancel()
        token.subscribe(lambda: told.append("inside"))

    other = CancelToken()
    other.subscribe(callback)
    other.cancel()
    assert told == ["inside"]


def test_many_threads() -> None:
    """Subscribed from many threads while it is thrown, each callback is told exactly once."""
    for _ in range(50):
        token, told, go = CancelToken(), list[int](), threading.Barrier(9)

        def subscribe(number: int, token: CancelToken = token, told: list[int] = told) -> None:
            token.subscribe(lambda: told.append(number))

        def run(number: int, go: threading.Barrier = go, act: Act = subscribe) -> None:
            go.wait(5)
            act(number)

        threads = [spawn(partial(run, number)) for number in range(8)]
        go.wait(5)
        token.cancel()
        for thread in threads:
            thread.join(5)
        assert sorted(told) == list(range(8))
