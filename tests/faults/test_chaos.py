"""Random faults: every stream ends as documented, and the judge who says so can be trusted."""

from __future__ import annotations

import contextlib
import gc
import random
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig_sync.completion import CompletionResponse
from rig_sync.errors import (
    ConfigError,
    IdleTimeout,
    PauseTimeout,
    ProviderError,
    ReadFailed,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import AssistantMessage, Text, ToolCall
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import StreamedAssistantContent, StreamFinal
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.raw import Failed
from rig_sync.streaming.reader import Stopped
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http
from rig_sync.transport.line import Line, LineCut
from rig_sync.transport.retry import RetryPolicy, retry
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from tests.conftest import ModelFactory, ServerFactory
from tests.faults.chaos.answering import Rest, Served, Stop, served
from tests.faults.chaos.bodies import own_bodies, recorded_bodies, wires_by_name
from tests.faults.chaos.consuming import Outcome
from tests.faults.chaos.judging import complaints, reading
from tests.faults.chaos.plans import Act, Framing, Plan, Shelf, plan_of
from tests.faults.chaos.spoiling import SPOILS, frames_of, spoiled
from tests.faults.vitals import leftovers
from tests.server import Stall, Step, chat_chunks, response, spawn, sse_response
from tests.threads.watching import settled

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "wire"
COUNT = 500
GRACE = 20.0  # seconds: what tells a hang from a slow machine
OWN = own_bodies()
SHELF = Shelf(OWN)


def chaos(*arguments: str) -> str:
    """What the command prints; it has to find nothing."""
    command = [sys.executable, "-W", "error", "-m", "tests.faults.chaos", *arguments]
    command += ["--grace", f"{GRACE}"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    assert not ran.stderr
    return ran.stdout


@pytest.mark.parametrize("seed", range(4))
def test_recorded_bodies(seed: int) -> None:
    """Over recorded answers of every wire: documented ends, in time, and nothing left."""
    if not RECORDINGS.is_dir():
        pytest.skip("there are no recordings on this machine")
    told = chaos("--count", f"{COUNT}", "--seed", f"{seed}", "--folder", f"{RECORDINGS}")
    assert f"seed {seed}\n" in told
    assert told.endswith(f"\n{COUNT} streams, 0 undocumented, 0 hangs, 0 leaks\n")


def test_own_bodies(tmp_path: Path) -> None:
    """The same over the bodies of our own scenes, where there are no recordings."""
    told = chaos("--count", "300", "--folder", f"{tmp_path}")
    assert "bodies of our own scenes" in told
    assert told.endswith("\n300 streams, 0 undocumented, 0 hangs, 0 leaks\n")


def test_a_single_stream(tmp_path: Path) -> None:
    """`--only` tells what happened to that stream alone, and the same each time."""
    arguments = ("--seed", "5", "--only", "77", "--folder", f"{tmp_path}")
    first, again = chaos(*arguments), chaos(*arguments)
    assert "\nPlan(number=77" in first
    drawn = ("seed", "Plan(", "body: ")
    assert [line for line in first.splitlines() if line.startswith(drawn)] == [
        line for line in again.splitlines() if line.startswith(drawn)
    ]
    assert first.endswith("\n1 streams, 0 undocumented, 0 hangs, 0 leaks\n")


# plans ---------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from((0.0, 0.1)))
def test_plans(seed: int, number: int, pace: float) -> None:
    """A seed and a number say all: the same plan and bytes each time, whatever was drawn before."""
    plan = plan_of(seed, number, SHELF, pace)
    assert plan == plan_of(seed, number, SHELF, pace)
    what = served(plan, seed, OWN)
    assert what == served(plan, seed, OWN)
    if what.payload is not None and what.unspoiled:
        assert OWN[plan.body].content.startswith(what.payload)
    sent = b"".join(step for step in what.steps if isinstance(step, bytes))
    if plan.breaks == "none" and not plan.garbled:
        assert sent.startswith(b"HTTP/1.1 ")
    kinds = [type(step) for step in what.steps]
    assert kinds.count(Stop) <= 1
    assert (Rest in kinds) <= bool(pace or plan.breaks == "trickle")


def test_plans_are_of_every_kind() -> None:
    """Among two thousand every fault, framing and act is there, and some have none."""
    plans = [plan_of(1, number, SHELF) for number in range(2000)]
    assert {plan.breaks for plan in plans} == {"none", "fin", "rst", "stall", "trickle"}
    assert {what for plan in plans for what in plan.spoils} == set(SPOILS)
    assert {plan.framing for plan in plans} == set(get_args(Framing))
    assert {OWN[plan.body].wire for plan in plans} == set(wires_by_name())
    acts = {"none", "cancel", "close", "drop", "pause", "pause, cancel", "pause too long"}
    assert {plan.act.kind for plan in plans} == acts
    assert any(served(plan, 1, OWN).whole and plan.act == Act() for plan in plans)


@pytest.mark.parametrize("what", SPOILS)
@given(st.binary(max_size=60), st.sampled_from(("sse", "ndjson", "aws")), st.integers(0, 99))
def test_spoils(what: str, content: bytes, framing: str, seed: int) -> None:
    """Any bytes can be spoiled, and the same seed does it in the same way."""
    assert b"".join(frames_of(content, framing)) == content
    done = [spoiled(content, framing, what, random.Random(seed)) for _ in range(2)]
    assert done[0] == done[1]


def test_recorded_bodies_are_of_every_wire() -> None:
    """The recordings have streams of all wires."""
    if not RECORDINGS.is_dir():
        pytest.skip("there are no recordings on this machine")
    streams = [body for body in recorded_bodies(RECORDINGS) if body.streamed]
    assert {body.wire for body in streams} == set(wires_by_name())


# the judge -----------------------------------------------------------------------------------

BODY = b"".join(chat_chunks("one ", "two"))
CUT = BODY[: BODY.index(b"two") + 20]
WHOLE, PART = reading(OpenAIChat(), BODY), reading(OpenAIChat(), CUT)
ONE, TWO, FINAL = Text("one "), Text("two"), WHOLE.items[-1]


def answer(text: str) -> CompletionResponse:
    return CompletionResponse(AssistantMessage((Text(text),)))


def failed(error: Exception, *items: StreamedAssistantContent, partial: str | None) -> Outcome:
    """An outcome that was raised."""
    if partial is not None:
        error.partial = answer(partial)  # type: ignore[attr-defined]  # of those that have it
    return Outcome("raised", list(items), error)


def ended(*items: StreamedAssistantContent, cancelled: bool = False) -> Outcome:
    """An outcome that ended by itself."""
    text = "".join(item.text for item in items if isinstance(item, Text))
    return Outcome("end", list(items), None, answer(text), cancelled)


def judged(outcome: Outcome, *, cut: bool, act: Act = Act(), sure: bool = True) -> list[str]:  # noqa: B008
    """What is wrong with that outcome of the whole body, or of one that breaks off."""
    is_served = Served((), CUT if cut else BODY, sure, True)
    readings = [PART, WHOLE] if cut else [WHOLE]
    return complaints(Plan(1, 0, act=act), is_served, readings, outcome)


CANCEL = Act("cancel", 1)

GOOD = {
    "whole": judged(ended(ONE, TWO, FINAL), cut=False),
    "truncated": judged(failed(StreamTruncated("cut"), ONE, partial="one "), cut=True),
    "late": judged(failed(IdleTimeout("late"), ONE, partial="one "), cut=False),
    "reset": judged(failed(ReadFailed("reset"), partial=""), cut=True, sure=False),
    "cancelled": judged(ended(ONE, cancelled=True), cut=False, act=CANCEL),
    "left": judged(Outcome("left", [ONE]), cut=False, act=Act("drop", 1)),
}

BAD = {
    "no terminal record": judged(ended(ONE, TWO), cut=True),
    "a terminal record of a cut body": judged(ended(ONE, FINAL), cut=True),
    "cancelled by nobody": judged(ended(ONE, cancelled=True), cut=False),
    "an item is missing": judged(ended(ONE, FINAL), cut=False),
    "an item is made up": judged(ended(ONE, Text("three"), FINAL), cut=False),
    "an item twice": judged(ended(ONE, ONE, TWO, FINAL), cut=False),
    "a call is made up": judged(ended(ONE, TWO, ToolCall("a", "b", {}), FINAL), cut=False),
    "a foreign exception": judged(failed(ValueError("?"), ONE, partial=None), cut=True),
    "a mistake of the caller's": judged(failed(ConfigError("?"), ONE, partial="one "), cut=True),
    "no partial": judged(failed(StreamTruncated("cut"), ONE, partial=None), cut=True),
    "another partial": judged(failed(StreamTruncated("cut"), ONE, partial="two"), cut=True),
    "an error of a whole body": judged(failed(ReadFailed("?"), ONE, partial="one "), cut=False),
    "an error after the end": judged(
        failed(ReadFailed("?"), ONE, TWO, FINAL, partial="one two"), cut=False
    ),
    "something after the end": judged(ended(ONE, FINAL, TWO), cut=False),
    "lost in the response": judged(
        Outcome("end", [ONE, TWO, FINAL], None, answer("one ")), cut=False
    ),
}


def test_the_judge_reads() -> None:
    """The reading of a body is its items, and whether it was whole."""
    assert WHOLE.items[:2] == [ONE, TWO]
    assert isinstance(FINAL, StreamFinal)
    assert (WHOLE.ended, PART.ended) == (True, False)
    assert PART.items == [ONE]
    assert msgspec.to_builtins(reading(OpenAIChat(), b"").items) == []


@pytest.mark.parametrize("name", GOOD)
def test_the_judge_is_content(name: str) -> None:
    """With every documented end."""
    assert GOOD[name] == []


@pytest.mark.parametrize("name", BAD)
def test_the_judge_complains(name: str) -> None:
    """Of everything that would be a lie, a loss or somebody else's exception."""
    assert BAD[name] != []


# what it found -------------------------------------------------------------------------------

STRANGE_ERRORS = (
    b'{"error": {"message": "scripted", "type": "server_error", "code": "boom"}}',
    b'{"error": "scripted"}',
    b'{"errors": ["scripted"]}',
    b'{"message": "scripted"}',
    b'{"detail": "scripted"}',
    b'{"code": 500, "message": "scripted"}',
)


@pytest.mark.parametrize("body", STRANGE_ERRORS)
@pytest.mark.parametrize("name", wires_by_name())
def test_an_error_that_is_not_the_wires_own(name: str, body: bytes) -> None:
    """A proxy's error in a body of status 200 is an error on every wire, and no empty answer."""
    wire = wires_by_name()[name]
    assert not reading(wire, body).ended
    with pytest.raises(ProviderError, match="scripted"):
        raise told_error(wire, body)


def told_error(wire: Wire, body: bytes) -> Exception:
    """The error in a whole body, which may be raised or told."""
    try:
        return next(e.error for e in wire.decode_body(body) if isinstance(e, Failed))
    except ProviderError as error:
        return error


@pytest.mark.parametrize("gone", ["before the headers", "in the body"])
def test_a_cancelled_stream_is_gone_without_the_collector(server: ServerFactory, gone: str) -> None:
    """Nothing of it stays behind in a circle, wherever the cancel met its reader."""
    silent: list[Step] = [Stall()] if gone == "before the headers" else sse_response(Stall())
    scripted = server(silent)
    gc.disable()
    try:
        with Client(base_url=scripted.url) as client:
            stream = client.completion_model("m").stream_completion("Hi").stream()
            timer = threading.Timer(0.05, stream.cancel)
            timer.start()
            assert list(stream) == []
            timer.join()
            del timer
            stream.close()
            del stream
        left = leftovers()
    finally:
        gc.enable()
    assert left == {}


PAUSES = Timeouts(max_pause=0.02)


@pytest.mark.parametrize("item", range(4))
def test_a_pause_too_long(model: ModelFactory, server: ServerFactory, item: int) -> None:
    """Its error comes once, with what came before it; after the last item there is none."""
    pause = PauseControl()
    texts = chat_chunks("one ", "two")
    stream = (
        model(server(sse_response(*texts)), timeouts=PAUSES)
        .stream_completion("Hi")
        .stream(pause=pause)
    )
    got = [next(stream) for _ in range(item)]
    pause.pause()
    if item == 3:
        assert isinstance(got[-1], StreamFinal)
        assert list(stream) == []
        return
    with pytest.raises(PauseTimeout) as caught:
        list(stream)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "".join(text.text for text in got if isinstance(text, Text))
    assert next(stream, None) is None


def test_a_failure_before_a_retry_is_forgotten() -> None:
    """A run that is stopped between two tries keeps no circle of the first one's failure."""
    failures: list[weakref.ref[ServerError]] = []

    def attempt() -> None:
        failure = ServerError("busy")
        failures.append(weakref.ref(failure))
        raise failure

    def stop(_: object) -> None:
        raise Stopped

    gc.disable()
    try:
        with contextlib.suppress(Stopped):
            retry(attempt, RetryPolicy(attempts=2), sleep=stop, before_sleep=stop)
        left = [failure() for failure in failures]
    finally:
        gc.enable()
    assert left == [None]


def test_an_answer_read_to_its_end_lets_the_next_one_be(server: ServerFactory) -> None:
    """Its connection may serve another request already when its reader looks for more."""
    body = b"".join(chat_chunks("Hi"))
    scripted = server(response(body=body), [Stall()])
    http, request = Http(), HttpRequest(scripted.url, {}, b"{}")
    reply = http.send(request, connect=5.0, line=Line())
    pieces, came = reply.chunks(), b""
    while len(came) < len(body):
        came += next(pieces)
    taken = Line()

    def ask() -> None:
        with contextlib.suppress(LineCut):
            http.send(request, connect=5.0, line=taken)

    other = spawn(ask)
    settled(lambda: len(scripted.requests), to=2)
    reply.finish()
    assert taken._socket is not None
    patience = taken._socket.gettimeout()
    taken.cut()
    other.join()
    http.close()
    assert scripted.connections == 1
    assert patience is None
