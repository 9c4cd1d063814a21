"""Ctrl-C, signals and the interpreter's end: the connection goes at once, and nobody complains.

Each script runs in a process of its own, with warnings as errors; whatever is written to stderr is
a failure.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.conftest import ServerFactory
from tests.server import (
    Close,
    Drip,
    Flood,
    Script,
    ScriptedServer,
    Stall,
    call_chunks,
    chat_chunks,
    error_response,
    sse_response,
)
from tests.threads.scripts import run_script
from tests.threads.watching import settled

Process = subprocess.Popen[str]

ONE = chat_chunks("one ", finish=None, done=False)
GONE = 2.0  # seconds; some 10 ms on a quiet machine
PROMPT = 5.0  # seconds for the interpreter to end; it takes some 0.1

SILENT = sse_response(*ONE, Stall())
FLOOD = sse_response(*ONE, Flood(b"".join(ONE * 100)))
CALL = sse_response(*call_chunks(("hang", {})))
BUSY = [*error_response(503, headers={"Retry-After": "30"}), Close()]

SETUP = """
import os, signal, sys, threading, time
from rig_sync.agent.agent import Agent
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.pause import PauseControl

model = Client(base_url=sys.argv[1]).completion_model("m")
pause = PauseControl()

def hang() -> str:
    "Hang."
    print("hanging", flush=True)
    threading.Event().wait(30)
    return "done"

agent = Agent(model, tools=[hang])
"""

STREAMS: dict[str, tuple[str, Script]] = {
    "in silence": ("model.stream_completion('Hi').stream(pause=pause)", SILENT),
    "before the headers": ("model.stream_completion('Hi').stream()", [Stall()]),
    "among comments": (
        "model.stream_completion('Hi').stream()",
        sse_response(*ONE, Drip(b": hi\n\n", 0.005)),
    ),
    "before another try": ("model.stream_completion('Hi').stream()", BUSY),
    "an agent": ("agent.stream_prompt('Hi')", SILENT),
}

READ = """
print("ready", flush=True)
try:
    for _ in stream:
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.readline()
"""


def _interrupt(scripted: ScriptedServer) -> Callable[[Process], None]:
    """Ctrl-C once the script blocks; then the connection has to go while the script lives on."""

    def meanwhile(process: Process) -> None:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        settled(lambda: len(scripted.requests), to=1)
        settled(lambda: len(scripted.requests), quiet=0.1)  # it has come to block by then
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < GONE
        settled(lambda: scripted.open_connections, to=0)
        assert time.monotonic() - began < GONE
        assert len(scripted.requests) == 1

    return meanwhile


@pytest.mark.parametrize("where", STREAMS)
def test_ctrl_c(server: ServerFactory, where: str) -> None:
    """`KeyboardInterrupt` comes out of `next()`, and the connection is gone, though it is held."""
    make, script = STREAMS[where]
    scripted = server(script)
    source = SETUP + f"stream = {make}\n" + READ
    run_script(source, scripted.url + "/v1", meanwhile=_interrupt(scripted)).check()


def test_ctrl_c_while_paused(server: ServerFactory) -> None:
    """The same for a stream that stands still."""
    scripted = server(SILENT)
    source = SETUP + "stream = model.stream_completion('Hi').stream(pause=pause)\n"
    source += "next(stream)\npause.pause()\n" + READ
    run_script(source, scripted.url + "/v1", meanwhile=_interrupt(scripted)).check()


@pytest.mark.parametrize("concurrency", [1, 2])
def test_ctrl_c_in_a_tool(server: ServerFactory, concurrency: int) -> None:
    """A tool in the caller's thread is interrupted, one on a worker is left behind."""
    scripted = server(CALL)
    source = SETUP + f"stream = agent.stream_prompt('Hi', tool_concurrency={concurrency})\n"
    source += READ + "print(stream.messages[-1].content[0].text, flush=True)\n"

    def meanwhile(process: Process) -> None:
        assert process.stdout is not None
        for line in ("ready", "hanging"):
            assert process.stdout.readline() == line + "\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"

    assert "may have run" in run_script(source, scripted.url + "/v1", meanwhile=meanwhile).check()


def test_ctrl_c_unhandled(server: ServerFactory) -> None:
    """Nobody catches it: Python's own report is all there is to read."""
    scripted = server(SILENT)
    source = SETUP + "print('ready', flush=True)\nfor _ in agent.stream_prompt('Hi'):\n    pass\n"

    def meanwhile(process: Process) -> None:
        settled(lambda: len(scripted.requests), to=1)
        settled(lambda: scripted.bytes_written)
        process.send_signal(signal.SIGINT)

    ran = run_script(source, scripted.url + "/v1", meanwhile=meanwhile)
    assert ran.code == -signal.SIGINT
    assert ran.err.startswith("Traceback")
    assert ran.err.endswith("\nKeyboardInterrupt\n")
    assert ran.err.count("Traceback") == 1
    assert ran.seconds < PROMPT
    assert scripted.disconnected.wait(GONE)


def test_cancel_by_a_signal_handler(server: ServerFactory) -> None:
    """A handler that cancels ends the loop; it may strike in the middle of anything."""
    scripted = server(sse_response(*ONE, Drip(b"".join(ONE * 2), 0.0005)))
    source = (
        SETUP
        + """
import random
chance = random.Random(7)
for number in range(150):
    stream = model.stream_completion("Hi").stream(pause=pause)
    signal.signal(signal.SIGALRM, lambda *_: stream.cancel())
    next(stream)
    if number % 3 == 0:
        pause.pause()
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.003))
    for _ in stream:
        pass
    pause.resume()
"""
    )
    ran = run_script(source, scripted.url + "/v1")
    ran.check()
    assert len(scripted.requests) == 150


ENDS: dict[str, tuple[str, Script, str]] = {
    "in silence": ("model.stream_completion('Hi').stream()", SILENT, "next(stream)"),
    "in a flood": ("model.stream_completion('Hi').stream()", FLOOD, "next(stream)"),
    "with a full pipe": (
        "model.stream_completion('Hi').stream()",
        FLOOD,
        "next(stream); time.sleep(0.2)",
    ),
    "paused": (
        "model.stream_completion('Hi').stream(pause=pause)",
        SILENT,
        "next(stream); pause.pause()",
    ),
    "paused in a flood": (
        "model.stream_completion('Hi').stream(pause=pause)",
        FLOOD,
        "next(stream); pause.pause()",
    ),
    "an agent": ("agent.stream_prompt('Hi')", SILENT, "next(stream)"),
    "read by another thread": (
        "model.stream_completion('Hi').stream()",
        SILENT,
        "threading.Thread(target=list, args=(stream,), daemon=True).start(); time.sleep(0.2)",
    ),
    "before the headers": (
        "model.stream_completion('Hi').stream()",
        [Stall()],
        "threading.Thread(target=list, args=(stream,), daemon=True).start(); time.sleep(0.2)",
    ),
}


@pytest.mark.parametrize(
    ("where", "end"),
    [
        *((where, "") for where in ENDS),
        ("in silence", "sys.exit(0)"),
        ("in a flood", "sys.exit(0)"),
    ],
)
def test_exit_with_an_open_stream(server: ServerFactory, where: str, end: str) -> None:
    """The interpreter ends at once and in silence, whatever the stream is doing."""
    make, script, act = ENDS[where]
    scripted = server(script)
    source = SETUP + f"stream = {make}\n{act}\nprint('ready', flush=True)\n{end}\n"

    def meanwhile(process: Process) -> None:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    ran = run_script(source, scripted.url + "/v1", meanwhile=meanwhile)
    ran.check()
    assert ran.seconds < PROMPT
    assert scripted.disconnected.wait(GONE)


def test_exit_with_an_abandoned_tool(server: ServerFactory) -> None:
    """A tool that hangs on a worker thread does not hold the interpreter."""
    answer = sse_response(*chat_chunks("Hello"))
    scripted = server(CALL, answer)
    source = SETUP + "from rig_sync.transport.timeouts import Timeouts\n"
    source += "print(agent.prompt('Hi', stream=True, timeouts=Timeouts(tool=0.1)).output)\n"
    ran = run_script(source, scripted.url + "/v1")
    assert ran.check() == "hanging\nHello\n"
    assert ran.seconds < PROMPT + 2  # from its start
    assert b"abandoned" in scripted.requests[1].body


def test_error_in_the_loop(server: ServerFactory) -> None:
    """An exception that nobody catches is reported alone."""
    scripted = server(SILENT)
    source = SETUP + "for _ in agent.stream_prompt('Hi'):\n    raise ZeroDivisionError\n"
    ran = run_script(source, scripted.url + "/v1")
    assert ran.code == 1
    assert ran.err.count("Traceback") == 1
    assert ran.err.endswith("ZeroDivisionError\n")
    assert scripted.disconnected.wait(GONE)
