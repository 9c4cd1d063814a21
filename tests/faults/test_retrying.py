"""When a request is made again, how often, and after how long.

Beside `tests/transport/test_retries.py`: every kind of content, every way to say how long to wait,
hostile ones among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync import Attempt, ConfigError, Text, Timeouts
from rig_sync.errors import ProviderError, RateLimited, ReadFailed, ServerError, TransportError
from rig_sync.providers import client_class
from rig_sync.transport.head import ReplyHead
from rig_sync.transport.retry import RetryPolicy, retry
from tests.conftest import KEY, ModelFactory, ServerFactory
from tests.server import (
    Close,
    Reset,
    Script,
    Send,
    Stall,
    call_chunks,
    chat_chunk,
    chat_chunks,
    error_response,
    sse,
    sse_response,
)

LATE = 5.0
QUICK = RetryPolicy(attempts=3, initial=0.001, maximum=0.002)
ANSWER = sse_response(*chat_chunks("Hello"))
BUSY = sse({"error": {"message": "busy", "code": "server_error"}})


def cut(*events: bytes) -> Script:
    """A stream that says so much, and breaks."""
    return [*sse_response(*events)[:-1], Reset()]


# before content, and after it ----------------------------------------------------------------

CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": ""}}
CONTENT = {
    "text": chat_chunk({"content": "H"}),
    "a space": chat_chunk({"content": " "}),
    "reasoning": chat_chunk({"reasoning_content": "hm"}),
    "the name of a call": chat_chunk({"tool_calls": [CALL]}),
    "a whole call": b"".join(call_chunks(("add", {"a": 1}), done=False)),
    "a refusal": chat_chunk({"refusal": "No."}),
    "an event of an unknown type": sse({"type": "news", "of": "the day"}),
}
"""The last one too: it goes to the caller at once, and could not be taken back."""


@pytest.mark.parametrize("content", CONTENT)
@pytest.mark.parametrize("failure", ["reset", "error event"])
def test_after_content(
    server: ServerFactory, model: ModelFactory, content: str, failure: str
) -> None:
    """Nothing that the caller may have seen is asked for again."""
    first = CONTENT[content]
    script = cut(first) if failure == "reset" else sse_response(first, BUSY)
    served = server(script, ANSWER)
    with pytest.raises((ReadFailed, ServerError)) as caught:
        list(model(served, retries=QUICK).stream_completion("Hi").stream())
    assert len(served.requests) == 1
    assert caught.value.partial is not None
    assert caught.value.attempts == ()


NOTHING = {
    "a comment": b": hello\n\n",
    "a role": chat_chunk({"role": "assistant", "content": ""}),
    "null": chat_chunk({"content": None, "tool_calls": None}),
    "usage": sse({"choices": [], "usage": {"prompt_tokens": 7}}),
    "a bad frame": b"data: {oops\n\n",
    "a ping": b"event: ping\ndata: {}\n\n",
    "half a frame": b'data: {"choices": [{"delta": {"content": "Hel',
}


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("failure", ["reset", "fin", "error event"])
def test_before_content(
    server: ServerFactory, model: ModelFactory, nothing: str, failure: str
) -> None:
    """What says nothing yet does not end the trying, and leaves no trace in the answer."""
    first = NOTHING[nothing]
    failing = {
        "reset": cut(first),
        "fin": [*sse_response(first)[:-1], Close()],
        "error event": sse_response(first + b"\n\n", BUSY),
    }
    served = server(failing[failure], ANSWER)
    stream = model(served, retries=QUICK).stream_completion("Hi").stream()
    assert next(stream) == Text("Hello")
    assert not list(stream.text_deltas())
    assert stream.message.text == "Hello"
    assert stream.usage.input_tokens is None
    assert len(served.requests) == 2


def test_attempts_stay_known(server: ServerFactory, model: ModelFactory) -> None:
    """A failure after content knows of the tries before it too; so does a deadline."""
    hello = chat_chunk({"content": "Hello"})
    for rest, timeouts in ((Reset(), Timeouts()), (Stall(), Timeouts(idle=0.1))):
        served = server(error_response(503), [*sse_response(hello)[:-1], rest])
        with pytest.raises(TransportError) as caught:
            list(model(served, retries=QUICK, timeouts=timeouts).stream_completion("Hi").stream())
        assert [(tried.status, tried.kind) for tried in caught.value.attempts] == [
            (503, "Overloaded")
        ]
        assert caught.value.partial is not None
        assert caught.value.partial.text == "Hello"


# how long ------------------------------------------------------------------------------------


ASKED: list[tuple[dict[str, str], float]] = [
    ({"Retry-After": "0"}, 0),
    ({"Retry-After": "0.02"}, 0.02),
    ({"Retry-After": ".02"}, 0.02),
    ({"Retry-After": " 0.02 "}, 0.02),
    ({"retry-after": "00.020"}, 0.02),
    ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
    ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 -0000"}, 0),
    ({"Retry-After": "Sunday, 06-Nov-94 08:49:37 GMT"}, 0),
    ({"Retry-After": "Sun Nov  6 08:49:37 1994"}, 0),
    ({"retry-after-ms": "20"}, 0.02),
    ({"Retry-After-Ms": "20.5"}, 0.0205),
    ({"retry-after-ms": "20", "Retry-After": "59"}, 0.02),
    ({"retry-after-ms": "soon", "Retry-After": "0.02"}, 0.02),
]


@pytest.mark.parametrize(("headers", "waited"), ASKED, ids=[str(row[0]) for row in ASKED])
def test_asked_to_wait(
    server: ServerFactory, model: ModelFactory, headers: dict[str, str], waited: float
) -> None:
    """Seconds, dates and milliseconds: waited for as long as was asked, no less."""
    served = server(error_response(429, headers=headers), ANSWER)
    told: list[Attempt] = []
    policy = RetryPolicy(attempts=2, initial=50, maximum=50, on_retry=told.append)
    began = time.monotonic()
    stream = model(served, retries=policy).stream_completion("Hi").stream()
    assert "".join(stream.text_deltas()) == "Hello"
    assert waited <= time.monotonic() - began < LATE
    assert told[0].waited == pytest.approx(waited)


def test_a_date_to_come() -> None:
    """A date counts from now, to the second; what has passed is now."""
    now = datetime(1994, 11, 6, 8, 49, 7, tzinfo=timezone.utc)
    for text, seconds in (
        ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 30),
        ("Sun, 06 Nov 1994 08:49:37", 30),
        ("Sun, 06 Nov 1994 08:49:06 GMT", 0),
    ):
        assert ReplyHead(429, {"Retry-After": text}).retry_after(now) == seconds


HOSTILE = [
    *("-5", "nan", "inf", "Infinity", "-inf", "1e3", "0x10", "1_0", "+1", "1,5", "", "soon"),
    *("\xb2", "1\xb2", "\xbd", "1.2.3", ".", "Sun, 06 Nov 99999 08:49:37 GMT", "1; DROP"),
    "Sun, 06 Nov 1994 08:49:37 +99999999999",
    "Sun, 99 Foo 1994 99:99:99 GMT",
]


@pytest.mark.parametrize("name", ["Retry-After", "retry-after-ms"])
@pytest.mark.parametrize("value", HOSTILE)
def test_nonsense(server: ServerFactory, model: ModelFactory, name: str, value: str) -> None:
    """What is no time is passed over: the wait is our own."""
    served = server(_error_with(name, value), ANSWER)
    told: list[Attempt] = []
    policy = RetryPolicy(attempts=2, initial=0.001, maximum=0.002, on_retry=told.append)
    stream = model(served, retries=policy).stream_completion("Hi").stream()
    assert "".join(stream.text_deltas()) == "Hello"
    assert 0 <= told[0].waited <= 0.002


def _error_with(name: str, value: str) -> Script:
    head = f"HTTP/1.1 429 Slow\r\n{name}: {value}\r\nContent-Length: 2\r\n\r\n" + "{}"
    return [Send(head.encode("latin-1"))]


@pytest.mark.parametrize("value", ["61", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_too_long(server: ServerFactory, model: ModelFactory, value: str) -> None:
    """Who asks for more than `total` is not waited for, however much it is."""
    served = server(_error_with("Retry-After", value))
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        list(model(served, retries=QUICK).stream_completion("Hi").stream())
    assert time.monotonic() - began < LATE
    assert len(served.requests) == 1
    assert 60 < (caught.value.retry_after or 0) < float("inf")


@given(st.dictionaries(st.sampled_from(["Retry-After", "retry-after-ms"]), st.text()))
def test_any_text(headers: dict[str, str]) -> None:
    """Whatever stands there, it is a number of seconds, or nothing."""
    found = ReplyHead(429, headers).retry_after()
    assert found is None or 0 <= found < float("inf")


def _gemini(delay: object, status: int = 429) -> dict[str, object]:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]
    word = "RESOURCE_EXHAUSTED" if status == 429 else "UNAVAILABLE"
    error = {"code": status, "message": "later", "status": word, "details": details}
    return {"error": error}


HELLO = {"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]}
SHAPES: dict[str, Callable[[object], Script]] = {
    "a body": lambda delay: error_response(429, _gemini(delay)),
    "a body in a list": lambda delay: error_response(429, [_gemini(delay)]),
    "a body of status 200": lambda delay: error_response(200, _gemini(delay)),
    "a list of status 200": lambda delay: error_response(200, [_gemini(delay)]),
    "an event": lambda delay: sse_response(sse(_gemini(delay, 503))),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("delay", "waited"), [("0.02s", 0.02), ("0s", 0), ("0.020000000s", 0.02)])
def test_retry_info(server: ServerFactory, shape: str, delay: str, waited: float) -> None:
    """Google says it in the body, of an error or of an event."""
    assert _told_by_gemini(server, SHAPES[shape](delay), total=60)[0].waited == waited


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "delay", ["-1s", "nans", "infs", "1e3s", "\xb2s", "s", "", 7, None, {}, []]
)
def test_retry_info_that_is_nonsense(server: ServerFactory, shape: str, delay: object) -> None:
    """Passed over, as in a header."""
    assert 0 <= _told_by_gemini(server, SHAPES[shape](delay), total=60)[0].waited <= 0.002


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("delay", ["10s", "3.5s", "9" * 400 + "s"])
def test_retry_info_that_is_too_long(server: ServerFactory, shape: str, delay: str) -> None:
    """Not waited for, but told of."""
    with pytest.raises(ProviderError) as caught:
        _told_by_gemini(server, SHAPES[shape](delay), total=3)
    assert 3 < (caught.value.retry_after or 0) < float("inf")
    assert caught.value.attempts == ()


def _told_by_gemini(server: ServerFactory, script: Script, *, total: float) -> list[Attempt]:
    told: list[Attempt] = []
    policy = RetryPolicy(2, initial=0.001, maximum=0.002, total=total, on_retry=told.append)
    served = server(script, sse_response(sse(HELLO)))
    with client_class("gemini")(KEY, base_url=served.url, retries=policy) as client:
        stream = client.completion_model("m").stream_completion("Hi").stream()
        assert "".join(stream.text_deltas()) == "Hello"
    return told


# how often -----------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_count(server: ServerFactory, model: ModelFactory, attempts: int) -> None:
    """`attempts` counts the first one too."""
    served = server(error_response(500))
    policy = RetryPolicy(attempts=attempts, initial=0)
    with pytest.raises(ServerError) as caught:
        list(model(served, retries=policy).stream_completion("Hi").stream())
    assert len(served.requests) == attempts
    assert len(caught.value.attempts) == attempts - 1


def test_total(server: ServerFactory, model: ModelFactory) -> None:
    """No try starts later than `total` after the first, however many are left."""
    served = server(error_response(500, headers={"Retry-After": "0.1"}))
    began = time.monotonic()
    policy = RetryPolicy(attempts=1000, total=0.35)
    with pytest.raises(ServerError) as caught:
        list(model(served, retries=policy).stream_completion("Hi").stream())
    assert time.monotonic() - began < LATE
    assert 1 <= len(caught.value.attempts) <= 3


def test_very_many() -> None:
    """The wait stays a number, whatever count it has come to."""
    waits: list[float] = []

    def fail() -> None:
        raise ServerError("no")

    policy = RetryPolicy(attempts=3000, initial=0.5, maximum=8)
    with pytest.raises(ServerError):
        retry(fail, policy, sleep=waits.append, chance=lambda _, most: most)
    assert len(waits) == 2999
    assert max(waits) == 8


@pytest.mark.parametrize("name", ["initial", "maximum", "total"])
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_impossible_policies(name: str, value: float) -> None:
    """Refused where they are written."""
    values: dict[str, Any] = {name: value}
    with pytest.raises(ConfigError, match=name):
        RetryPolicy(**values)
