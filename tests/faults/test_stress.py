"""Threads that get in each other's way: nothing hangs, leaks, is lost or comes twice.

`python -m tests.faults.stress` plays seeded schedules; what it has found is tested by itself here.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from rig_sync import Agent, PauseControl, RetryPolicy, RigError, StreamError, StreamMisuse
from rig_sync.agent.stream import AgentStream
from rig_sync.agent.typed import TypedStream
from rig_sync.model import CompletionModel
from rig_sync.streaming.pipe import Pipe
from rig_sync.streaming.response import StreamingCompletionResponse
from tests.conftest import ModelFactory, ServerFactory
from tests.faults.stress.script import mark
from tests.server import Stall, chat_chunk, chat_chunks, spawn, sse, sse_response
from tests.threads.scripts import ROOT
from tests.threads.watching import settled, threads_gone

WITHIN = 55.0
WORDS = [f"{number} " for number in range(2000)]
STORY = ['{"text": "', *WORDS, '"}']
BAD = b"data: {bad\n\n"
PIECE = chat_chunk({"content": "one "})


@dataclass
class Story:
    """What the typed streams answer."""

    text: str


Stream: TypeAlias = StreamingCompletionResponse | AgentStream | TypedStream[Story]
Begin: TypeAlias = Callable[[CompletionModel], Stream]

KINDS: dict[str, Begin] = {
    "model": lambda model: model.stream_completion("Hi").stream(),
    "agent": lambda model: Agent(model).stream_prompt("Hi"),
    "typed": lambda model: Agent(model).stream_typed(Story, "Hi"),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads that take turns a hundred times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is freed is freed by counting references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def answer(words: list[str], size: int = 50) -> list[bytes]:
    """The events of `words`, so many at once."""
    events = chat_chunks(*words)
    return [b"".join(events[at : at + size]) for at in range(0, len(events), size)]


# schedules -----------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_schedules(seed: int) -> None:
    """100 schedules of a seed: none goes wrong, none hangs, none leaves anything behind."""
    command = [sys.executable, "-X", "dev", "-m", "tests.faults.stress"]
    command += ["--schedules", "100", "--seed", str(seed)]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False
    )
    assert ran.stdout.endswith("\n100 schedules, 0 wrong, 0 hangs, 0 leaks\n"), ran.stdout
    assert (ran.returncode, ran.stderr) == (0, "")


# pausing -------------------------------------------------------------------------------------


def test_what_was_taken_stays_as_it_is() -> None:
    """A list that `take` gave out is not written to any more: its items would come twice."""
    pipe: Pipe[str] = Pipe()
    pipe.kick()
    taken = pipe.take()
    pipe.put(["one"], 1)
    assert taken == []
    assert pipe.take() == ["one"]


def test_the_end_is_after_the_last_item() -> None:
    """The writer may end between a `take` that gave nothing and the look at whether it did."""
    pipe: Pipe[str] = Pipe()
    pipe.kick()
    assert pipe.take() == []
    pipe.put(["one"], 1)
    pipe.finish(None)
    assert not pipe.drained
    assert pipe.take() == ["one"]
    assert pipe.drained


@pytest.mark.usefixtures("hurried")
@each_kind
def test_paused_over_and_over(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """One thread pauses and resumes all the time: every item comes once, in order."""
    words = ['{"text": "', "Hel", "lo", '"}'] if kind == "typed" else ["Hel", "lo"]
    patient, control = model(server(sse_response(*chat_chunks(*words)))), PauseControl()
    begin: dict[str, Callable[[], Stream]] = {
        "model": lambda: patient.stream_completion("Hi").stream(pause=control),
        "agent": lambda: Agent(patient).stream_prompt("Hi", pause=control),
        "typed": lambda: Agent(patient).stream_typed(Story, "Hi", pause=control),
    }
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        for _ in range(25):
            texts = list(begin[kind]().text_deltas())
            if texts != words:
                wrong.append(texts)

    def pause() -> None:
        while not stop.is_set():
            control.pause()
            control.resume()

    pausing, readers = spawn_all(pause), spawn_all(*[read] * 4)
    for reader in readers:
        reader.join(WITHIN)
    stop.set()
    for one in (*pausing, *readers):
        one.join(5)
        assert not one.is_alive()
    assert wrong == []


def read_to_an_error(stream: Stream) -> None:
    """Read up to the error that is raised."""
    with suppress(RigError):  # nothing of pytest's, which keeps what it caught for a while
        deque(stream, maxlen=0)
    assert "reading" in repr(stream)


def spawn_all(*runs: Callable[[], None]) -> list[threading.Thread]:  # noqa: TID251 - a type here
    """Started threads."""
    return [spawn(run) for run in runs]


# two readers ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
@each_kind
def test_read_by_three_threads(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """Each item goes to one of them, in order; whoever comes in between is told so."""
    words = STORY if kind == "typed" else WORDS
    stream = KINDS[kind](model(server(sse_response(*answer(words)))))
    seen: list[list[str]] = [[], [], []]
    strange: list[str] = []

    def read(mine: list[str]) -> None:
        while True:
            try:
                item = next(stream)
            except StopIteration:
                return
            except StreamMisuse as misuse:
                if "another thread" not in str(misuse):
                    strange.append(str(misuse))
                continue
            except BaseException as error:  # noqa: BLE001 - it is what the test is about
                strange.append(repr(error))
                return
            mine.extend(filter(None, [mark(item)]))

    readers = spawn_all(*[lambda mine=mine: read(mine) for mine in seen])
    for reader in readers:
        reader.join(WITHIN)
        assert not reader.is_alive()
    assert strange == []
    place = {f"text {word}": number for number, word in enumerate(words)}
    for mine in seen:
        places = [place[name] for name in mine if name in place]
        assert places == sorted(places)
    texts = [name for mine in seen for name in mine if name in place]
    assert sorted(texts, key=place.__getitem__) == list(place)
    assert threads_gone()


@pytest.mark.usefixtures("hurried")
@each_kind
def test_closed_by_another_thread(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """A stream that is closed while it is read never looks as if its answer were whole."""
    words = STORY if kind == "typed" else WORDS
    patient = model(server(sse_response(*answer(words, 200))))
    for turn in range(10):
        stream = KINDS[kind](patient)
        count, ends = [0], list[str]()

        def read(stream: Stream = stream, count: list[int] = count, ends: list[str] = ends) -> None:
            try:
                for _ in stream:
                    count[0] += 1
            except StreamMisuse as misuse:
                ends.append(str(misuse))
            else:
                ends.append("end")

        (reader,) = spawn_all(read)
        end = time.monotonic() + WITHIN
        while count[0] < turn * 100 and time.monotonic() < end:
            pass
        stream.close()
        reader.join(10)
        assert not reader.is_alive()
        assert "was closed" in ends[0] or count[0] > len(words), ends
    assert threads_gone()


@each_kind
def test_closed_while_another_thread_waits(
    server: ServerFactory, model: ModelFactory, kind: str
) -> None:
    """Before the headers and after some words: whoever waits is woken, and told why."""
    scripted = server([Stall()], sse_response(PIECE, Stall()))
    patient = model(scripted)
    for turn in range(2):
        stream = KINDS[kind](patient)
        ends: list[str] = []

        def read(stream: Stream = stream, ends: list[str] = ends) -> None:
            with pytest.raises(StreamMisuse) as caught:
                deque(stream, maxlen=0)
            ends.append(str(caught.value))

        (reader,) = spawn_all(read)
        settled(lambda: len(scripted.requests) > turn, to=True)  # noqa: B023 - called at once
        settled(lambda: scripted.bytes_written)
        stream.close()
        reader.join(10)
        assert "was closed" in ends[0]
    assert threads_gone()


# references ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_collector")
@each_kind
@pytest.mark.parametrize("then", ["left", "read on"])
def test_an_error_on_the_way_that_was_raised(
    server: ServerFactory, model: ModelFactory, kind: str, then: str
) -> None:
    """With `raise_errors="all"`: the stream and its error do not keep each other alive."""
    patient = model(server(sse_response(PIECE + BAD + PIECE, Stall())))
    begin: dict[str, Callable[[], Stream]] = {
        "model": lambda: patient.stream_completion("Hi").stream(raise_errors="all"),
        "agent": lambda: Agent(patient).stream_prompt("Hi", raise_errors="all"),
        "typed": lambda: Agent(patient).stream_typed(Story, "Hi", raise_errors="all"),
    }
    stream = begin[kind]()
    gone = weakref.ref(stream)
    read_to_an_error(stream)
    if then == "read on":
        next(stream)
    del stream
    assert gone() is None
    assert threads_gone()


@pytest.mark.usefixtures("no_collector")
@each_kind
def test_an_error_event_before_any_content(
    server: ServerFactory, model: ModelFactory, kind: str
) -> None:
    """Its tries are over; neither their errors nor the last one keep the stream alive."""
    failed = sse({"error": {"message": "scripted", "type": "server_error", "code": 500}})
    scripted = server(sse_response(failed))
    patient = model(scripted, retries=RetryPolicy(attempts=3, initial=0.001))
    stream = KINDS[kind](patient)
    gone = weakref.ref(stream)
    with pytest.raises(RigError) as caught:
        list(stream)
    assert len(caught.value.attempts) == 2
    del caught, stream
    assert gone() is None
    assert len(scripted.requests) == 3


def test_the_last_error_of_none_is_an_item(server: ServerFactory, model: ModelFactory) -> None:
    """The raised copy of an error on the way is equal to the item that `none` hands over."""
    patient = model(server(sse_response(PIECE + BAD, *chat_chunks("two"))))
    items = list(patient.stream_completion("Hi").stream(raise_errors="none"))
    (told,) = [item.error for item in items if isinstance(item, StreamError)]
    stream = patient.stream_completion("Hi").stream(raise_errors="all")
    next(stream)
    with pytest.raises(type(told)) as caught:
        next(stream)
    assert vars(caught.value) == vars(told)
    assert str(caught.value) == str(told)
    assert len(list(stream)) == 2
    assert stream.response.defects == (str(told),)
