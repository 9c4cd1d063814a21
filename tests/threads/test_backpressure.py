"""A consumer that is slow, or stops, holds the provider back; memory stays where it is."""

from __future__ import annotations

import threading

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.streaming.pipe import MAX_BYTES
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Flood, Tell, chat_chunks, sse_response
from tests.threads.scripts import run_script
from tests.threads.watching import settled

ONE = chat_chunks("one ", finish=None, done=False)
FLOOD = sse_response(*ONE, Flood(b"".join(ONE * 100)))
KERNEL = 16 << 20  # what loopback's buffers may hold, at the most generous


@pytest.mark.parametrize("kind", ["model", "agent"])
def test_the_server_stalls(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """When nobody reads, the server can write no more; when somebody does, it goes on."""
    scripted = server(FLOOD, sndbuf=32768)
    patient = model(scripted)
    stream = (
        Agent(patient).stream_prompt("Hi")
        if kind == "agent"
        else patient.stream_completion("Hi").stream()
    )
    next(stream)
    stalled = settled(lambda: scripted.bytes_written, quiet=0.3)
    assert stalled < KERNEL
    for _ in range(stalled // len(ONE[0])):
        next(stream)
    settled(lambda: scripted.bytes_written > stalled, to=True)
    stream.cancel()


def test_what_is_held(server: ServerFactory, model: ModelFactory) -> None:
    """In the process it is what the pipe takes and one read, no more."""
    scripted = server(FLOOD)
    stream = model(scripted).stream_completion("Hi").stream()
    next(stream)
    settled(lambda: scripted.bytes_written, quiet=0.3)
    reader = stream._core._reader
    assert reader is not None
    assert reader.flow.bytes_read <= MAX_BYTES + 2 * 65536
    assert len(stream._core._pipe._items) <= 1024 + 65536 // len(ONE[0]) + 1
    stream.close()


MEMORY = """
import sys
sys.path.insert(0, "")
from rig_sync.providers.openai_compatible import Client
from tests.threads.watching import rss_kib

model = Client(base_url=sys.argv[1]).completion_model("m")
stream = model.stream_completion("Hi").stream()
for _ in range(2000):
    next(stream)
before = rss_kib()
print("stopped", flush=True)
sys.stdin.readline()
print(rss_kib() - before)
stream.close()
"""


def test_memory_of_a_stopped_consumer(server: ServerFactory) -> None:
    """While the consumer holds an item and the server pushes, under 2 MiB are added."""
    scripted = server(FLOOD, sndbuf=32768)

    def wait_for_stall(process: object) -> None:
        assert process.stdout.readline() == "stopped\n"  # type: ignore[attr-defined]
        settled(lambda: scripted.bytes_written, quiet=0.3)

    grown = int(run_script(MEMORY, scripted.url + "/v1", meanwhile=wait_for_stall).check())
    assert grown < 2048


def test_a_slow_consumer_loses_nothing(server: ServerFactory, model: ModelFactory) -> None:
    """With a full pipe all the way, every item comes, in order, and the end too."""
    words = [f"{number} " for number in range(20_000)]
    said = threading.Event()
    events = chat_chunks(*words)
    body = [b"".join(events[at : at + 200]) for at in range(0, len(events), 200)]
    scripted = server([*sse_response(*body), Tell(said)], sndbuf=32768)
    stream = model(scripted).stream_completion("Hi").stream()
    got = []
    for number, text in enumerate(stream.text_deltas()):
        got.append(text)
        if number % 4000 == 0:
            threading.Event().wait(0.05)
    assert got == words
    assert said.wait(1)
