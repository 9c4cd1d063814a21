"""A process that gevent has patched: reader threads are greenlets, and nothing blocks the others.

Each script runs in a process of its own. `monkey.patch_all()` comes first, as gevent asks for, and
once after our modules were imported, as gunicorn does with `--preload`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.conftest import ServerFactory
from tests.faults.stress.crowd import Crowd
from tests.server import (
    Drip,
    Flood,
    Stall,
    call_chunks,
    chat_chunk,
    chat_chunks,
    sse_response,
)
from tests.threads.scripts import run_script

pytestmark = pytest.mark.skipif(find_spec("gevent") is None, reason="there is no gevent")

FIRST = "from gevent import monkey\nmonkey.patch_all()\n"
LATE = """
import warnings
import rig_sync.transport.http, rig_sync.transport.pools, rig_sync.streaming.response
from rig_sync.providers import openai_compatible
from gevent import monkey

warnings.simplefilter("ignore")  # it says that ssl was imported before
monkey.patch_all()
"""
SETUP = """
import sys, threading
import gevent
from gevent.event import Event
from rig_sync import Agent, FinalResponse, IdleTimeout, PauseControl, Text, Timeouts
from rig_sync.providers.openai_compatible import Client
from tests.faults.stress.crowd import answer_to

client = Client(base_url=sys.argv[1])
model = client.completion_model("m")
"""
PIECE = chat_chunk({"content": "one "})


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """A server whose answers go on once fifty of them have begun."""
    with Crowd(together=50) as one:
        yield one


@pytest.mark.parametrize("patch", [FIRST, LATE], ids=["patched first", "patched late"])
def test_fifty_greenlets(crowd: Crowd, patch: str) -> None:
    """All fifty answers are under way before any of them can end; none is mixed up."""
    script = (
        patch
        + SETUP
        + """
agent = Agent(model)

def ask(number):
    prompt = f"prompt {number}"
    if number % 2:
        return "".join(agent.stream_prompt(prompt).text_deltas()) == answer_to(prompt)
    return "".join(model.stream_completion(prompt).stream().text_deltas()) == answer_to(prompt)

asked = [gevent.spawn(ask, number) for number in range(50)]
gevent.joinall(asked, timeout=15)
print(sum(bool(one.value) for one in asked))
"""
    )
    assert run_script(script, crowd.url).check() == "50\n"
    assert crowd.most == 50


def test_others_run_while_one_waits(server: ServerFactory) -> None:
    """A greenlet that waits for the provider lets another one set what the provider waits for."""
    scripted = server(sse_response(PIECE, Drip(b": hi\n\n", 0.005)))
    script = (
        FIRST
        + SETUP
        + """
order, stream = [], model.stream_completion("Hi").stream()

def read():
    for item in stream:
        order.append(item.text)
    order.append(("ended", stream.cancelled))

reading = gevent.spawn(read)
while not order:
    gevent.sleep(0.005)
for number in range(3):
    gevent.sleep(0)
    order.append(number)
stream.cancel()
reading.get(timeout=10)
print(order)
"""
    )
    ran = run_script(script, scripted.url)
    assert ran.check() == "['one ', 0, 1, 2, ('ended', True)]\n"


def test_pause_and_resume(server: ServerFactory) -> None:
    """While paused, the greenlet that reads waits, and goes on when another one resumes."""
    scripted = server(sse_response(PIECE, Drip(PIECE, 0.002)))
    script = (
        FIRST
        + SETUP
        + """
control, order = PauseControl(), []
stream = model.stream_completion("Hi").stream(pause=control)
next(stream)
control.pause()

def read():
    next(stream)
    order.append("read")

reading = gevent.spawn(read)
gevent.sleep(0.2)
order.append("resumed")
control.resume()
reading.get(timeout=10)
control.pause()
stream.cancel()
print(order, list(stream))
"""
    )
    assert run_script(script, scripted.url).check() == "['resumed', 'read'] []\n"


ENDS = {
    "break": "for _ in model.stream_completion('Hi').stream():\n    break",
    "close": "with model.stream_completion('Hi').stream() as stream:\n    next(stream)",
    "idle": """
try:
    list(model.stream_completion('Hi').stream(timeouts=Timeouts(idle=0.2)))
except IdleTimeout as error:
    assert error.partial.text == "one "
""",
    "gevent.Timeout": """
try:
    with gevent.Timeout(0.2):
        list(model.stream_completion('Hi').stream())
except gevent.Timeout:
    pass
""",
    "kill": """
reading = gevent.spawn(lambda: list(model.stream_completion('Hi').stream()))
gevent.sleep(0.2)
reading.kill(timeout=10)
""",
    "a real thread": """
stream = model.stream_completion('Hi').stream()
next(stream)
gevent.get_hub().threadpool.spawn(stream.cancel)
assert list(stream) == []
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_ends(server: ServerFactory, end: str) -> None:
    """However a stream ends, its connection goes while the process lives on."""
    scripted = server(sse_response(PIECE, Stall()))
    script = FIRST + SETUP + ENDS[end] + "\nprint('over', flush=True)\nsys.stdin.readline()\n"

    def meanwhile(process: object) -> None:
        assert scripted.disconnected.wait(15)

    assert run_script(script, scripted.url, meanwhile=meanwhile).check() == "over\n"


def test_tools_beside_each_other(server: ServerFactory) -> None:
    """Tools that wait for each other end, so they run at the same time."""
    calls = call_chunks(("get", {"n": 1}), ("get", {"n": 2}), ("get", {"n": 3}))
    scripted = server(sse_response(*calls), sse_response(*chat_chunks("Done.")))
    script = (
        FIRST
        + SETUP
        + """
here, all_here = [], Event()

def get(n: int) -> str:
    "Get something."
    here.append(n)
    if len(here) == 3:
        all_here.set()
    return "together" if all_here.wait(10) else "alone"

final = Agent(model, tools=[get]).prompt("Hi", tool_concurrency=3, stream=True)
print(final.output, [part.text for part in final.messages[2].content])
"""
    )
    ran = run_script(script, scripted.url)
    assert ran.check() == "Done. ['together', 'together', 'together']\n"


@pytest.mark.parametrize("what", ["silent", "flooding", "paused", "in a greenlet"])
def test_exit_with_an_open_stream(server: ServerFactory, what: str) -> None:
    """The interpreter ends at once, and the provider's connection with it."""
    rest = Flood(PIECE) if what == "flooding" else Stall()
    scripted = server(sse_response(PIECE, rest))
    script = FIRST + SETUP
    script += "control = PauseControl()\n"
    script += "stream = model.stream_completion('Hi').stream(pause=control)\nnext(stream)\n"
    if what == "paused":
        script += "control.pause()\n"
    if what == "in a greenlet":
        script += "reading = gevent.spawn(list, stream)\ngevent.sleep(0.1)\n"
    ran = run_script(script + "print('ready', flush=True)\n", scripted.url)
    assert ran.check() == "ready\n"
    assert scripted.disconnected.wait(5)
