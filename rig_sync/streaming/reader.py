"""The background thread that reads a source into a pipe.

It knows nothing of providers: a source is a generator function that is handed a `Flow`, and that
calls `Flow.before_read` ahead of every read that may block. What it has yielded since the last
read then goes into the pipe as one batch.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rig_sync.errors import RigError
from rig_sync.streaming import threads
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.pause import Gate
from rig_sync.streaming.pipe import Pipe
from rig_sync.transport.line import Line

__all__ = ["Flow", "Reader", "Source", "Stopped", "stop_all"]

T = TypeVar("T")

LET_GO_SECONDS = 0.5


class Stopped(Exception):
    """Nobody wants more: the source is to clean up and end."""


class Flow(Generic[T]):
    """What a source has to tell, and to ask, while it reads.

    Attributes:
        add: Takes one more item, for the next batch.
        bytes_read: Bytes read so far; any thread may look.
        line: Of the try under way; any thread may look, and `expire` it.
        token: Cancelled when the consumer is gone.
    """

    def __init__(self, pipe: Pipe[T], gate: Gate, token: CancelToken) -> None:
        self.bytes_read = 0
        self.line: Line | None = None
        self.token = token
        self._pipe = pipe
        self._gate = gate
        self._batch: list[T] = []
        self.add = self._batch.append
        self._size = 0

    def before_read(self) -> None:
        """Hand over what was yielded so far; waits while the pipe is full or the gate is shut.

        Raises:
            Stopped: nobody wants more.
        """
        self.flush()
        if self._gate.shut:
            self._gate.wait()
        if self.token.cancelled:
            raise Stopped

    def after_read(self, size: int) -> None:
        """`size` bytes have come."""
        self.bytes_read += size
        self._size += size

    def flush(self) -> None:
        """Hand over what was yielded so far.

        Raises:
            Stopped: nobody wants it.
        """
        if self._batch:
            size, self._size = self._size, 0
            taken = self._pipe.put(self._batch, size)  # which copies it
            self._batch.clear()
            if not taken:
                raise Stopped


Source = Callable[[Flow[T]], Iterator[T]]


class Reader(Generic[T]):
    """Runs `source` on a thread of its own until it ends, fails or is stopped.

    Args:
        source: Called on the thread. Whatever it raises goes to the consumer through the pipe,
            after all that came before.
        pipe: Where the items go.
        gate: Holds the reader still while it is shut.
        token: Stops it.
    """

    def __init__(self, source: Source[T], pipe: Pipe[T], gate: Gate, token: CancelToken) -> None:
        self.flow: Flow[T] = Flow(pipe, gate, token)
        self._pipe = pipe
        self._pid = os.getpid()
        self._thread = threads.start("reader", _Run(source, pipe, self.flow))
        _tokens.add(token)
        _threads.add(self._thread)

    @property
    def foreign(self) -> bool:
        """Whether the thread runs in the process that this one was forked from."""
        return self._pid != os.getpid()

    def join(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for the thread to end; whether it has."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()


class _Run(Generic[T]):
    """What happens on the thread; refers to nothing of the consumer's, so that it can go."""

    def __init__(self, source: Source[T], pipe: Pipe[T], flow: Flow[T]) -> None:
        self._source = source
        self._pipe = pipe
        self._flow = flow

    def __call__(self) -> None:
        error: BaseException | None = None
        items = self._source(self._flow)
        try:
            add = self._flow.add
            for item in items:
                add(item)
            self._flow.flush()
        except Stopped as stopped:  # the consumer is gone and nobody is told
            # tenacity keeps it: with its frames, or those of what it came of, it would hold itself
            stopped.__traceback__ = stopped.__context__ = None
        except BaseException as failure:  # noqa: BLE001 - the consumer raises it in its own thread
            # of ours the message says it all; with its traceback it would refer to itself
            error = failure.with_traceback(None) if isinstance(failure, RigError) else failure
            with contextlib.suppress(Stopped):
                self._flow.flush()
        finally:
            self._pipe.finish(error)
            close = getattr(items, "close", None)
            if close is not None:
                close()


_tokens: weakref.WeakSet[CancelToken] = weakref.WeakSet()
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()  # noqa: TID251 - started elsewhere


@atexit.register
def stop_all() -> None:
    """At exit: end the reads, so that no thread wakes up in a dying interpreter.

    Waits a moment until their sockets are closed.
    """
    for token in list(_tokens):
        token.cancel()
    end = time.monotonic() + LET_GO_SECONDS
    for thread in list(_threads):
        thread.join(max(0.0, end - time.monotonic()))


def _disown_all() -> None:
    """In a forked child: the threads and connections are the parent's."""
    for token in list(_tokens):
        token.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)
