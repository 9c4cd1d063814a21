"""Deadlines count content, on every way to a provider, and while a connection is being made.

How exact they are is measured by `python -m tests.faults.deadlines`. Here the lower bounds are
exact, and the upper ones tell a deadline from a hang.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rig_sync import PauseControl, Timeouts
from rig_sync.agent.agent import Agent
from rig_sync.errors import (
    FirstEventTimeout,
    IdleTimeout,
    StreamTimeout,
    TotalTimeout,
)
from rig_sync.providers import client_class
from rig_sync.streaming.items import Text
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.faults.silences import (
    ENDLESS,
    ONE,
    ROUTES,
    SILENCES,
    UNANSWERED,
    Route,
    Stage,
    restored,
)
from tests.server import (
    Drip,
    Request,
    Script,
    Send,
    Stall,
    call_chunks,
    error_response,
    spawn,
    sse,
    sse_response,
)
from tests.threads.watching import threads_gone

pytestmark = pytest.mark.filterwarnings("ignore::rig_sync.InsecureUrlWarning")

LATE = 5.0  # seconds; some ms on a quiet machine
LONG = 30.0
NO_SECRETS = ("a/password", "a%2Fpassword", KEY)


@pytest.fixture
def env(certificate: tuple[str, str]) -> Iterator[MutableMapping[str, str]]:
    """The environment, as it was before once the test is over; few certificates are trusted."""
    with restored(os.environ):
        os.environ["REQUESTS_CA_BUNDLE"] = certificate[0]
        yield os.environ


@contextlib.contextmanager
def fires(kind: type[StreamTimeout], after: float) -> Iterator[pytest.ExceptionInfo[StreamTimeout]]:
    """That deadline passes inside, after so many seconds."""
    began = time.monotonic()
    with pytest.raises(StreamTimeout) as caught:
        yield caught
    took = time.monotonic() - began
    assert type(caught.value) is kind, caught.value
    assert after <= took < after + LATE


# what counts ---------------------------------------------------------------------------------


@contextlib.contextmanager
def stage(
    route: Route, answers: dict[str, Script], folder: Path, env: MutableMapping[str, str]
) -> Iterator[Stage]:
    try:
        one = Stage(route, answers, folder, env)
    except LookupError as error:
        pytest.skip(str(error))
    with one:
        yield one


BEFORE = [
    (Timeouts(first_event=0.3), FirstEventTimeout),
    (Timeouts(total=0.3), TotalTimeout),
    (Timeouts(first_event=0.3, idle=0.01), FirstEventTimeout),
]


@pytest.mark.parametrize(("timeouts", "kind"), BEFORE, ids=["first_event", "total", "not idle"])
@pytest.mark.parametrize("route", ROUTES)
def test_before_the_first_content(
    route: Route,
    timeouts: Timeouts,
    kind: type[StreamTimeout],
    tmp_path: Path,
    env: MutableMapping[str, str],
) -> None:
    """Headers, comments, pings, empty deltas, usage and bare bytes are no content."""
    with stage(route, UNANSWERED, tmp_path, env) as one:
        model = one.model(timeouts)

        def ask(prompt: str) -> None:
            with fires(kind, 0.3):
                list(model.stream_completion(prompt).stream())

        with ThreadPoolExecutor(len(UNANSWERED)) as pool:
            list(pool.map(ask, UNANSWERED))
        with fires(kind, 0.3):
            model.completion("a header, byte by byte").send()
        assert one.server.disconnected.wait(LATE)
        assert threads_gone()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", [IdleTimeout, TotalTimeout])
def test_after_content(
    route: Route, kind: type[StreamTimeout], tmp_path: Path, env: MutableMapping[str, str]
) -> None:
    """Between two pieces likewise; what had come stays."""
    timeouts = Timeouts(idle=0.3) if kind is IdleTimeout else Timeouts(total=2.0)
    answers = {name: silence(ONE) for name, silence in SILENCES.items()}
    with stage(route, answers, tmp_path, env) as one:
        model = one.model(timeouts)

        def ask(prompt: str) -> None:
            with model.stream_completion(prompt).stream() as stream:
                assert next(stream) == Text("one ")
                with pytest.raises(kind) as caught:
                    list(stream)
                assert caught.value.partial is not None
                assert caught.value.partial.text == stream.message.text == "one "

        with ThreadPoolExecutor(len(answers)) as pool:
            list(pool.map(ask, answers))


@pytest.mark.parametrize("route", ROUTES)
def test_total_while_words_come(
    route: Route, tmp_path: Path, env: MutableMapping[str, str]
) -> None:
    """An answer without end has no more time than any other."""
    with stage(route, {"endless": ENDLESS}, tmp_path, env) as one, fires(TotalTimeout, 0.3):
        list(one.model(Timeouts(total=0.3, idle=5)).stream_completion("endless").stream())


LINE = b'{"message": {"role": "assistant", "content": ""}, "done": false}\n'
NDJSON = {"Content-Type": "application/x-ndjson"}
OPENED: dict[str, Any] = {
    "type": "message_start",
    "message": {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m"},
}
ALIVE: list[tuple[str, list[bytes], bytes, dict[str, str]]] = [
    ("anthropic", [sse(OPENED)], sse({"type": "ping"}), {}),
    ("openai", [], sse({"type": "keepalive", "sequence_number": 1}), {}),
    ("openai", [], sse({"type": "response.in_progress", "response": {"id": "r"}}), {}),
    ("gemini", [], sse({"candidates": [{"content": {"role": "model", "parts": []}}]}), {}),
    ("gemini", [], sse({"usageMetadata": {"promptTokenCount": 1}}), {}),
    ("cohere", [], sse({"type": "message-start", "id": "m"}), {}),
    ("ollama", [], LINE, NDJSON),
]


@pytest.mark.parametrize(
    ("provider", "first", "sign", "headers"),
    ALIVE,
    ids=[f"{row[0]}-{n}" for n, row in enumerate(ALIVE)],
)
def test_signs_of_life(
    server: ServerFactory, provider: str, first: list[bytes], sign: bytes, headers: dict[str, str]
) -> None:
    """What a provider sends to keep the connection open keeps nothing else."""
    served = server(sse_response(*first, Drip(sign, 0.01), headers=headers))
    short = Timeouts(first_event=0.3)
    with (
        client_class(provider)(
            KEY, base_url=served.url, timeouts=short, retries=NO_RETRIES
        ) as client,
        fires(FirstEventTimeout, 0.3),
    ):
        list(client.completion_model("m").stream_completion("Hi").stream())


def test_a_whole_answer_that_trickles(server: ServerFactory, model: ModelFactory) -> None:
    """`first_event` is the wait for all of a one-shot answer: its bytes are no content."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"
    served = server([Send(head + b'{"choices": ['), Drip(b" ", 0.01)])
    with fires(FirstEventTimeout, 0.3):
        model(served, timeouts=Timeouts(first_event=0.3, idle=0.01)).completion("Hi").send()


# several requests that are one thing ---------------------------------------------------------


def test_total_over_turns(server: ServerFactory, model: ModelFactory) -> None:
    """The turns of a run share `total`; its last model call is given what is left."""
    turns = [sse_response(*call_chunks(("go", {}))), *[sse_response(*ONE, Stall())] * 2]

    def go() -> str:
        """Go."""
        threading.Event().wait(0.2)
        return "gone"

    short = model(server(*turns), timeouts=Timeouts(total=0.4))
    for stream in (True, False):
        with fires(TotalTimeout, 0.4):
            if stream:
                list(Agent(short, tools=[go]).stream_prompt("Hi"))
            else:
                Agent(short, tools=[go]).prompt("Hi", stream=True)
        short = model(server(*turns), timeouts=Timeouts(total=0.4))


def test_total_over_batches(server: ServerFactory) -> None:
    """So do the requests for embeddings of many texts, and the pages of a list of models."""
    vectors = {"embeddings": {"float": [[1.0]] * 96}, "id": "e"}
    served = server(error_response(200, vectors), [Stall()])
    short = Timeouts(total=1.0)
    client = client_class("cohere")(KEY, base_url=served.url, timeouts=short)
    with client, fires(TotalTimeout, 1.0):
        client.embedding_model("m").embed_texts(["a"] * 97)
    assert len(served.requests) == 2
    page = {"models": [{"name": "models/a"}], "nextPageToken": "more"}

    def slowly(request: Request) -> Script:
        threading.Event().wait(0.1)
        return error_response(200, {**page, "nextPageToken": str(time.monotonic())})

    pages = server(slowly)
    client = client_class("gemini")(KEY, base_url=pages.url, timeouts=short)
    with client, fires(TotalTimeout, 1.0):
        client.list_models()
    assert len(pages.requests) > 1


def test_the_time_of_retries_is_total_too(server: ServerFactory, model: ModelFactory) -> None:
    """`total` ends the wait to try again; what was tried is on the error."""
    served = server(error_response(503, headers={"Retry-After": "20"}))
    timeouts = Timeouts(total=1.5, first_event=1.0)
    with fires(TotalTimeout, 1.5) as caught:
        list(
            model(served, retries=RetryPolicy(), timeouts=timeouts).stream_completion("Hi").stream()
        )
    assert [tried.status for tried in caught.value.attempts] == [503]
    assert caught.value.attempts[0].waited == 20


# while paused --------------------------------------------------------------------------------

PAUSED: dict[str, tuple[Timeouts, Script, type[StreamTimeout]]] = {
    "first_event": (Timeouts(first_event=1.2), [Stall()], FirstEventTimeout),
    "idle": (Timeouts(idle=1.2), sse_response(*ONE, Stall()), IdleTimeout),
    "total": (Timeouts(total=1.2), sse_response(*ONE, Stall()), TotalTimeout),
}


@pytest.mark.parametrize("name", PAUSED)
@pytest.mark.parametrize("agent", [False, True], ids=["model", "agent"])
def test_pausing(server: ServerFactory, model: ModelFactory, name: str, agent: bool) -> None:
    """A pause longer than every deadline passes; afterwards what was left of it is left."""
    timeouts, script, kind = PAUSED[name]
    short = model(server(script), timeouts=timeouts)
    pause = PauseControl()
    stream: Iterator[Any]
    if agent:
        stream = Agent(short).stream_prompt("Hi", pause=pause)
    else:
        stream = short.stream_completion("Hi").stream(pause=pause)
    paused = [0.0, 0.0]

    def hold() -> None:
        threading.Event().wait(0.3)
        paused[0] = time.monotonic()
        pause.pause()
        threading.Event().wait(1.5)
        paused[1] = time.monotonic()
        pause.resume()

    holder = spawn(hold)
    began = time.monotonic()
    with pytest.raises(StreamTimeout) as caught:
        list(stream)
    ended = time.monotonic()
    holder.join()
    assert type(caught.value) is kind
    assert ended > paused[1]
    waited = ended - began - (paused[1] - paused[0])
    assert 1.2 - 0.05 <= waited < 1.2 + LATE
