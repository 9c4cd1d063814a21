"""Event loops, executors and other threads: a stream is read wherever its reader happens to be."""

from __future__ import annotations

import asyncio  # noqa: TID251 - to see that it is no hindrance
import contextlib
import gc
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig_sync import Agent, PauseControl, StreamFinal, StreamMisuse, Text
from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES
from tests.conftest import ModelFactory, ServerFactory
from tests.faults.stress.crowd import Crowd, answer_to
from tests.server import Stall, call_chunks, chat_chunk, chat_chunks, spawn, sse_response
from tests.threads.scripts import run_script
from tests.threads.watching import threads_gone

PIECE = chat_chunk({"content": "one "})


@pytest.fixture
def crowd(request: pytest.FixtureRequest) -> Iterator[Crowd]:
    """The server; a parameter says how many answers go on together."""
    with Crowd(getattr(request, "param", 1)) as one:
        yield one


@pytest.fixture
def crowded(crowd: Crowd) -> Iterator[CompletionModel]:
    """A model on that server, asked once."""
    with Client(base_url=crowd.url, retries=NO_RETRIES) as client:
        yield client.completion_model("m")


def say(model: CompletionModel, prompt: str) -> str:
    return "".join(model.stream_completion(prompt).stream().text_deltas())


# event loops ---------------------------------------------------------------------------------


def test_a_plain_loop_in_a_coroutine(crowded: CompletionModel) -> None:
    """`for` in a coroutine works as anywhere else: it blocks the loop, and no loop is missed."""
    agent = Agent(crowded)

    async def main() -> list[str]:
        texts = [say(crowded, "one")]
        for text in agent.stream_prompt("two").text_deltas():
            await asyncio.sleep(0)
            texts.append(text)
        return [texts[0], "".join(texts[1:])]

    assert asyncio.run(main()) == [answer_to("one"), answer_to("two")]


@pytest.mark.parametrize("crowd", [20], indirect=True)
def test_twenty_in_threads_of_a_loop(crowd: Crowd, crowded: CompletionModel) -> None:
    """`asyncio.to_thread` reads streams beside each other, while the loop does something else."""

    async def main() -> tuple[list[str], int]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(20))
        asked = [asyncio.to_thread(say, crowded, f"prompt {number}") for number in range(20)]
        turns = 0
        reading = asyncio.gather(*asked)
        while not reading.done():
            turns += 1
            await asyncio.sleep(0.001)
        return await reading, turns

    texts, turns = asyncio.run(main())
    assert texts == [answer_to(f"prompt {number}") for number in range(20)]
    assert crowd.most == 20
    assert turns > 1


def test_a_cancelled_task_cancels_the_stream(server: ServerFactory, model: ModelFactory) -> None:
    """A task cannot end its thread; cancelling the stream can."""
    scripted = server(sse_response(PIECE, Stall()))
    stream = model(scripted).stream_completion("Hi").stream()

    async def main() -> int:
        reading = asyncio.ensure_future(asyncio.to_thread(list, stream))
        while not scripted.bytes_written:
            await asyncio.sleep(0.002)
        try:
            await asyncio.wait_for(asyncio.shield(reading), 0.05)
        except asyncio.TimeoutError:
            stream.cancel()
        return len(await reading)

    assert asyncio.run(main()) <= 1
    assert stream.cancelled
    assert scripted.disconnected.wait(5)


def test_step_by_step_in_a_loop(crowded: CompletionModel) -> None:
    """Each `next()` in whichever thread the executor has: that is one reader at a time."""
    stream = crowded.stream_completion("one").stream()

    async def main() -> list[object]:
        items: list[object] = []
        while (item := await asyncio.to_thread(next, stream, None)) is not None:
            items.append(item)
        return items

    *texts, final = asyncio.run(main())
    assert "".join(item.text for item in texts if isinstance(item, Text)) == answer_to("one")
    assert isinstance(final, StreamFinal)


def test_an_async_generator_that_is_left(server: ServerFactory, model: ModelFactory) -> None:
    """A view that wraps the stream for its framework, and closes it when the browser has gone."""
    scripted = server(sse_response(PIECE, PIECE, Stall()))
    patient = model(scripted)

    async def main() -> str:
        async def words() -> AsyncGenerator[str, None]:
            with patient.stream_completion("Hi").stream() as stream:
                texts = stream.text_deltas()
                while (text := await asyncio.to_thread(next, texts, None)) is not None:
                    yield text

        async with contextlib.aclosing(words()) as opened:
            return await opened.__anext__()

    assert asyncio.run(main()) == "one "
    assert scripted.disconnected.wait(5)


def test_tools_in_a_loop(server: ServerFactory, model: ModelFactory) -> None:
    """Tools run in the thread that reads, or beside it, also inside a running loop."""
    calls = call_chunks(("get", {"n": 1}), ("get", {"n": 2}))
    answer = sse_response(*chat_chunks("Done."))
    scripted = server(sse_response(*calls), answer, sse_response(*calls), answer)
    inside: list[bool] = []

    def get(n: int) -> str:
        """Get something."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            inside.append(False)
        else:
            inside.append(True)
        return "got it"

    agent = Agent(model(scripted), tools=[get])

    async def main() -> list[str]:
        return [agent.prompt("Hi", tool_concurrency=count, stream=True).output for count in (1, 2)]

    assert asyncio.run(main()) == ["Done.", "Done."]
    assert inside == [True, True, False, False]


NOTEBOOK = """
import asyncio, sys
from rig_sync import stream_to_stdout
from rig_sync.providers.openai_compatible import Client

agent = Client(base_url=sys.argv[1]).agent("m").build()
cells = [
    "stream = agent.stream_prompt('one')",
    "first = next(stream)",
    "rest = ''.join(stream.text_deltas())",
    "stream_to_stdout(agent.stream_prompt('two'))",
    "print(agent.prompt('three', stream=True).output)",
]

async def kernel():
    "Runs each cell in a task of a loop that never ends, as a notebook does."
    names = {"agent": agent, "stream_to_stdout": stream_to_stdout}
    for cell in cells:
        async def run():
            exec(compile(cell, "cell", "exec"), names)
        await asyncio.create_task(run())
    print(names["first"].content.text + names["rest"])

loop = asyncio.new_event_loop()
loop.slow_callback_duration = 60  # or it tells of cells that take their time
loop.run_until_complete(kernel())
loop.close()
"""


def test_a_notebook(crowd: Crowd) -> None:
    """A loop that runs for ever, cells one after the other, and a stream over several of them."""
    ran = run_script(NOTEBOOK, crowd.url)
    assert ran.check().splitlines() == [answer_to(name) for name in ("two", "three", "one")]


# other threads -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_handed_from_thread_to_thread(crowded: CompletionModel, kind: str) -> None:
    """Made in one thread, and every item read in another one."""
    made: list[Iterator[object]] = []

    def make() -> None:
        if kind == "agent":
            made.append(Agent(crowded).stream_prompt("one"))
        else:
            made.append(crowded.stream_completion("one").stream())

    spawn(make).join(10)
    items: list[object] = []
    while len(items) < 50:
        reader = spawn(lambda: items.append(next(made[0], None)))
        reader.join(10)
        if items[-1] is None:
            break
    contents = [getattr(item, "content", item) for item in items]
    assert "".join(item.text for item in contents if isinstance(item, Text)) == answer_to("one")


def test_an_executor_that_outlives_its_streams(crowd: Crowd, crowded: CompletionModel) -> None:
    """Streams begun by its threads and read by others, by the order in which they come."""
    with ThreadPoolExecutor(8) as pool:
        begun = [
            pool.submit(lambda n=n: _begun(crowded, n))  # type: ignore[misc]
            for n in range(40)
        ]
        ended = [pool.submit(lambda one=one: "".join(one.result()())) for one in begun]  # type: ignore[misc]
        texts = [one.result(20) for one in ended]
    assert texts == [answer_to(f"prompt {number}") for number in range(40)]
    assert threads_gone()


def _begun(model: CompletionModel, number: int) -> Callable[[], list[str]]:
    stream = model.stream_completion(f"prompt {number}").stream()
    first = next(stream)
    assert isinstance(first, Text)
    return lambda: [first.text, *stream.text_deltas()]


class _Knot:
    """Holds a stream and itself, so that only the collector can free it."""

    def __init__(self, held: object) -> None:
        self.held = held
        self.me = self


@pytest.mark.parametrize("state", ["reading", "paused", "not begun", "over"])
def test_freed_by_the_collector_elsewhere(
    server: ServerFactory, model: ModelFactory, state: str
) -> None:
    """The collector runs in any thread, at any time: the connection goes, and nothing blocks."""
    over = sse_response(*chat_chunks("one "))
    scripted = server(over if state == "over" else sse_response(PIECE, Stall()))
    patient, control = model(scripted), PauseControl()
    gc.collect()
    gc.disable()
    try:
        stream = patient.stream_completion("Hi").stream(pause=control)
        if state != "not begun":
            next(stream)
        if state == "paused":
            control.pause()
        if state == "over":
            assert len(list(stream)) == 1
        _Knot(stream)
        del stream
        collector = spawn(gc.collect)
        collector.join(10)
        assert not collector.is_alive()
    finally:
        gc.enable()
    assert threads_gone()
    if state not in ("not begun", "over"):
        assert scripted.disconnected.wait(5)


def test_freed_by_the_collector_inside_another_stream(
    server: ServerFactory, model: ModelFactory
) -> None:
    """The collector strikes while another stream is read: that one goes on."""
    words = [f"{number} " for number in range(300)]
    pieces = chat_chunks(*words)
    whole = sse_response(*(b"".join(pieces[at : at + 10]) for at in range(0, len(pieces), 10)))
    silent = sse_response(PIECE, Stall())
    scripted = server(silent, silent, silent, whole)
    patient, control = model(scripted), PauseControl()
    for _ in range(3):
        knotted = patient.stream_completion("Hi").stream(pause=control)
        next(knotted)
        _Knot(knotted)
        del knotted
    before = gc.get_threshold()
    gc.set_threshold(5, 2, 2)
    try:
        text = "".join(patient.stream_completion("Hi").stream(pause=control).text_deltas())
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert text == "".join(words)
    assert threads_gone()


def test_read_by_two_threads_of_an_executor(server: ServerFactory, model: ModelFactory) -> None:
    """The same stream given to `map`: one thread reads it, the others are told so."""
    words = [f"{number} " for number in range(500)]
    stream = model(server(sse_response(b"".join(chat_chunks(*words))))).stream_completion("Hi")
    opened = stream.stream()
    together = threading.Barrier(4)

    def read(_: int) -> list[str]:
        together.wait(10)
        texts: list[str] = []
        while True:
            try:
                item = next(opened, None)
            except StreamMisuse:
                continue
            if item is None:
                return texts
            if isinstance(item, Text):
                texts.append(item.text)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(4)))
    assert sorted((text for texts in found for text in texts), key=int) == words
