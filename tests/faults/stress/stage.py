"""A schedule as it is played: streams, the threads that read them, the threads that meddle."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from rig_sync import (
    Agent,
    CancelToken,
    Client,
    PauseControl,
    RigError,
    StreamError,
    StreamMisuse,
    Timeouts,
    ToolContext,
)
from rig_sync.agent.options import RunOptions
from rig_sync.agent.stream import AgentStream
from rig_sync.agent.typed import TypedStream
from rig_sync.model import CompletionModel
from rig_sync.streaming.response import StreamingCompletionResponse
from tests.faults.stress.plan import Act, Moment, Plan, Schedule
from tests.faults.stress.script import mark
from tests.server import spawn

__all__ = ["Failed", "Stage", "Story", "Watched"]

PATIENCE = 0.05  # seconds that an act waits for items to be read
STORM = 0.05
STALL = Timeouts(first_event=0.08, idle=0.08)

Stream: TypeAlias = StreamingCompletionResponse | AgentStream | TypedStream["Story"]


@dataclass
class Story:
    """What the typed streams answer."""

    text: str


class Failed(NamedTuple):
    """The error that ended a stream."""

    kind: str
    text: str
    partial: bool
    history: int


class _Read:
    """One `next()`, from its beginning to its end."""

    def __init__(self) -> None:
        self.beside = False  # another one was under way at the same time


class Watched:
    """A stream, and all that was seen of it.

    Attributes:
        held: The stream, until it is dropped.
        seen: The marks of its items, by thread, in order.
        failures: The errors that ended it.
        over: It ended without an error, as somebody saw it.
        closed: Somebody closed it, or is about to.
        dropped: It was let go.
        cancelled: Somebody cancelled it, or is about to.
        wrong: What cannot be.
    """

    def __init__(self, stream: Stream, plan: Plan, label: str) -> None:
        self.held: list[Stream] = [stream]
        self.plan = plan
        self.label = label
        self.gone = weakref.ref(stream)
        self.seen: list[list[str]] = []
        self.failures: list[Failed] = []
        self.over = self.closed = self.dropped = self.cancelled = False
        self.wrong: list[str] = []
        self.count = 0
        self.left = False  # its reader has
        self._changed = threading.Condition()
        self._reads: set[_Read] = set()

    def read(self) -> None:
        """Read to the end, in the way of the plan."""
        seen: list[str] = []
        self.seen.append(seen)
        try:
            held = list(self.held)
            if held and self.plan.how == "with":
                with held.pop() as stream:
                    self._read_all(stream, seen)
                    self.closed = True
            elif held:
                self._read_all(held.pop(), seen)
        finally:
            with self._changed:
                self.left = True
                self._changed.notify_all()

    def read_once(self) -> None:
        """One `next()`, beside the reader."""
        seen: list[str] = []
        self.seen.append(seen)
        for stream in list(self.held):
            self._step(stream, seen)

    def await_items(self, count: int) -> None:
        """Wait a moment until so many items were read."""
        with self._changed:
            self._changed.wait_for(lambda: self.left or self.count >= count, PATIENCE)

    def _read_all(self, stream: Stream, seen: list[str]) -> None:
        source: Iterator[object] | None = None
        go_on = True
        while go_on and not self.dropped:
            if source is None:
                source = self._source(stream)
            if source is None:
                return
            again = self._step(source, seen)
            go_on = again is not None
            if again:
                source = None
        if self.dropped and self.plan.how == "words":
            self.closed = True  # by leaving its words

    def _source(self, stream: Stream) -> Iterator[object] | None:
        """What to read by; None once it is over."""
        if self.plan.how == "next":
            return stream
        try:
            if self.plan.how == "words":
                return stream.text_deltas()
            return stream.__iter__()
        except StreamMisuse as misuse:
            self._end_of(misuse)
            return None

    def _step(self, source: Iterator[object], seen: list[str]) -> bool | None:
        """One `next()`; whether to begin anew after an error that is no end, None at the end."""
        read = self._enter()
        try:
            item = next(source)
        except StopIteration:
            self.over = True
            return None
        except StreamMisuse as misuse:
            return self._misused(misuse, read)
        except RigError as error:
            if error.recoverable:
                self._note("defect", seen)
                return True
            self._fail(error)
            return None
        except BaseException as error:  # noqa: BLE001 - what must not come
            self.wrong.append(f"{type(error).__name__}: {error}")
            return None
        finally:
            self._leave(read)
        if isinstance(item, StreamError) and not item.error.recoverable:
            self._fail(item.error)
        else:
            self._note(mark(item), seen)
        return False

    def _note(self, name: str | None, seen: list[str]) -> None:
        with self._changed:
            if name is not None:
                seen.append(name)
            self.count += 1
            self._changed.notify_all()

    def _fail(self, error: RigError) -> None:
        told = Failed(
            type(error).__name__, str(error), error.partial is not None, len(error.history)
        )
        self.failures.append(told)

    def _misused(self, misuse: StreamMisuse, read: _Read) -> bool | None:
        if "another thread" in str(misuse):
            if not read.beside:
                self.wrong.append("told of another thread that reads, and there is none")
            threading.Event().wait(0.0005)
            return True
        self._end_of(misuse)
        return None

    def _end_of(self, misuse: StreamMisuse) -> None:
        """It was closed, or is over, and says so."""
        text = str(misuse)
        if "was closed" in text:
            if not self.closed:
                self.wrong.append("nobody closed it, yet it says so")
        elif "read to its end" in text:
            self.over = True
        else:
            self.wrong.append(text)

    def _enter(self) -> _Read:
        read = _Read()
        with self._changed:
            self._reads.add(read)
            if len(self._reads) > 1:
                for one in self._reads:
                    one.beside = True
        return read

    def _leave(self, read: _Read) -> None:
        with self._changed:
            self._reads.discard(read)


class Stage:
    """A schedule under way.

    Args:
        schedule: What is played.
        client: Whom to ask.
        common: The pause control that all schedules share.

    Attributes:
        others: Threads that read beside the readers.
    """

    def __init__(self, schedule: Schedule, client: Client, common: PauseControl) -> None:
        self.schedule = schedule
        self.client = client
        self.control = common if schedule.control == "common" else PauseControl()
        self.token = CancelToken()
        self.others: list[threading.Thread] = []  # noqa: TID251 - a type here
        self.watched = [
            self._watch(plan, f"s{schedule.number}-{place}")
            for place, plan in enumerate(schedule.plans)
        ]

    def readers(self) -> list[threading.Thread]:  # noqa: TID251 - a type here
        """Started threads, one for each stream."""
        return [spawn(one.read) for one in self.watched]

    def meddlers(self) -> list[threading.Thread]:  # noqa: TID251 - a type here
        """Started threads that do the acts."""
        storm = [spawn(self._storm)] if self.schedule.storm else []
        return [*storm, *(spawn(self._acting(acts)) for acts in self.schedule.threads)]

    def end(self) -> None:
        """Nobody meddles any more: every stream is brought to its end."""
        for one in self.watched:
            if one.plan.ending in ("cancel", "close"):
                self._do(one.plan.ending, one)
        self.control.resume()
        for one in self.watched:
            if one.plan.ending == "drop":
                self._do("drop", one)

    def _watch(self, plan: Plan, label: str) -> Watched:
        model = self.client.completion_model(label)
        options: RunOptions = {
            "timeouts": STALL if plan.turns[-1].fault == "stalled" else Timeouts(),
            "raise_errors": plan.raise_errors,
        }
        if plan.paused:
            options["pause"] = self.control
        if plan.cancelled:
            options["cancel"] = self.token
        if plan.kind == "model":
            return Watched(_answer(model, options), plan, label)
        agent = Agent(model, tools=[_tool(plan)])
        options["tool_concurrency"] = plan.beside
        if plan.kind == "typed":
            return Watched(agent.stream_typed(Story, "Hi", **options), plan, label)
        return Watched(agent.stream_prompt("Hi", **options), plan, label)

    def _storm(self) -> None:
        """Pause and resume until the streams have been read, or for a while."""
        end = time.monotonic() + STORM
        while time.monotonic() < end and not all(one.left for one in self.watched):
            self.control.pause()
            self.control.resume()

    def _acting(self, acts: tuple[Act, ...]) -> Callable[[], None]:
        def act() -> None:
            for one in acts:
                watched = self.watched[one.stream]
                _await(one.moment, watched)
                self._do(one.verb, watched)

        return act

    def _do(self, verb: str, watched: Watched) -> None:
        try:
            self._act(verb, watched)
        except BaseException as error:  # noqa: BLE001 - what must not come
            watched.wrong.append(f"{verb} raised {type(error).__name__}: {error}")

    def _act(self, verb: str, watched: Watched) -> None:
        match verb:
            case "pause":
                self.control.pause()
            case "resume":
                self.control.resume()
            case "throw":
                for one in self.watched:
                    one.cancelled = one.cancelled or one.plan.cancelled
                self.token.cancel()
            case "collect":
                gc.collect()
            case "let go":
                self.client.close()
            case "next":  # it may have to wait for another act
                self.others.append(spawn(watched.read_once))
            case "drop":
                watched.dropped = True
                watched.held.clear()
            case _:
                for stream in list(watched.held):
                    _act_on(stream, verb, watched)


def _answer(model: CompletionModel, options: RunOptions) -> Stream:
    return model.stream_completion("Hi").stream(
        timeouts=options["timeouts"],
        raise_errors=options["raise_errors"],
        pause=options.get("pause"),
        cancel=options.get("cancel"),
    )


def _act_on(stream: Stream, verb: str, watched: Watched) -> None:
    match verb:
        case "cancel":
            watched.cancelled = True
            stream.cancel()
        case "close":
            watched.closed = True
            stream.close()
        case _:
            seen = (repr(stream), stream.cancelled, stream.response, stream.usage)
            assert seen


def _await(moment: Moment, watched: Watched) -> None:
    if moment.items:
        watched.await_items(moment.items)
    elif moment.seconds:
        end = time.monotonic() + moment.seconds
        while (left := end - time.monotonic()) > 0:
            threading.Event().wait(left)


def _tool(plan: Plan) -> Callable[..., str]:
    def get(n: int, context: ToolContext[None]) -> str:
        """Get something."""
        nap = plan.naps[n % len(plan.naps)]
        if nap:
            threading.Event().wait(nap)
        return f"got {n}"

    return get
