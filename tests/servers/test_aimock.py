"""npm's aimock: nearly all wires, by one set of answers in `aimock.json`, and their faults.

It keeps a connection open for seconds after an answer: a client that waits for its end is late.

Source: https://github.com/CopilotKit/aimock, 1.43.0
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from rig_sync import (
    AssistantMessage,
    AuthenticationError,
    Client,
    FinishReason,
    NotFound,
    Overloaded,
    ProviderError,
    RateLimited,
    ReadFailed,
    Reasoning,
    ReasoningDelta,
    ResponseDecodeError,
    ServerError,
    StreamFinal,
    StreamTruncated,
    Text,
    ToolCall,
    Usage,
)
from rig_sync.client import ClientOptions
from rig_sync.providers import (
    anthropic,
    azure,
    bedrock,
    client_class,
    cohere,
    gemini,
    ollama,
    openai,
    openrouter,
    provider_names,
    vertex,
)
from tests.servers.asking import KEY, MODEL, Forecast, hear, loop, options, whole

PROMPT = "Say hello, please."
PIECES = ["Hello from a server ", "that nobody here wro", "te."]
ANSWER = "".join(PIECES)
LONG = "one two three four five six seven eight nine ten eleven twelve"
THOUGHT = "Six times seven, and then some more of it."
AT_ONCE = 2.0  # seconds; it would be 5 and more


class Spoken(NamedTuple):
    """A wire, as aimock speaks it.

    Attributes:
        client: Makes a client.
        path: Of the base URL.
        ends: The provider's words for the end of an answer, and of a tool call.
        usage: What it reports for the first answer.
        model: What a stream calls the model.
        thinks: Whether it tells thinking from words.
        needs: A library without which it is skipped.
    """

    client: Callable[[ClientOptions], Client]
    path: str = ""
    ends: tuple[str, str] = ("stop", "tool_calls")
    usage: Usage = Usage(input_tokens=11, output_tokens=7, total_tokens=18)
    model: str | None = MODEL
    thinks: bool = True
    needs: str | None = None


WIRES = {
    "chat": Spoken(lambda options: openai.Client(KEY, **options).completions_api(), "/v1"),
    "responses": Spoken(
        lambda options: openai.Client(KEY, **options), "/v1", ("completed", "completed")
    ),
    "anthropic": Spoken(
        lambda options: anthropic.Client(KEY, **options),
        ends=("end_turn", "tool_use"),
        usage=Usage(input_tokens=11, output_tokens=7),
    ),
    "gemini": Spoken(
        lambda options: gemini.Client(KEY, **options),
        ends=("STOP", "FUNCTION_CALL"),
        model=None,
    ),
    "interactions": Spoken(
        lambda options: gemini.Client(KEY, **options).interactions_api(),
        ends=("completed", "requires_action"),
        model=None,
        thinks=False,
    ),
    "vertex": Spoken(
        lambda options: vertex.Client("project", "europe-west4", KEY, **options),
        ends=("STOP", "FUNCTION_CALL"),
        model=None,
    ),
    "cohere": Spoken(
        lambda options: cohere.Client(KEY, **options),
        ends=("COMPLETE", "TOOL_CALL"),
        usage=Usage(input_tokens=11, output_tokens=7),
        model=None,
        thinks=False,
    ),
    "ollama": Spoken(
        lambda options: ollama.Client(**options),
        ends=("stop", "stop"),
        usage=Usage(input_tokens=0, output_tokens=0),
        thinks=False,
    ),
    "bedrock": Spoken(
        lambda options: bedrock.Client(KEY, **options),
        ends=("end_turn", "tool_use"),
        model=None,
        needs="botocore",
    ),
    "azure": Spoken(lambda options: azure.Client(KEY, **options)),
    "openrouter": Spoken(lambda options: openrouter.Client(KEY, **options), "/api/v1"),
}

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)

# Of interactions aimock reads no result inside `user_input`, which is where recorded ones are.
TAKES_RESULTS = {name: wire for name, wire in WIRES.items() if name != "interactions"}
each_loop = pytest.mark.parametrize("wire", TAKES_RESULTS.values(), ids=TAKES_RESULTS)


def open_client(server: str, wire: Spoken, **headers: str) -> Client:
    if wire.needs is not None:
        pytest.importorskip(wire.needs)
    given = options(server + wire.path)
    given["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.client(given)


# answers -------------------------------------------------------------------------------------


@each_wire
def test_text(aimock: str, wire: Spoken) -> None:
    """Streamed piece by piece, with one terminal record; whole, it says the same."""
    with open_client(aimock, wire) as client:
        model = client.completion_model(MODEL)
        heard = hear(model, PROMPT)
        assert heard.texts == PIECES
        final = heard.items[-1]
        assert isinstance(final, StreamFinal)
        assert final.finish_reason == FinishReason("stop", wire.ends[0])
        assert (final.usage, final.model) == (wire.usage, wire.model)
        assert heard.errors == []
        once = whole(heard, model, PROMPT)
        assert (once.text, once.usage) == (ANSWER, wire.usage)
        assert once.ids.request


@each_loop
def test_tools(aimock: str, wire: Spoken) -> None:
    """Both are called, both results go back, and the model answers; one-shot alike."""
    with open_client(aimock, wire) as client:
        final = loop(client.agent(MODEL), "Weather?", "Paris", "Rome")
        assert final.output == "It is sunny in both."
        first, second = (call.finish_reason for call in final.completion_calls)
        assert first is not None
        assert first.raw == wire.ends[1]
        assert second == FinishReason("stop", wire.ends[0])
        assert final.usage
        forecast = Forecast()
        once = client.agent(MODEL).tool(forecast.weather).build().prompt("Weather?")
        assert (once.output, forecast.cities) == (final.output, ["Paris", "Rome"])


@each_wire
def test_thinking(aimock: str, wire: Spoken) -> None:
    """It is told from the words, in pieces and whole."""
    with open_client(aimock, wire) as client:
        model = client.completion_model(MODEL)
        heard = hear(model, "Think.")
        whole(heard, model, "Think.")
    if not wire.thinks:  # aimock leaves it out, or for Cohere makes it text
        assert heard.response.text.endswith("It is 42.")
        return
    assert heard.response.text == "It is 42."
    deltas = [item.text for item in heard.items if isinstance(item, ReasoningDelta)]
    (thought,) = (part for part in heard.response.message.content if isinstance(part, Reasoning))
    assert len(deltas) > 1
    assert "".join(deltas) == thought.text == THOUGHT


@each_loop
def test_thoughts_words_and_a_call(aimock: str, wire: Spoken) -> None:
    """All of it goes back in its order, and the server takes it."""
    with open_client(aimock, wire) as client:
        final = loop(client.agent(MODEL), "Look first.", "Oslo")
    assert final.output == "So I did."
    said = final.messages[1]
    assert isinstance(said, AssistantMessage)
    if wire.thinks:
        assert [type(part) for part in said.content] == [Reasoning, Text, ToolCall]
    else:  # see above
        assert said.text.endswith("Let me look.")


# every provider ------------------------------------------------------------------------------

ELSEWHERE = {
    "local": "brings a server of its own",
    "voyage": "completes nothing",
    "writer": "aimock has no such route",
}


def client_of(name: str, server: str) -> Client:
    """The provider's own client, at another address."""
    if name in WIRES:
        return open_client(server, WIRES[name])
    return client_class(name)(KEY, **options(f"{server}/v1"))


@pytest.mark.parametrize("name", sorted({*provider_names()} - ELSEWHERE.keys()))
def test_every_provider(aimock: str, name: str) -> None:
    """Each gets an answer, in its own words, and is free at once."""
    with client_of(name, aimock) as client:
        began = time.monotonic()
        heard = hear(client.completion_model(MODEL), PROMPT)
        assert (heard.response.text, heard.errors) == (ANSWER, [])
        assert len(heard.finals) == 1
    assert time.monotonic() - began < AT_ONCE


# faults --------------------------------------------------------------------------------------

REFUSALS: dict[int, type[ProviderError]] = {
    401: AuthenticationError,
    404: NotFound,
    429: RateLimited,
    500: ServerError,
    529: Overloaded,
}


@each_wire
@pytest.mark.parametrize("status", REFUSALS)
def test_refusals(aimock: str, wire: Spoken, status: int) -> None:
    """Each status is its own error, with the provider's words and its wait; streamed or not."""
    with open_client(aimock, wire) as client:
        model = client.completion_model(MODEL)
        (error,) = hear(model, f"Error {status}").errors
        with pytest.raises(REFUSALS[status]) as caught:
            model.completion(f"Error {status}").send()
    for failed in (error, caught.value):
        assert type(failed) is REFUSALS[status]
        assert isinstance(failed, ProviderError)
        assert (failed.message, failed.status) == ("No.", status)
        assert failed.request_id
        if status == 429:
            assert failed.retry_after == 7


@each_wire
def test_half_an_answer(aimock: str, wire: Spoken) -> None:
    """A connection that goes in the middle: what came, then the error, and no terminal record."""
    with open_client(aimock, wire) as client:
        heard = hear(client.completion_model(MODEL), "Be cut.")
    (error,) = heard.errors
    assert isinstance(error, (StreamTruncated, ReadFailed))  # by FIN or by RST
    assert error.partial is not None
    assert error.partial.text == "".join(heard.texts)
    assert heard.texts
    assert LONG.startswith(error.partial.text)
    assert heard.finals == []


@each_wire
def test_no_json(aimock: str, wire: Spoken) -> None:
    """A body of junk under a good status is an error that says so.

    Streamed as lines it is one that does not end, so the stream is cut.
    """
    with open_client(aimock, wire, x_aimock_chaos_malformed="1") as client:
        model = client.completion_model(MODEL)
        (error,) = hear(model, PROMPT).errors
        with pytest.raises(ResponseDecodeError) as caught:
            model.completion(PROMPT).send()
    assert "malformed json" in caught.value.body
    if client.wire.framing == "ndjson":
        assert isinstance(error, StreamTruncated)
    else:
        assert isinstance(error, ResponseDecodeError)
        assert "malformed json" in error.body


@each_wire
def test_no_answer(aimock: str, wire: Spoken) -> None:
    """A connection that goes before the answer begins."""
    with open_client(aimock, wire, x_aimock_chaos_disconnect="1") as client:
        model = client.completion_model(MODEL)
        (error,) = hear(model, PROMPT).errors
        assert isinstance(error, ReadFailed)
        with pytest.raises(ReadFailed):
            model.completion(PROMPT).send()
