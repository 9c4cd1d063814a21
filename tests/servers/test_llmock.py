"""PyPI's llmock: six wires, and the faults of their providers.

It answers in words, asks for a tool with made-up arguments when it is offered one, and answers in
words again when the result comes back. Its tokens are characters, by four.

Source: https://github.com/JulienRabault/LLMock, 0.2.2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from rig_sync import (
    AuthenticationError,
    BadRequest,
    Client,
    FinishReason,
    FirstEventTimeout,
    IdleTimeout,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    RetryPolicy,
    ServerError,
    StreamError,
    StreamFinal,
    StreamTruncated,
    Text,
    Timeouts,
    UnknownToolCall,
    Usage,
)
from rig_sync._json import Json, JsonObject
from rig_sync.client import ClientOptions
from rig_sync.providers import anthropic, cohere, gemini, mistral, openai
from rig_sync.transport.retry import NO_RETRIES
from tests.servers.asking import KEY, MODEL, Forecast, hear, loop, options, whole
from tests.servers.conftest import Llmock

PROMPT = "Say hello, please."
PIECES = ["Mock ", "response ", "from ", "m-1."]
ANSWER = "".join(PIECES)
MADE_UP = "mock-city"
OFTEN = RetryPolicy(attempts=3, initial=0.01, maximum=0.02)


class Spoken(NamedTuple):
    """A wire, as llmock speaks it.

    Attributes:
        path: Of the base URL.
        client: Makes a client.
        ends: The provider's words for the end of an answer, of a tool call, and of the room.
        before: Events before the first piece of text.
        usage: Whether a stream reports it. Mistral's own servers do, unasked.
        model: What a stream calls the model.
    """

    path: str
    client: Callable[[ClientOptions], Client]
    ends: tuple[str, str, str]
    before: int
    usage: bool = True
    model: str | None = MODEL


WIRES = {
    "chat": Spoken(
        "/v1",
        lambda options: openai.Client(KEY, **options).completions_api(),
        ("stop", "tool_calls", "length"),
        before=1,
    ),
    "responses": Spoken(
        "/v1",
        lambda options: openai.Client(KEY, **options),
        ("completed", "completed", "incomplete:max_output_tokens"),
        before=4,
    ),
    "anthropic": Spoken(
        "/anthropic",
        lambda options: anthropic.Client(KEY, **options),
        ("end_turn", "tool_use", "max_tokens"),
        before=3,
    ),
    "gemini": Spoken(
        "/gemini",
        lambda options: gemini.Client(KEY, **options),
        ("STOP", "STOP", "MAX_TOKENS"),
        before=0,
    ),
    "cohere": Spoken(
        "/cohere",
        lambda options: cohere.Client(KEY, **options),
        ("COMPLETE", "TOOL_CALL", "MAX_TOKENS"),
        before=2,
        model=None,
    ),
    "mistral": Spoken(
        "/mistral/v1",
        lambda options: mistral.Client(KEY, **options),
        ("stop", "tool_calls", "length"),
        before=1,
        usage=False,
    ),
}

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


def open_client(server: Llmock, wire: Spoken, retries: RetryPolicy = NO_RETRIES) -> Client:
    return wire.client(options(server.url + wire.path, retries=retries))


# answers -------------------------------------------------------------------------------------


@each_wire
def test_text(llmock: Llmock, wire: Spoken) -> None:
    """Streamed piece by piece, with one terminal record; whole, it says the same."""
    with open_client(llmock, wire) as client:
        model = client.completion_model(MODEL)
        heard = hear(model, PROMPT)
        assert heard.items[:-1] == [Text(piece) for piece in PIECES]
        final = heard.items[-1]
        assert isinstance(final, StreamFinal)
        assert final.finish_reason == FinishReason("stop", wire.ends[0])
        assert final.model == wire.model
        once = whole(heard, model, PROMPT)
        assert once.text == ANSWER
        counts = (len(PROMPT) // 4, len(ANSWER) // 4)
        assert (once.usage.input_tokens, once.usage.output_tokens) == counts
        assert final.usage == (once.usage if wire.usage else Usage())


@each_wire
def test_a_tool(llmock: Llmock, wire: Spoken) -> None:
    """It is called, its result goes back, and the model answers; one-shot alike."""
    with open_client(llmock, wire) as client:
        final = loop(client.agent(MODEL), "Paris?", MADE_UP)
        assert final.output == ANSWER
        first, second = final.completion_calls
        assert first.finish_reason == FinishReason("tool_calls", wire.ends[1])
        assert second.finish_reason == FinishReason("stop", wire.ends[0])
        assert bool(first.usage) == bool(second.usage) == wire.usage
        forecast = Forecast()
        once = client.agent(MODEL).tool(forecast.weather).build().prompt("Paris?")
        assert (once.output, forecast.cities) == (ANSWER, [MADE_UP])
        assert once.usage.output_tokens is not None


@each_wire
def test_two_calls_at_once(llmock: Llmock, wire: Spoken) -> None:
    """Both run, in order, and both results go back in one turn."""
    calls: list[Json] = [
        {"name": "weather", "arguments": {"city": city}} for city in ("Paris", "Rome")
    ]
    llmock.script({"type": "reply", "tool_calls": calls})
    with open_client(llmock, wire) as client:
        assert loop(client.agent(MODEL), "Weather?", "Paris", "Rome").output == ANSWER


@each_wire
def test_no_room_left(llmock: Llmock, wire: Spoken) -> None:
    """An answer that was cut for length is complete as a stream, and says so."""
    llmock.script({"type": "reply", "text": "Too long", "finish_reason": "length", "times": 2})
    with open_client(llmock, wire) as client:
        model = client.completion_model(MODEL)
        heard = hear(model, PROMPT)
        assert heard.errors == []
        assert whole(heard, model, PROMPT).finish_reason == FinishReason("length", wire.ends[2])


# refusals ------------------------------------------------------------------------------------

REFUSALS: dict[int, type[ProviderError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    422: BadRequest,
    429: RateLimited,
    500: ServerError,
    503: Overloaded,
    529: Overloaded,
}


@each_wire
def test_refusals(llmock: Llmock, wire: Spoken) -> None:
    """Each status is its own error, with the provider's words and its wait; streamed or not."""
    with open_client(llmock, wire) as client:
        model = client.completion_model(MODEL)
        for status, kind in REFUSALS.items():
            waits = {"retry_after": 7} if status == 429 else {}
            fault: JsonObject = {"type": "fail", "status": status, "message": "No.", **waits}
            llmock.script({**fault, "times": 2})
            (error,) = hear(model, PROMPT).errors
            with pytest.raises(kind) as caught:
                model.completion(PROMPT).send()
            for failed in (error, caught.value):
                assert type(failed) is kind
                assert isinstance(failed, kind)
                assert (failed.message, failed.status) == ("No.", status)
                assert failed.provider == client.name
                if waits:
                    assert failed.retry_after == 7


@each_wire
def test_what_may_pass_is_tried_again(llmock: Llmock, wire: Spoken) -> None:
    """After the wait that was asked for; llmock, which judges its clients, finds no fault."""
    llmock.script({"type": "fail", "status": 429, "retry_after": 0.06, "times": 2})
    with open_client(llmock, wire, OFTEN) as client:
        assert hear(client.completion_model(MODEL), PROMPT).response.text == ANSWER
    verdict = llmock.ask("GET", "/_llmock/verdict")
    assert (verdict["calls"], verdict["attempts"], verdict["findings"]) == (1, 3, [])


@each_wire
def test_what_will_not_pass_is_tried_once(llmock: Llmock, wire: Spoken) -> None:
    """A wrong key stays wrong."""
    llmock.script({"type": "fail", "status": 401})
    with open_client(llmock, wire, OFTEN) as client:
        (error,) = hear(client.completion_model(MODEL), PROMPT).errors
    assert isinstance(error, AuthenticationError)
    verdict = llmock.ask("GET", "/_llmock/verdict")
    assert (verdict["attempts"], verdict["findings"]) == (1, [])


# streams that break --------------------------------------------------------------------------


@each_wire
@pytest.mark.parametrize("kind", ["truncate", "disconnect"])
def test_half_an_answer(llmock: Llmock, wire: Spoken, kind: str) -> None:
    """Whether the body ends politely or not: what came, then the error, and no terminal record."""
    llmock.script({"type": "stream_fault", "kind": kind, "after_chunks": wire.before + 2})
    with open_client(llmock, wire) as client:
        heard = hear(client.completion_model(MODEL), PROMPT)
    assert heard.items[:-1] == [Text(piece) for piece in PIECES[:2]]
    (error,) = heard.errors
    assert isinstance(error, StreamTruncated)
    assert error.partial is not None
    assert error.partial.text == "".join(PIECES[:2])


@each_wire
def test_nothing_of_an_answer(llmock: Llmock, wire: Spoken) -> None:
    """Before the first content the request is made again."""
    llmock.script({"type": "stream_fault", "kind": "truncate", "after_chunks": wire.before})
    with open_client(llmock, wire, OFTEN) as client:
        assert hear(client.completion_model(MODEL), PROMPT).texts == PIECES
    verdict = llmock.ask("GET", "/_llmock/verdict")
    assert (verdict["attempts"], verdict["findings"]) == (2, [])


@each_wire
def test_a_broken_event(llmock: Llmock, wire: Spoken) -> None:
    """Half an event is an error where it stood, and the stream goes on to its end."""
    after = wire.before + 1
    llmock.script({"type": "stream_fault", "kind": "malformed", "after_chunks": after})
    with open_client(llmock, wire) as client:
        heard = hear(client.completion_model(MODEL), PROMPT)
    first, broken, *rest, final = heard.items
    assert first == Text(PIECES[0])
    assert isinstance(broken, StreamError)
    assert isinstance(broken.error, ResponseDecodeError)
    assert broken.error.recoverable
    assert rest == [Text(piece) for piece in PIECES[2:]]
    assert isinstance(final, StreamFinal)
    assert len(heard.response.defects) == 1


@each_wire
def test_silence(llmock: Llmock, wire: Spoken) -> None:
    """Before the first content and between two, each by its own error."""
    stall: JsonObject = {"type": "stream_fault", "kind": "stall", "stall_seconds": 2}
    with open_client(llmock, wire) as client:
        model = client.completion_model(MODEL)
        llmock.script({"type": "slow_first_token", "seconds": 2})
        (late,) = hear(model, PROMPT, Timeouts(first_event=0.3)).errors
        assert isinstance(late, FirstEventTimeout)
        llmock.script({**stall, "after_chunks": wire.before + 1})
        heard = hear(model, PROMPT, Timeouts(idle=0.3))
    assert heard.texts == PIECES[:1]
    (idle,) = heard.errors
    assert isinstance(idle, IdleTimeout)


# calls that cannot be ------------------------------------------------------------------------


@each_wire
def test_broken_arguments(llmock: Llmock, wire: Spoken) -> None:
    """The tool does not run; the model is told, and answers."""
    llmock.script({"type": "tool_fault", "kind": "malformed_arguments"})
    forecast = Forecast()
    with open_client(llmock, wire) as client:
        agent = client.agent(MODEL).tool(forecast.weather).build()
        assert agent.prompt("Weather?", stream=True).output == ANSWER
    assert forecast.cities == []


@each_wire
def test_a_tool_that_is_none(llmock: Llmock, wire: Spoken) -> None:
    """The run ends, by default, with a history to go on from."""
    llmock.script({"type": "tool_fault", "kind": "unknown_tool"})
    with open_client(llmock, wire) as client:
        builder = client.agent(MODEL).tool(Forecast().weather)
        with pytest.raises(UnknownToolCall, match="llmock_unknown_tool") as caught:
            builder.build().prompt("Weather?", stream=True)
        assert builder.build().chat("Go on.", caught.value.history).output
