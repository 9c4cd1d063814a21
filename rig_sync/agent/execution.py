"""Running a batch of tool calls: in the caller's thread, or on worker threads beside each other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from rig_sync.agent.steps import failed
from rig_sync.errors import PromptCancelled, ToolTimeout
from rig_sync.message import ToolCall, ToolResult
from rig_sync.streaming import threads
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.pause import Gate, PauseControl
from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.response import Clock

__all__ = ["Emitted", "Happening", "Job", "Settled", "Started", "run_batch"]

Work: TypeAlias = Generator[object, None, ToolResult]


class Job(NamedTuple):
    """One call to be answered.

    Attributes:
        number: Its place in the batch.
        call: As it runs.
        work: Begins the work: yields what is to be seen meanwhile, and returns the result.
        timeout: Seconds waited for it; None: as long as it takes.
        token: Cancelled when the run is, or when this call is given up.
        apart: Never in the caller's thread: so it can be left when there is no time any more.
    """

    number: int
    call: ToolCall
    work: Callable[[], Work]
    timeout: float | None
    token: CancelToken
    apart: bool = False


class Started(NamedTuple):
    """The work on a call begins, now."""

    job: Job


class Emitted(NamedTuple):
    """A tool tells what it does."""

    job: Job
    content: object


class Settled(NamedTuple):
    """A call has its result."""

    job: Job
    result: ToolResult


Happening: TypeAlias = Started | Emitted | Settled


class _Raised(NamedTuple):
    """The work itself failed; that is not a failure of the tool, which is a result."""

    job: Job
    error: BaseException


def run_batch(
    jobs: Iterable[Job],
    *,
    concurrency: int,
    clock: Clock,
    token: CancelToken,
    pause: PauseControl | None = None,
) -> Iterator[Happening]:
    """Do `jobs`; yields what happens as it happens, and is over when all have settled.

    Args:
        jobs: In call order; each is asked for when there is room for it.
        concurrency: At least 1. With 1, a job without `timeout` is done in the caller's thread,
            unless it says otherwise.
        clock: Counts the time that the tools take; a tool in the caller's thread ends when it ends.
        token: Ends the waiting; tools that run see it in their context.
        pause: While it holds, nothing is waited for, and no tool becomes late.

    Raises:
        PromptCancelled: the token was cancelled; tools on worker threads may still run.
        TotalTimeout: the run has no time left; likewise.

    A thread cannot be killed: a tool that is late is abandoned, and its result says so.

    Threads: at most `concurrency` workers at a time, daemons, with the caller's context variables.
    """
    batch = _Workers(clock, token, pause)
    try:
        for job in jobs:
            if concurrency == 1 and job.timeout is None and not job.apart:
                yield from _here(job, clock, token)
                continue
            while len(batch.running) >= concurrency:
                yield from batch.settle()
            yield Started(job)
            batch.start(job)
            while concurrency == 1 and batch.running:
                yield from batch.settle()
        while batch.running:
            yield from batch.settle()
        _check(token)
    finally:
        batch.close()


def _here(job: Job, clock: Clock, token: CancelToken) -> Iterator[Happening]:
    """One job in the caller's thread."""
    _check(token)
    clock.check()
    yield Started(job)
    work = job.work()
    try:
        while True:
            with clock.counting():
                try:
                    content = next(work)
                except StopIteration as end:
                    result = end.value
                    break
            yield Emitted(job, content)
            _check(token)
            clock.check()
    finally:
        work.close()
    yield Settled(job, result)


class _Workers:
    """The jobs that are done on worker threads at the moment."""

    def __init__(self, clock: Clock, token: CancelToken, pause: PauseControl | None) -> None:
        self.running: dict[int, tuple[Job, float]] = {}
        self._clock = clock
        self._token = token
        self._news: Pipe[Emitted | Settled | _Raised] = Pipe()
        longest = clock.timeouts.max_pause
        self._gate = Gate(pause, self._news.kick, longest=longest, since=clock.began)
        self._unsubscribe = token.subscribe(self._gate.release)

    def start(self, job: Job) -> None:
        """Begin with a job."""
        _check(self._token)
        news = self._news

        def work() -> None:
            steps: Work | None = None
            last: Settled | _Raised
            try:
                steps = job.work()
                while True:
                    try:
                        content = next(steps)
                    except StopIteration as end:
                        last = Settled(job, end.value)
                        break
                    if not news.put([Emitted(job, content)], 0):
                        return  # nobody listens any more
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                last = _Raised(job, error)
            finally:
                if steps is not None:
                    steps.close()
            news.put([last], 0)

        self.running[job.number] = (job, self._clock.spent)
        threads.start("tool", work)

    def settle(self) -> Iterator[Emitted | Settled]:
        """Wait until something happens, or somebody is late."""
        unsubscribe = self._token.subscribe(self._news.kick)
        try:
            self._gate.hold()
            _check(self._token)
            with self._clock.counting():
                news = self._news.take(self._patience())
        finally:
            unsubscribe()
        for one in news:
            if one.job.number not in self.running:
                continue  # it was given up before
            if isinstance(one, _Raised):
                raise one.error
            if isinstance(one, Settled):
                del self.running[one.job.number]
            yield one
        _check(self._token)
        yield from self._give_up_late()
        if self.running:
            self._clock.check()

    def close(self) -> None:
        """Nobody waits for those that still run: they are told, and may say no more."""
        self._unsubscribe()
        self._news.close()
        for job, _ in self.running.values():
            job.token.cancel()

    def _patience(self) -> float | None:
        limits = [] if self._clock.left is None else [self._clock.left]
        limits += [
            began + job.timeout - self._clock.spent
            for job, began in self.running.values()
            if job.timeout is not None
        ]
        return max(0.0, min(limits)) if limits else None

    def _give_up_late(self) -> Iterator[Settled]:
        for number, (job, began) in list(self.running.items()):
            if job.timeout is not None and self._clock.spent - began >= job.timeout:
                del self.running[number]
                job.token.cancel()
                yield Settled(job, _late(job.call, job.timeout))


def _late(call: ToolCall, timeout: float) -> ToolResult:
    text = f"{ToolTimeout.__name__}: {call.name} took longer than {timeout:g} s and was abandoned; "
    text += "it may still have an effect"
    return failed(call, text)


def _check(token: CancelToken) -> None:
    if token.cancelled:
        raise PromptCancelled("the run was cancelled")
