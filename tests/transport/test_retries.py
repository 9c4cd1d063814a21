"""What is tried again, how often, after how long, and what ends the trying."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable

import pytest

from rig_sync.errors import (
    BadRequest,
    ConnectFailed,
    IdleTimeout,
    Overloaded,
    ProviderError,
    RateLimited,
    ReadFailed,
    RigError,
    ServerError,
    StreamTruncated,
)
from rig_sync.streaming.pause import PauseControl
from rig_sync.transport.retry import RetryPolicy, retry
from rig_sync.transport.timeouts import Timeouts
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Close,
    Reset,
    Script,
    Stall,
    Tell,
    chat_chunks,
    error_response,
    spawn,
    sse,
    sse_response,
)

QUICK = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
ANSWER = sse_response(*chat_chunks("Hello"))
HELLO = chat_chunks("Hello", finish=None, done=False)
ALIVE = sse({"object": "chat.keepalive"})
BUSY = sse({"error": {"message": "busy", "code": "server_error"}})


@pytest.mark.parametrize(
    "failure",
    [
        *(pytest.param(error_response(n), id=str(n)) for n in (408, 409, 429, 500, 502, 503, 529)),
        pytest.param([Close()], id="fin before headers"),
        pytest.param([Reset()], id="reset before headers"),
        pytest.param(sse_response(), id="empty"),
        pytest.param([*sse_response()[:-1], Reset()], id="reset before content"),
        pytest.param(sse_response(BUSY), id="error event before content"),
        pytest.param(sse_response(b": hi\n\n", BUSY), id="error event after a comment"),
        pytest.param(sse_response(ALIVE, ALIVE, BUSY), id="error event after a keep-alive"),
    ],
)
def test_tried_again(server: ServerFactory, model: ModelFactory, failure: Script) -> None:
    """A failure before the first content is not seen by the consumer."""
    scripted = server(failure, failure, ANSWER)
    stream = model(scripted, retries=QUICK).stream_completion("Hi").stream()
    assert "".join(stream.text_deltas()) == "Hello"
    assert len(scripted.requests) == 3
    assert len({request.body for request in scripted.requests}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 301])
def test_never_tried_again(server: ServerFactory, model: ModelFactory, status: int) -> None:
    """What would fail alike is raised at once."""
    scripted = server(error_response(status), ANSWER)
    with pytest.raises(ProviderError) as caught:
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    assert len(scripted.requests) == 1
    assert caught.value.attempts == ()


def test_no_money(server: ServerFactory, model: ModelFactory) -> None:
    """A 429 for want of money does not pass by waiting."""
    scripted = server(error_response(429, {"error": {"code": "insufficient_quota"}}), ANSWER)
    with pytest.raises(RateLimited):
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        ([Reset()], ReadFailed),
        ([Close()], StreamTruncated),
        (sse_response(BUSY)[1:], ServerError),
    ],
    ids=["reset", "fin", "error event"],
)
def test_never_after_content(
    server: ServerFactory, model: ModelFactory, rest: Script, kind: type[RigError]
) -> None:
    """After the first word the failure is the caller's, with what came."""
    scripted = server([*sse_response(*HELLO)[:-1], *rest], ANSWER)
    with pytest.raises(kind) as caught:
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    assert len(scripted.requests) == 1
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hello"


def test_what_was_tried_is_on_the_error(server: ServerFactory, model: ModelFactory) -> None:
    """Every try before the last, with its status and the wait after it."""
    scripted = server(error_response(500), [Close()], error_response(503))
    with pytest.raises(Overloaded) as caught:
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    first, second = caught.value.attempts
    assert first.status == 500
    assert "scripted 500" in first.error
    assert second.status is None
    assert "before the answer began" in second.error
    assert 0 <= first.waited <= 0.001
    assert 0 <= second.waited <= 0.002
    assert len(scripted.requests) == 3


def test_refused_connections_are_tried_again(model: ModelFactory) -> None:
    """A server that is being started is waited for."""
    with pytest.raises(ConnectFailed) as caught:
        list(model("http://127.0.0.1:1/v1", retries=QUICK).stream_completion("Hi").stream())
    assert len(caught.value.attempts) == 2


def _in_the_past() -> str:
    return email.utils.formatdate(time.time() - 60, usegmt=True)


def _in_two_minutes() -> str:
    return email.utils.formatdate(time.time() + 120, usegmt=True)


@pytest.mark.parametrize(
    ("name", "value", "waited"),
    [
        ("Retry-After", lambda: "0.03", 0.03),
        ("Retry-After", lambda: "0", 0.0),
        ("Retry-After", _in_the_past, 0.0),
        ("retry-after-ms", lambda: "20", 0.02),
    ],
    ids=["seconds", "zero", "date", "ms"],
)
def test_retry_after(
    server: ServerFactory, model: ModelFactory, name: str, value: Callable[[], str], waited: float
) -> None:
    """The provider says how long to wait, in any of its ways."""
    scripted = server(error_response(429, headers={name: value()}))
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    assert [attempt.waited for attempt in caught.value.attempts] == [waited, waited]
    assert time.monotonic() - began >= 2 * waited


@pytest.mark.parametrize("value", [lambda: "61", _in_two_minutes], ids=["seconds", "date"])
def test_retry_after_too_long(
    server: ServerFactory, model: ModelFactory, value: Callable[[], str]
) -> None:
    """A wait beyond `total` is the caller's to decide."""
    scripted = server(error_response(429, headers={"Retry-After": value()}))
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        list(model(scripted, retries=QUICK).stream_completion("Hi").stream())
    assert len(scripted.requests) == 1
    assert (caught.value.retry_after or 0) > 60
    assert time.monotonic() - began < 5


def test_full_jitter() -> None:
    """The wait is drawn between 0 and a bound that doubles up to the maximum."""
    bounds: list[float] = []
    waits: list[float] = []

    def chance(low: float, high: float) -> float:
        bounds.append(high)
        return low + high / 2

    def fail() -> None:
        raise ServerError("no")

    policy = RetryPolicy(attempts=5, initial=1, maximum=3)
    with pytest.raises(ServerError) as caught:
        retry(fail, policy, sleep=waits.append, chance=chance)
    assert bounds[:4] == [1, 2, 3, 3]
    assert waits == [0.5, 1, 1.5, 1.5]
    assert [attempt.waited for attempt in caught.value.attempts] == waits


def test_bugs_are_not_tried_again() -> None:
    """Only our own errors are: anything else is a bug, and passes as it is."""
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        retry(fail, QUICK, sleep=lambda _: None)
    assert tries == [1]


def test_cancel_ends_the_wait(server: ServerFactory, model: ModelFactory) -> None:
    """Cancelled while it waits to try again, a stream ends at once and asks no more."""
    answered = threading.Event()
    scripted = server([*error_response(503, headers={"Retry-After": "30"}), Tell(answered)])
    stream = model(scripted, retries=QUICK).stream_completion("Hi").stream()

    def cancel() -> None:
        answered.wait(5)
        threading.Event().wait(0.05)
        stream.cancel()

    canceller = spawn(cancel)
    began = time.monotonic()
    assert list(stream) == []
    assert stream.cancelled
    assert time.monotonic() - began < 2
    canceller.join()
    stream.close()
    assert len(scripted.requests) == 1


def test_pause_holds_the_next_try(server: ServerFactory, model: ModelFactory) -> None:
    """While paused nothing is asked either."""
    answered = threading.Event()
    refusal = error_response(503, headers={"Retry-After": "0.1"})
    scripted = server([*refusal, Tell(answered)], ANSWER)
    pause = PauseControl()
    stream = model(scripted, retries=QUICK).stream_completion("Hi").stream(pause=pause)
    asked: list[int] = []

    def hold() -> None:
        answered.wait(5)
        pause.pause()
        threading.Event().wait(0.3)
        asked.append(len(scripted.requests))
        pause.resume()

    holder = spawn(hold)
    assert "".join(stream.text_deltas()) == "Hello"
    holder.join()
    assert asked == [1]
    assert len(scripted.requests) == 2


def test_waiting_to_try_again_is_not_the_providers_silence(
    server: ServerFactory, model: ModelFactory
) -> None:
    """`first_event` begins anew with every try."""
    refusal = error_response(503, headers={"Retry-After": "1.5"})
    scripted = server(refusal, ANSWER)
    patient = model(scripted, retries=QUICK, timeouts=Timeouts(first_event=1.0))
    assert "".join(patient.stream_completion("Hi").stream().text_deltas()) == "Hello"


def test_deadlines_are_not_tried_again(server: ServerFactory, model: ModelFactory) -> None:
    """Who was silent for as long as it may be is not asked again."""
    scripted = server([*sse_response(*HELLO)[:-1], Stall()], ANSWER)
    quick = model(scripted, retries=QUICK, timeouts=Timeouts(idle=0.1))
    with pytest.raises(IdleTimeout):
        list(quick.stream_completion("Hi").stream())
    assert len(scripted.requests) == 1


def test_unary_calls_are_tried_again(server: ServerFactory, model: ModelFactory) -> None:
    """A one-shot call has the same patience."""
    body = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    scripted = server(error_response(500), error_response(200, body))
    assert model(scripted, retries=QUICK).completion("Hi").send().text == "Hello"
    with pytest.raises(BadRequest):
        model(server(error_response(400)), retries=QUICK).completion("Hi").send()
