"""A real server that is killed, stopped and started again while it streams.

llama.cpp's server with the built-in model, each in a process of its own; see `test_xllamacpp`.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from msgspec.structs import replace

from rig_sync import (
    Agent,
    CompletionCall,
    CompletionModel,
    CompletionRequest,
    ConnectFailed,
    FirstEventTimeout,
    IdleTimeout,
    PauseControl,
    ReadFailed,
    RequestBuilder,
    RetryPolicy,
    StreamAssistantItem,
    StreamTruncated,
    Text,
    Timeouts,
    ToolChoice,
    ToolResult,
    dump_run,
    load_run,
)
from rig_sync._json import JsonObject
from rig_sync.errors import Attempt, RigError
from rig_sync.providers import llamacpp
from tests.server import spawn
from tests.servers.asking import Forecast, options
from tests.servers.process import Server, serving

pytestmark = pytest.mark.slow

SMOLLM2 = "smollm2"
ENDLESS: JsonObject = {"ignore_eos": True}
SOON = 10.0  # seconds; a dead server is seen within milliseconds, a stopped one never
BROKEN = (StreamTruncated, ReadFailed)  # by FIN, or by RST

Start = Callable[[], AbstractContextManager[Server]]


@pytest.fixture
def port() -> int:
    """A port that is free, and the same for every start."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def start(llama_command: list[str], tmp_path: Path, port: int) -> Start:
    """Starts the server on that port."""
    return lambda: serving([*llama_command, str(port)], tmp_path / "log")


@pytest.fixture
def client(port: int) -> Iterator[llamacpp.Client]:
    """A client of that server, whichever it is at the moment; tries once."""
    with llamacpp.Client(**options(f"http://127.0.0.1:{port}/v1")) as one:
        yield one


def endless(model: CompletionModel) -> RequestBuilder:
    """A story without an end."""
    return model.completion("Tell me a story.").additional_params(ENDLESS)


def short(model: CompletionModel) -> str:
    """Some words, whole."""
    stream = model.completion("Say hello.").temperature(0).max_tokens(8).stream()
    text = "".join(stream.text_deltas())
    assert stream.finish_reason is not None
    return text


def heard(items: Iterator[object], texts: list[str]) -> None:
    """Read to the end, and note the words."""
    for item in items:
        content = item.content if isinstance(item, StreamAssistantItem) else item
        if isinstance(content, Text):
            texts.append(content.text)


def said(error: RigError) -> str:
    """The words that the error kept."""
    assert error.partial is not None
    return error.partial.text


# killed --------------------------------------------------------------------------------------


def test_killed_in_mid_stream(start: Start, client: llamacpp.Client) -> None:
    """It is told at once, with all words that came; the next request says that nobody is there."""
    model = client.completion_model(SMOLLM2)
    texts: list[str] = []
    with start() as server:
        stream = endless(model).stream(timeouts=Timeouts(first_event=60, idle=60))
        heard(iter([next(stream), next(stream)]), texts)
        began = time.monotonic()
        server.process.kill()
        with pytest.raises(BROKEN) as caught:
            heard(stream, texts)
        assert time.monotonic() - began < SOON
    assert said(caught.value) == "".join(texts) == stream.message.text
    assert stream.finish_reason is None
    with pytest.raises(ConnectFailed):
        short(model)


def test_killed_before_the_first_word(start: Start, client: llamacpp.Client) -> None:
    """While the prompt is read: an error that may be tried again, and no answer is made up."""
    model = client.completion_model(SMOLLM2)
    failed: list[RigError] = []
    with start() as server:
        server.process.send_signal(signal.SIGSTOP)  # it takes the connection, and says nothing

        def ask() -> None:
            try:
                short(model)
            except RigError as error:
                failed.append(error)

        asking = spawn(ask)
        threading.Event().wait(0.3)
        server.process.kill()
        asking.join(SOON)
        assert not asking.is_alive()
    assert isinstance(failed[0], (*BROKEN, ConnectFailed))  # if it was as slow as that
    assert said(failed[0]) == ""


# stopped -------------------------------------------------------------------------------------


def test_stopped_in_mid_stream(start: Start, client: llamacpp.Client) -> None:
    """A server that hangs is a timeout at its time; when it goes on, so does the client."""
    model = client.completion_model(SMOLLM2)
    texts: list[str] = []
    with start() as server:
        stream = endless(model).stream(timeouts=Timeouts(first_event=60, idle=1))
        heard(iter([next(stream)]), texts)
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(IdleTimeout) as caught:
            heard(stream, texts)
        assert 0.9 < time.monotonic() - began < SOON
        assert said(caught.value) == "".join(texts)
        server.process.send_signal(signal.SIGCONT)
        assert short(model)


def test_stopped_before_the_first_word(start: Start, client: llamacpp.Client) -> None:
    """The kernel still takes the connection, so it is the wait for the first word that ends."""
    model = client.completion_model(SMOLLM2)
    with start() as server:
        assert short(model)
        server.process.send_signal(signal.SIGSTOP)
        stream = endless(model).stream(timeouts=Timeouts(first_event=1, idle=60))
        began = time.monotonic()
        with pytest.raises(FirstEventTimeout, match="no byte came") as caught:
            list(stream)
        assert 0.9 < time.monotonic() - began < SOON
        assert said(caught.value) == ""
        server.process.send_signal(signal.SIGCONT)
        assert short(model)


@pytest.mark.parametrize("how", ["held", "paused"])
def test_stopped_while_nobody_waits(start: Start, client: llamacpp.Client, how: str) -> None:
    """Nothing is late while the caller takes its time; the answer goes on where it was."""
    model, control = client.completion_model(SMOLLM2), PauseControl()
    texts: list[str] = []
    with start() as server:
        request = endless(model).max_tokens(40)
        stream = request.stream(timeouts=Timeouts(first_event=60, idle=3), pause=control)
        heard(iter([next(stream)]), texts)
        if how == "paused":
            control.pause()
            reader = spawn(lambda: heard(stream, texts))
        server.process.send_signal(signal.SIGSTOP)
        threading.Event().wait(3.5)  # longer than `idle`
        server.process.send_signal(signal.SIGCONT)
        control.resume()
        if how == "paused":
            reader.join(SOON * 3)
        else:
            heard(stream, texts)
    assert stream.usage.output_tokens == 40
    assert stream.message.text == "".join(texts)


# started again -------------------------------------------------------------------------------


def test_started_again_between_prompts(start: Start, client: llamacpp.Client) -> None:
    """The kept connection is dead, and is not used: no error, and no try is spent."""
    model = client.completion_model(SMOLLM2)
    with start() as server:
        first = short(model)
        server.process.kill()
    with start():
        assert short(model) == first


def test_started_again_in_mid_stream(start: Start, client: llamacpp.Client) -> None:
    """The stream is lost, as it says; the next prompt of the same client is not."""
    model = client.completion_model(SMOLLM2)
    with start() as server:
        stream = endless(model).stream()
        next(stream)
        server.process.kill()
        server.process.wait()
        with start():
            with pytest.raises(BROKEN):
                list(stream)
            assert short(model)


def test_tries_until_it_is_back(start: Start, port: int) -> None:
    """Refused connections, and a server that still loads, are what retries are for."""
    seen: list[Attempt] = []
    policy = RetryPolicy(attempts=200, initial=0.2, maximum=0.3, total=60, on_retry=seen.append)
    url = f"http://127.0.0.1:{port}/v1"
    with llamacpp.Client(**options(url, retries=policy)) as client:
        model = client.completion_model(SMOLLM2)
        with start() as server:
            first = short(model)
            assert seen == []
            server.process.kill()
        texts: list[str] = []
        asking = spawn(lambda: texts.append(short(model)))
        while not seen:
            threading.Event().wait(0.01)
        with start():
            asking.join(SOON * 3)
            assert texts == [first]
    assert {attempt.status for attempt in seen} <= {None, 503}


# an agent ------------------------------------------------------------------------------------


def forced(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """`body`, with the template's way to open a call where there must be one; else without end."""
    if request.tool_choice is None:
        return {**body, **ENDLESS}
    return {**body, "chat_template_kwargs": {"force_tool": True}}


def test_an_agent_whose_server_dies_in_its_second_turn(
    start: Start, client: llamacpp.Client, port: int
) -> None:
    """What was said, called and answered is in the history; the run goes on from there, whole."""
    forecast = Forecast()
    client.wire = replace(client.wire, adapt=forced)
    builder = client.agent(SMOLLM2).tool_choice(ToolChoice("required")).temperature(0)
    agent = builder.tool(forecast.weather).max_tokens(400).build()
    texts: list[str] = []
    with start() as server:
        stream = agent.stream_prompt("What is the weather in Paris?")
        while len(texts) < 3 or not forecast.cities:
            item = next(stream)
            if isinstance(item, CompletionCall):
                texts.clear()  # what follows is the next turn's
            heard(iter([item]), texts)
        server.process.kill()
        with pytest.raises(BROKEN) as caught:
            heard(stream, texts)
    assert forecast.cities == ["Paris"]
    assert len(texts) >= 3
    roles = [type(message).__name__ for message in caught.value.history]
    assert roles == ["UserMessage", "AssistantMessage", "UserMessage", "AssistantMessage"]
    result = caught.value.history[2].content[0]
    assert isinstance(result, ToolResult)
    assert result.text == "Sunny in Paris."
    assert said(caught.value) == "".join(texts)
    assert stream.messages == caught.value.history
    saved = dump_run(stream.run)
    with start(), llamacpp.Client(**options(f"http://127.0.0.1:{port}/v1")) as other:
        again = Agent(
            other.completion_model(SMOLLM2),
            tools=[forecast.weather],
            tool_choice=ToolChoice("none"),  # 8 tokens may be too few for a call, never for words
            max_tokens=8,
        )
        final = again.resume(load_run(saved), stream=True)
    assert forecast.cities == ["Paris"]  # it was not asked again
    assert final.output
    assert [type(call) for call in final.completion_calls] == [CompletionCall, CompletionCall]
