"""llama.cpp's server with a real model: chat, Responses and Messages, and a process that dies.

Source: https://github.com/ggml-org/llama.cpp/tree/master/tools/server, as xllamacpp brings it
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from rig_sync import (
    BadRequest,
    Client,
    CompletionRequest,
    ContextLengthExceeded,
    FinishReason,
    IdleTimeout,
    ReadFailed,
    StreamFinal,
    StreamTruncated,
    Text,
    Timeouts,
    ToolChoice,
)
from rig_sync._json import JsonObject
from rig_sync.client import ClientOptions
from rig_sync.providers import anthropic, llamacpp, openai
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.servers.asking import KEY, contents, loop, options
from tests.servers.process import serving

pytestmark = pytest.mark.slow

SMOLLM2 = "smollm2"
TOKENS = 8
FRESH: JsonObject = {"cache_prompt": False}  # what was reused changes the answer
ENDLESS: JsonObject = {"ignore_eos": True}


def forced(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """`body`, with the template's way to open a call where there must be one.

    llama.cpp refuses it together with `auto`.
    """
    if request.tool_choice is None:
        return body
    return {**body, "chat_template_kwargs": {"force_tool": True}}


def on_chat(options: ClientOptions) -> Client:
    client = llamacpp.Client(**options)
    client.wire = replace(client.wire, adapt=forced)
    return client


def on_responses(options: ClientOptions) -> Client:
    client = openai.Client(KEY, **options)
    client.wire = OpenAIResponses(adapt=forced)
    return client


def on_messages(options: ClientOptions) -> Client:
    client = anthropic.Client(KEY, **options)
    client.wire = replace(client.wire, adapt=forced)
    return client


class Spoken(NamedTuple):
    """A wire, as llama.cpp speaks it.

    Attributes:
        client: Makes a client.
        path: Of the base URL.
        no_room: What it says when the answer is cut. On Responses it says that all is well.
        ends: The words for the end of a tool call, and of an answer.
    """

    client: Callable[[ClientOptions], Client]
    path: str
    no_room: FinishReason
    ends: tuple[str, str]


WIRES = {
    "chat": Spoken(on_chat, "/v1", FinishReason("length", "length"), ("tool_calls", "stop")),
    "responses": Spoken(
        on_responses, "/v1", FinishReason("stop", "completed"), ("completed", "completed")
    ),
    "messages": Spoken(
        on_messages, "", FinishReason("length", "max_tokens"), ("tool_use", "end_turn")
    ),
}

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


@each_wire
def test_text(llama: str, wire: Spoken) -> None:
    """Word by word, with usage and one terminal record; whole, it says the same."""
    with wire.client(options(llama + wire.path)) as client:
        model = client.completion_model(SMOLLM2)
        request = model.completion("Say hello.").temperature(0).max_tokens(TOKENS)
        request = request.additional_params(FRESH)
        stream = request.stream()
        *words, final = stream
        assert len(words) == TOKENS
        assert all(isinstance(word, Text) for word in words)
        assert isinstance(final, StreamFinal)
        assert (final.finish_reason, final.model) == (wire.no_room, SMOLLM2)
        once = request.send()
    assert once.text.startswith("Hello")
    assert contents(once) == contents(stream.response)
    assert once.finish_reason == final.finish_reason
    assert once.usage == final.usage
    assert final.usage.output_tokens == TOKENS
    assert (final.usage.input_tokens or 0) > TOKENS


@each_wire
def test_a_tool(llama: str, wire: Spoken) -> None:
    """The model asks for it with arguments by its schema; the result goes back; it answers."""
    with wire.client(options(llama + wire.path)) as client:
        builder = client.agent(SMOLLM2).tool_choice(ToolChoice("required"))
        builder.temperature(0).max_tokens(40)
        final = loop(builder, "What is the weather in Paris?", "Paris")
    assert final.output
    call, answer = (turn.finish_reason for turn in final.completion_calls)
    assert call == FinishReason("tool_calls", wire.ends[0])
    assert answer in (FinishReason("stop", wire.ends[1]), wire.no_room)
    for turn in final.completion_calls:
        assert turn.usage.input_tokens
        assert turn.usage.output_tokens


@each_wire
def test_refusals(llama: str, wire: Spoken) -> None:
    """A prompt beyond the context, and a field out of range."""
    with wire.client(options(llama + wire.path)) as client:
        model = client.completion_model(SMOLLM2)
        with pytest.raises(ContextLengthExceeded):
            model.completion("word " * 3000).send()
        with pytest.raises(ContextLengthExceeded):
            list(model.stream_completion("word " * 3000).stream())
        with pytest.raises(BadRequest, match="max_tokens"):
            model.completion("Hi").additional_params({"max_tokens": -5}).send()


def test_the_process_stops_and_dies(llama_command: list[str], tmp_path: Path) -> None:
    """A server that hangs is a timeout; one that is killed leaves half an answer."""
    with serving(llama_command, tmp_path / "log") as server:
        given = options(f"{server.url}/v1", timeouts=Timeouts(idle=2.0))
        with llamacpp.Client(**given) as client:
            model = client.completion_model(SMOLLM2)
            request = model.completion("Tell me a story.").additional_params(ENDLESS)
            stream = request.stream()
            next(stream)
            server.process.send_signal(signal.SIGSTOP)
            with pytest.raises(IdleTimeout):
                list(stream)
            server.process.send_signal(signal.SIGCONT)
            stream = request.stream()
            next(stream)
            server.process.kill()
            with pytest.raises((StreamTruncated, ReadFailed)) as caught:  # by FIN or by RST
                list(stream)
    assert caught.value.partial is not None
    assert caught.value.partial.text
