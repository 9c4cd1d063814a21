"""Many streams at once: all complete, none mixed up, nothing left; one client for all of them."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig_sync import Agent, CancelToken, PauseControl, Text
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES
from tests.faults.stress.crowd import Crowd, answer_to
from tests.threads.scripts import run_script
from tests.threads.watching import threads_gone

STREAMS = 200
THREADS = 64


@pytest.fixture
def crowd(request: pytest.FixtureRequest) -> Iterator[Crowd]:
    """The server; a parameter says how many answers go on together."""
    with Crowd(getattr(request, "param", 1)) as one:
        yield one


@pytest.fixture
def client(crowd: Crowd) -> Iterator[Client]:
    """A client that tries once."""
    with Client(base_url=crowd.url, retries=NO_RETRIES) as one:
        yield one


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads that take turns a hundred times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("crowd", [STREAMS], indirect=True)
def test_200_streams_in_one_thread(crowd: Crowd, client: Client) -> None:
    """One thread holds them all, and reads an item of each in turn."""
    model = client.completion_model("m")
    prompts = [f"prompt {number}" for number in range(STREAMS)]
    streams = {prompt: model.stream_completion(prompt).stream() for prompt in prompts}
    texts = dict.fromkeys(prompts, "")
    waiting = dict(streams)
    while waiting:
        for prompt, stream in list(waiting.items()):
            item = next(stream, None)
            if item is None:
                del waiting[prompt]
            elif isinstance(item, Text):
                texts[prompt] += item.text
    assert texts == {prompt: answer_to(prompt) for prompt in prompts}
    assert crowd.most == STREAMS
    assert threads_gone()
    client.close()
    assert crowd.wait_closed()


@pytest.mark.parametrize("crowd", [STREAMS], indirect=True)
@pytest.mark.parametrize("kind", ["model", "agent"])
def test_200_streams_in_200_threads(crowd: Crowd, client: Client, kind: str) -> None:
    """Each thread has one; they all wait for the server at the same time."""
    model = client.completion_model("m")
    agent, pause, cancel = Agent(model), PauseControl(), CancelToken()

    def ask(number: int) -> str:
        prompt = f"prompt {number}"
        if kind == "agent":
            stream = agent.stream_prompt(prompt, pause=pause, cancel=cancel)
            return "".join(stream.text_deltas())
        request = model.stream_completion(prompt)
        return "".join(request.stream(pause=pause, cancel=cancel).text_deltas())

    with ThreadPoolExecutor(STREAMS) as pool:
        texts = list(pool.map(ask, range(STREAMS)))
    assert texts == [answer_to(f"prompt {number}") for number in range(STREAMS)]
    assert crowd.most == STREAMS
    assert threads_gone()
    client.close()
    assert crowd.wait_closed()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("crowd", [THREADS], indirect=True)
def test_a_client_for_64_threads(crowd: Crowd, client: Client) -> None:
    """Its first use is in all of them at once; each gets its own words; connections are kept."""
    agent = client.agent("m").build()
    together = threading.Barrier(THREADS)

    def ask(number: int) -> list[str]:
        together.wait(20)
        texts = []
        for turn in range(5):
            with agent.stream_prompt(f"thread {number}, {turn}") as stream:
                texts.append("".join(stream.text_deltas()))
        return texts

    with ThreadPoolExecutor(THREADS) as pool:
        texts = list(pool.map(ask, range(THREADS)))
    assert texts == [
        [answer_to(f"thread {number}, {turn}") for turn in range(5)] for number in range(THREADS)
    ]
    assert set(crowd.prompts.values()) == {1}
    assert crowd.connections <= 2 * THREADS  # of 320: a busy machine gives some back late


@pytest.mark.usefixtures("hurried")
def test_a_client_closed_under_way(crowd: Crowd, client: Client) -> None:
    """`close` lets waiting connections go; no request of another thread fails of it."""
    model = client.completion_model("m")
    stop = threading.Event()
    came: Counter[str] = Counter()

    def ask(number: int) -> None:
        for turn in range(40):
            prompt = f"{number}, {turn}"
            text = "".join(model.stream_completion(prompt).stream().text_deltas())
            came["right" if text == answer_to(prompt) else text] += 1

    def close() -> None:
        while not stop.wait(0.001):
            client.close()

    with ThreadPoolExecutor(5) as pool:
        closing = pool.submit(close)
        asking = [pool.submit(ask, number) for number in range(4)]
        try:
            for one in asking:
                one.result(30)
        finally:
            stop.set()
        closing.result(5)
    assert came == {"right": 160}


NAMES = """
import sys, threading
import rig_sync

sys.setswitchinterval(1e-6)
names = rig_sync.__all__
together = threading.Barrier(len(names) + 1)
failed = []

def load(name):
    together.wait()
    try:
        if name is None:
            from rig_sync.providers import openai_compatible
            openai_compatible.Client(base_url="http://127.0.0.1:1").agent("m").build()
        else:
            assert getattr(rig_sync, name) is not None
    except BaseException as error:
        failed.append((name, repr(error)))

threads = [threading.Thread(target=load, args=(name,)) for name in (None, *names)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(failed)
"""


def test_names_loaded_by_many_threads() -> None:
    """`rig_sync`'s names are loaded when first asked for, also when all are at the same moment."""
    for _ in range(3):
        assert run_script(NAMES).check() == "[]\n"
