"""Running a batch of tool calls: in the caller's thread, or on worker threads beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from rig_sync.errors import PromptCancelled, ToolTimeout
from rig_sync.message import Text, ToolCall, ToolResult
from rig_sync.streaming import threads
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.response import Clock

__all__ = ["RunOne", "Settled", "run_batch"]

RunOne: TypeAlias = Callable[[ToolCall], ToolResult]
Settled: TypeAlias = "tuple[int, ToolResult | BaseException]"


def run_batch(
    calls: Sequence[ToolCall],
    run_one: RunOne,
    *,
    concurrency: int,
    timeout: float | None,
    clock: Clock,
    token: CancelToken,
    results: dict[int, ToolResult],
) -> Iterator[ToolCall]:
    """Run `calls`; yields each as it starts, and is over when all have settled.

    Args:
        calls: In the order in which the model made them.
        run_one: Answers one call; what it raises ends the batch.
        concurrency: At least 1. With 1 and no `timeout` every call runs in the caller's thread.
        timeout: Seconds for one call. A thread cannot be killed: a late tool is abandoned, and its
            result says so.
        clock: Counts the time that the tools take; a tool in the caller's thread ends when it ends.
        token: Ends the waiting; tools that run see it in their context.
        results: Filled with the results, by the position of the call.

    Raises:
        PromptCancelled: the token was cancelled; tools on worker threads may still run.
        TotalTimeout: the run has no time left; likewise.

    Threads: at most `concurrency` workers at a time, daemons, with the caller's context variables.
    """
    if concurrency == 1 and timeout is None:
        for number, call in enumerate(calls):
            _check(token)
            clock.check()
            yield call
            with clock.counting():
                results[number] = run_one(call)
        _check(token)
        return
    batch = _Batch(run_one, timeout, clock, token, results)
    for number, call in enumerate(calls):
        while len(batch.running) >= concurrency:
            batch.settle()
        yield call
        batch.start(number, call)
    while batch.running:
        batch.settle()


class _Batch:
    """The calls that run on workers at the moment."""

    def __init__(
        self,
        run_one: RunOne,
        timeout: float | None,
        clock: Clock,
        token: CancelToken,
        results: dict[int, ToolResult],
    ) -> None:
        self.running: dict[int, tuple[ToolCall, float]] = {}
        self._run_one = run_one
        self._timeout = timeout
        self._clock = clock
        self._token = token
        self._results = results
        self._settled: Pipe[Settled] = Pipe()

    def start(self, number: int, call: ToolCall) -> None:
        _check(self._token)
        run_one, settled = self._run_one, self._settled

        def work() -> None:
            outcome: ToolResult | BaseException
            try:
                outcome = run_one(call)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                outcome = error
            settled.put([(number, outcome)], 0)

        self.running[number] = (call, time.monotonic())
        threads.start("tool", work)

    def settle(self) -> None:
        """Wait until something settles, or is late."""
        unsubscribe = self._token.subscribe(self._settled.kick)
        try:
            _check(self._token)
            with self._clock.counting():
                settled = self._settled.take(self._patience())
            for number, outcome in settled:
                if number not in self.running:
                    continue  # it was given up before
                del self.running[number]
                if isinstance(outcome, BaseException):
                    raise outcome
                self._results[number] = outcome
        finally:
            unsubscribe()
        _check(self._token)
        self._give_up_late()
        if self.running:
            self._clock.check()

    def _patience(self) -> float | None:
        limits = [] if self._clock.left is None else [self._clock.left]
        if self._timeout is not None:
            first = min(began for _, began in self.running.values())
            limits.append(first + self._timeout - time.monotonic())
        return max(0.0, min(limits)) if limits else None

    def _give_up_late(self) -> None:
        if self._timeout is None:
            return
        for number, (call, began) in list(self.running.items()):
            if time.monotonic() - began >= self._timeout:
                del self.running[number]
                self._results[number] = _late(call, self._timeout)


def _late(call: ToolCall, timeout: float) -> ToolResult:
    text = f"{ToolTimeout.__name__}: {call.name} took longer than {timeout:g} s and was abandoned; "
    text += "it may still have an effect"
    return ToolResult(call.id, (Text(text),), call.name, is_error=True)


def _check(token: CancelToken) -> None:
    if token.cancelled:
        raise PromptCancelled("the run was cancelled")
