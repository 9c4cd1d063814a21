"""What goes over the wire the second time, who hears of it, and who may end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rig_sync import (
    Attempt,
    CancelToken,
    FinalResponse,
    HookContext,
    PauseControl,
    PromptCancelled,
    Stop,
    Timeouts,
    ToolDefinition,
    assistant,
    user,
)
from rig_sync._json import JsonObject
from rig_sync.agent.agent import Agent
from rig_sync.agent.hooks import Hook, hook
from rig_sync.errors import (
    ConfigError,
    FirstEventTimeout,
    HookFailed,
    ProviderError,
)
from rig_sync.message import Image
from rig_sync.providers import client_class
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import RetryPolicy
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import (
    Close,
    Reset,
    Stall,
    chat_chunks,
    error_response,
    spawn,
    sse_response,
)
from tests.threads.watching import threads_gone

LATE = 5.0
QUICK = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
ANSWER = sse_response(*chat_chunks("Hello"))


# the request ---------------------------------------------------------------------------------


def test_byte_for_byte(server: ServerFactory) -> None:
    """Body and headers are the same in every try: floats, any script, images and all."""
    served = server(error_response(500), [Close()], sse_response(), [Reset()], ANSWER)
    patient = RetryPolicy(attempts=5, initial=0.001, maximum=0.002)
    image = Image(data="aGVsbG8=", media_type="image/png")
    question = user("Was \u00fcber \u65e5\u672c \U0001f600 \u2028?", image)
    with Client(KEY, base_url=served.url, retries=patient) as client:
        builder = client.completion_model("m").stream_completion(
            question, [user("a"), assistant("b")]
        )
        builder = (
            builder.temperature(0.1 + 0.2).seed(2**60).top_p(1e-7).stop_sequences("\n", "\x00")
        )
        parameters: JsonObject = {"type": "object", "properties": {"\u00e9": {"type": "number"}}}
        builder = builder.tools(ToolDefinition("go", "Geh \u2713", parameters))
        assert "".join(builder.stream().text_deltas()) == "Hello"
    assert len(served.requests) == 5
    assert len({request.body for request in served.requests}) == 1
    assert len({str(request.headers) for request in served.requests}) == 1
    assert b"0.30000000000000004" in served.requests[0].body


def test_keys_are_asked_for_anew(server: ServerFactory) -> None:
    """A function gives a fresh key for each try; nothing else of the request changes."""
    served = server(error_response(500), error_response(503), ANSWER)
    keys = iter(f"key-number-{number}" for number in range(9))
    with Client(lambda: next(keys), base_url=served.url, retries=QUICK) as client:
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
    given = [request.headers.pop("authorization") for request in served.requests]
    assert given == [f"Bearer key-number-{number}" for number in range(3)]
    assert len({str(request.headers) for request in served.requests}) == 1


class Once(Client):
    """A provider that wants a request to be made once."""

    idempotency_header = "Idempotency-Key"


def test_idempotency(server: ServerFactory) -> None:
    """One value for all tries of a call, another one for the next call."""
    served = server(error_response(500), [Close()], ANSWER, error_response(500), ANSWER)
    with Once(KEY, base_url=served.url, retries=QUICK) as client:
        model = client.completion_model("m")
        for _ in range(2):
            assert "".join(model.stream_completion("Hi").stream().text_deltas()) == "Hello"
    sent = [request.headers["idempotency-key"] for request in served.requests]
    assert sent[0] == sent[1] == sent[2] != sent[3] == sent[4]
    assert all(len(value) >= 32 for value in sent)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key"])
def test_idempotency_by_hand(server: ServerFactory, name: str) -> None:
    """A header of the user's own is sent instead, in whatever case, and once."""
    served = server(error_response(500), ANSWER)
    with Once(KEY, base_url=served.url, headers={name: "mine"}, retries=QUICK) as client:
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
    assert [request.headers["idempotency-key"] for request in served.requests] == ["mine"] * 2


def test_no_idempotency(server: ServerFactory, model: ModelFactory) -> None:
    """Where a provider has no such header none is sent; nor with a GET."""
    served = server(ANSWER, error_response(200, {"data": []}))
    list(model(served).stream_completion("Hi").stream())
    with client_class("openai")(KEY, base_url=served.url) as client:
        client.list_models()
    assert not any("idempot" in name for request in served.requests for name in request.headers)


# what the provider says ----------------------------------------------------------------------

SAYS = [
    (500, "false", 1),
    (429, "false", 1),
    (503, "FALSE", 1),
    (500, "true", 3),
    (400, "true", 1),
    (400, "maybe", 1),
    (500, "", 3),
]


@pytest.mark.parametrize(("status", "said", "tries"), SAYS)
def test_x_should_retry(
    server: ServerFactory, model: ModelFactory, status: int, said: str, tries: int
) -> None:
    """The provider can say that the same request is of no use; a refusal stays one."""
    served = server(error_response(status, headers={"X-Should-Retry": said}))
    with pytest.raises(ProviderError) as caught:
        list(model(served, retries=QUICK).stream_completion("Hi").stream())
    assert len(served.requests) == tries
    assert caught.value.should_retry is {"false": False, "true": True}.get(said.lower())


def test_no_money_whatever_is_said(server: ServerFactory, model: ModelFactory) -> None:
    """Want of money does not pass, also when it is told of inside a stream."""
    broke = {"error": {"message": "no", "code": "insufficient_quota"}}
    served = server(error_response(429, broke, {"X-Should-Retry": "true"}))
    with pytest.raises(ProviderError):
        list(model(served, retries=QUICK).stream_completion("Hi").stream())
    assert len(served.requests) == 1


# who hears of it -----------------------------------------------------------------------------


def test_on_retry(server: ServerFactory, model: ModelFactory) -> None:
    """Once for each failed try, ahead of the wait, in the thread that reads."""
    served = server(error_response(503, headers={"Retry-After": "0.2"}), [Close()], ANSWER)
    told: list[tuple[Attempt, int, int]] = []

    def note(attempt: Attempt) -> None:
        told.append((attempt, threading.get_ident(), len(served.requests)))

    policy = RetryPolicy(attempts=3, initial=0.2, maximum=0.2, on_retry=note)
    stream = model(served, retries=policy).stream_completion("Hi").stream()
    assert "".join(stream.text_deltas()) == "Hello"
    (first, _, asked), (second, *_) = told
    assert (first.status, first.kind, first.waited) == (503, "Overloaded", 0.2)
    assert "scripted 503" in first.error
    assert (second.status, second.kind) == (None, "ReadFailed")
    assert asked == 1
    assert {thread for _, thread, _ in told} == {threading.get_ident()}


@pytest.mark.parametrize("way", ["model", "agent", "embeddings", "models"])
def test_on_retry_of_every_call(server: ServerFactory, way: str) -> None:
    """Of one-shot calls too, whatever is asked."""
    vectors = {"data": [{"index": 0, "embedding": [1.0]}]}
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "data": []}
    served = server(
        error_response(500), error_response(200, vectors if way == "embeddings" else whole)
    )
    told: list[Attempt] = []
    policy = RetryPolicy(initial=0, on_retry=told.append)
    with Client(KEY, base_url=served.url, retries=policy) as client:
        calls: dict[str, Callable[[], object]] = {
            "model": lambda: client.completion_model("m").completion("Hi").send(),
            "agent": lambda: client.agent("m").build().prompt("Hi"),
            "embeddings": lambda: client.embedding_model("m").embed_text("Hi"),
            "models": client.list_models,
        }
        calls[way]()
    assert [attempt.status for attempt in told] == [500]


def test_on_retry_that_raises(server: ServerFactory, model: ModelFactory) -> None:
    """What it raises ends the stream, as it is; nothing more is asked."""
    served = server(error_response(503, headers={"Retry-After": "0.2"}), ANSWER)

    def refuse(attempt: Attempt) -> None:
        raise LookupError(attempt.kind)

    stream = model(served, retries=RetryPolicy(on_retry=refuse)).stream_completion("Hi").stream()
    with pytest.raises(LookupError, match="Overloaded"):
        list(stream)
    assert threads_gone()
    assert len(served.requests) == 1


def test_on_retry_that_is_none() -> None:
    """A policy says at once that it cannot call it."""
    wrong: Any = "log it"
    with pytest.raises(ConfigError, match="on_retry='log it'"):
        RetryPolicy(on_retry=wrong)


class Listening(Hook):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | None]] = []

    def on_retry(self, context: HookContext, event: Attempt) -> None:
        self.told.append((context.run_id, event.status))


@pytest.mark.parametrize("streamed", [True, False])
def test_hook(server: ServerFactory, model: ModelFactory, streamed: bool) -> None:
    """A hook hears of it with the run, beside the policy's own function."""
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    answer = ANSWER if streamed else error_response(200, whole)
    served = server(error_response(500), error_response(502), answer)
    told: list[Attempt] = []
    policy = RetryPolicy(initial=0, on_retry=told.append)
    listening = Listening()
    agent = Agent(model(served, retries=policy), hooks=[listening])
    final = list(agent.stream_prompt("Hi"))[-1] if streamed else agent.prompt("Hi")
    assert isinstance(final, FinalResponse)
    assert final.output == "Hello"
    assert [status for _, status in listening.told] == [500, 502]
    assert len({run for run, _ in listening.told}) == 1
    assert [attempt.status for attempt in told] == [500, 502]


def test_hook_that_stops(server: ServerFactory, model: ModelFactory) -> None:
    """`Stop` ends the run instead of the wait, and the history goes on from there."""
    served = server(error_response(503, headers={"Retry-After": "30"}))

    @hook.on_retry
    def enough(context: HookContext, event: Attempt) -> Stop:
        return Stop(f"no patience for {event.kind}")

    began = time.monotonic()
    with pytest.raises(PromptCancelled, match="no patience for Overloaded") as caught:
        Agent(model(served, retries=RetryPolicy()), hooks=[enough]).prompt("Hi")
    assert time.monotonic() - began < LATE
    assert caught.value.reason == "no patience for Overloaded"
    assert caught.value.history == (user("Hi"),)
    assert len(served.requests) == 1
    assert threads_gone()


def test_hook_that_fails(server: ServerFactory, model: ModelFactory) -> None:
    """An exception of a hook ends the run as one of ours."""
    served = server(error_response(503, headers={"Retry-After": "30"}))

    @hook.on_retry
    def broken(context: HookContext, event: Attempt) -> None:
        raise ZeroDivisionError

    with pytest.raises(HookFailed, match="broken") as caught:
        Agent(model(served, retries=RetryPolicy()), hooks=[broken]).prompt("Hi")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert len(served.requests) == 1


# who may end it ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["cancel", "token", "close"])
def test_leaving_in_between(server: ServerFactory, model: ModelFactory, way: str) -> None:
    """Left between two tries, a stream asks no more."""
    served = server(error_response(503, headers={"Retry-After": "0.2"}), ANSWER)
    token = CancelToken()
    leave: dict[str, Callable[[], object]] = {"token": token.cancel}

    def left(_: Attempt) -> None:
        leave[way]()

    policy = RetryPolicy(on_retry=left)
    stream = model(served, retries=policy).stream_completion("Hi").stream(cancel=token)
    leave["cancel"] = leave["close"] = stream.cancel
    assert list(stream) == []
    if way == "close":
        stream.close()
    assert stream.cancelled
    assert threads_gone()
    assert len(served.requests) == 1


def test_a_pause_in_the_wait(server: ServerFactory, model: ModelFactory) -> None:
    """Nothing is asked meanwhile; the wait passes, and the next try has all of its time."""
    served = server(error_response(503, headers={"Retry-After": "3"}), [Stall()])
    pause = PauseControl()
    asked: list[int] = []

    def hold(_: Attempt) -> None:
        pause.pause()
        spawn(go_on)

    def go_on() -> None:
        threading.Event().wait(3.5)
        asked.append(len(served.requests))
        resumed.append(time.monotonic())
        pause.resume()

    resumed: list[float] = []
    policy = RetryPolicy(on_retry=hold)
    patient = model(served, retries=policy, timeouts=Timeouts(first_event=0.3))
    with pytest.raises(FirstEventTimeout):
        list(patient.stream_completion("Hi").stream(pause=pause))
    assert 0.3 <= time.monotonic() - resumed[0] < 2.5  # not those 3 seconds once more
    assert asked == [1]
    assert len(served.requests) == 2
