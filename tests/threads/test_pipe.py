"""The pipe by itself: nothing lost, order kept, bounds kept, every wait ends."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence

import pytest

from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.threads import Held
from tests.server import spawn

SOON = 0.05  # long enough for a thread to get as far as it can


def test_everything_at_once() -> None:
    """One `take` gives all that was put, and the next waits for more."""
    pipe: Pipe[int] = Pipe()
    assert pipe.put([1, 2], 10)
    assert pipe.put([3], 10)
    assert pipe.take(1) == [1, 2, 3]
    assert pipe.take(0) == []
    assert pipe.take(0.01) == []
    assert not pipe.finished


def test_the_end() -> None:
    """What was put before the end can still be taken, and the error waits behind it."""
    pipe: Pipe[int] = Pipe()
    error = RuntimeError("broken")
    pipe.put([1], 1)
    pipe.finish(error)
    assert pipe.take(1) == [1]
    assert pipe.take(1) == []
    assert pipe.finished
    assert pipe.error is error


@pytest.mark.parametrize(("items", "size"), [([2, 3], 0), ([2], 60)], ids=["items", "bytes"])
def test_full(items: Sequence[int], size: int) -> None:
    """Full by items or by bytes, it holds the writer until there is room."""
    pipe: Pipe[int] = Pipe(max_items=2, max_bytes=100)
    assert pipe.put([1], 50)
    done = threading.Event()

    def write() -> None:
        pipe.put(items, size)
        done.set()

    writer = spawn(write)
    assert not done.wait(SOON)
    assert pipe.take(0) == [1]
    assert done.wait(1)
    assert pipe.take(0) == list(items)
    writer.join(1)


def test_a_batch_larger_than_the_pipe() -> None:
    """It goes through alone, so that it cannot jam."""
    pipe: Pipe[int] = Pipe(max_items=2, max_bytes=10)
    assert pipe.put([1, 2, 3], 1000)
    assert pipe.take(0) == [1, 2, 3]


def test_close_frees_the_writer() -> None:
    """A writer that waits is told that nobody wants more."""
    pipe: Pipe[int] = Pipe(max_items=1)
    pipe.put([1], 0)
    told: list[bool] = []
    writer = spawn(lambda: told.append(pipe.put([2], 0)))
    assert not threading.Event().wait(SOON)
    pipe.close()
    writer.join(1)
    assert told == [False]
    assert pipe.put([3], 0) is False


@pytest.mark.parametrize("way", ["put", "finish", "kick", "close"])
def test_what_wakes_the_reader(way: str) -> None:
    """Whatever happens to the pipe, a `take` that waits notices."""
    pipe: Pipe[int] = Pipe()
    taken: list[list[int]] = []
    reader = spawn(lambda: taken.append(pipe.take(10)))
    assert not threading.Event().wait(SOON)
    began = time.monotonic()
    if way == "put":
        pipe.put([1], 0)
    elif way == "finish":
        pipe.finish()
    elif way == "kick":
        pipe.kick()
    else:
        pipe.close()
    reader.join(5)
    assert taken == [[1] if way == "put" else []]
    assert time.monotonic() - began < 2


def test_a_kick_counts_once() -> None:
    """It is not forgotten if nobody waits, and it does not spoil the wait after the next."""
    pipe: Pipe[int] = Pipe()
    pipe.kick()
    assert pipe.take(10) == []
    began = time.monotonic()
    assert pipe.take(0.02) == []
    assert time.monotonic() - began >= 0.02


@pytest.mark.parametrize("inside", ["put", "take"])
def test_closed_by_the_thread_that_is_at_work_on_it(inside: str) -> None:
    """A signal handler or the collector may close it in the middle of anything: no deadlock."""
    pipe: Pipe[int] = Pipe(max_items=4)

    class Closing(list[int]):
        def __len__(self) -> int:
            pipe.close()
            return super().__len__()

    if inside == "put":
        pipe.put([0], 0)
        assert pipe.put(Closing([1, 2]), 1) is False
    else:
        pipe._items = Closing()  # whatever `take` looks at
        assert pipe.take(10) == []
    assert pipe.put([3], 0) is False


@pytest.mark.parametrize("seed", range(4))
def test_under_stress(seed: int) -> None:
    """With batches, naps, kicks and a slow reader at random, every item comes once, in order."""
    chance = random.Random(seed)
    pipe: Pipe[int] = Pipe(max_items=16, max_bytes=256)
    count = 3000
    over = threading.Event()

    def write() -> None:
        own, number = random.Random(seed + 1), 0
        while number < count:
            batch = range(number, min(count, number + own.randint(1, 20)))
            assert pipe.put(list(batch), own.randint(0, 300))
            number = batch.stop
            if own.random() < 0.02:
                over.wait(0.001)
        pipe.finish()

    def kick() -> None:
        while not over.wait(0.001):
            pipe.kick()

    threads = [spawn(write), spawn(kick)]
    taken: list[int] = []
    while True:
        batch = pipe.take(chance.choice([None, 0, 0.001, 1]))
        if not batch and pipe.finished and len(taken) == count:
            break
        assert len(batch) <= 16 + 20
        taken += batch
        if chance.random() < 0.02:
            over.wait(0.001)
    over.set()
    for thread in threads:
        thread.join(5)
    assert taken == list(range(count))


def test_a_signal_while_a_wait_lets_go() -> None:
    """What a handler raises then comes out, though the lock is gone; a lost lock alone is told."""
    lock = threading.RLock()

    def interrupted() -> None:
        with Held(lock):
            lock.release()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(RuntimeError), Held(lock):
        lock.release()
