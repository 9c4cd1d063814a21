"""The built-in model: what needs none, and then the real one, over its real server."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import subprocess
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
import pytest

from examples import extract, local_tool
from rig_sync._json import JsonObject
from rig_sync.completion import CompletionRequest, ToolChoice, ToolDefinition
from rig_sync.errors import BadRequest, ConfigError, ContextLengthExceeded, StreamTruncated
from rig_sync.message import Text, user
from rig_sync.modelfile import SMOLLM2, find
from rig_sync.output import Partial
from rig_sync.providers import local
from rig_sync.streaming.items import StreamFinal
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.server import spawn

T = TypeVar("T", bound=Callable[..., None])

MODEL = find(SMOLLM2)
HAS_LLAMA = importlib.util.find_spec("xllamacpp") is not None
ENDLESS: JsonObject = {"ignore_eos": True}
TOOLS = (
    ToolDefinition("add", "Add two numbers.", {"type": "object", "properties": {}}),
    ToolDefinition("weather", "Tell the weather.", {"type": "object", "properties": {}}),
)


def real(test: T) -> T:
    """A test that needs the model."""
    test = pytest.mark.skipif(not HAS_LLAMA, reason='no xllamacpp: install ".[local]"')(test)
    test = pytest.mark.skipif(MODEL is None, reason="no model: rig-sync models pull")(test)
    marked: T = pytest.mark.slow(test)
    return marked


# without a model ------------------------------------------------------------------------------


def encoded(choice: ToolChoice | None, temperature: float | None = None) -> dict[str, object]:
    request = CompletionRequest(
        "smollm2", (user("Hi"),), tools=TOOLS, tool_choice=choice, temperature=temperature
    )
    return dict(local.LocalChat().encode(request, stream=True))


def test_the_built_in_model_is_held_back() -> None:
    """It would loop for ever: it is told when to stop, unless the request says so or has tools."""
    said = CompletionRequest("m", (user("Hi"),), max_tokens=7)
    body = local.Client().wire.encode(said, stream=True)
    assert (body["max_tokens"], body["temperature"], body["repeat_penalty"]) == (7, 0.7, 1.1)
    with_tools = CompletionRequest("m", (user("Hi"),), tools=TOOLS)
    assert "repeat_penalty" not in local.Client().wire.encode(with_tools, stream=True)
    assert "repeat_penalty" not in local.Client("mine.gguf").wire.encode(said, stream=True)


@pytest.mark.parametrize("choice", [None, ToolChoice("auto"), ToolChoice("none")])
def test_a_tool_is_forced_only_where_it_must(choice: ToolChoice | None) -> None:
    """llama.cpp refuses the template's way of forcing together with `auto`."""
    assert "chat_template_kwargs" not in encoded(choice)


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (ToolChoice("required"), ["add", "weather"]),
        (ToolChoice("specific", ("weather",)), ["weather"]),
    ],
)
def test_required_and_specific(choice: ToolChoice, shown: list[str]) -> None:
    """Both are `required`; one certain tool is the only one that the model sees."""
    body = encoded(choice)
    assert body["tool_choice"] == "required"
    assert body["chat_template_kwargs"] == {"force_tool": True}
    tools = body["tools"]
    assert isinstance(tools, list)
    assert [tool["function"]["name"] for tool in tools] == shown


def test_temperature_0_is_repeatable() -> None:
    """At temperature 0 nothing is reused, for what was reused changes the answer."""
    assert encoded(None, 0)["cache_prompt"] is False
    assert "cache_prompt" not in encoded(None, 0.5)


@pytest.mark.parametrize("name", ["gpt-5.5", "SmolLM2", ""])
def test_another_model_is_refused_early(name: str) -> None:
    """The error has the name that there is."""
    with pytest.raises(ConfigError, match="there is 'smollm2'"):
        local.Client().agent(name)


def test_a_model_of_ones_own_is_called_by_its_file() -> None:
    """The pulled file keeps its name wherever it lies."""
    local.Client("/models/qwen3-0.6b.gguf").agent("qwen3-0.6b")
    local.Client(Path("/models") / SMOLLM2.file).agent(local.SMOLLM2)
    assert SMOLLM2.name == local.SMOLLM2


@pytest.mark.parametrize("n_ctx", [0, 1, 10**9])
def test_a_context_that_cannot_be(n_ctx: int) -> None:
    """Too few tokens would abort the process, too many take all of its memory."""
    with pytest.raises(ConfigError, match="256 or more, 8192 at most"):
        local.Client(n_ctx=n_ctx)


def test_it_has_no_address_of_yours() -> None:
    """The error has the client that does."""
    with pytest.raises(ConfigError, match=r"llamacpp\.Client"):
        local.Client.from_env(base_url="http://127.0.0.1:8080/v1")


def test_its_key_is_not_shown() -> None:
    """Neither by the client nor by its models."""
    client = local.Client()
    assert client.endpoint.redact(repr(client)) == repr(client)
    assert "on first use" in repr(client)


def test_without_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error has the command that fetches it."""
    monkeypatch.setenv("RIG_SYNC_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="run `rig-sync models pull`"):
        local.Client().completion_model("smollm2").completion("Hi").send()


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_file_that_is_no_model(content: bytes | None, tmp_path: Path) -> None:
    """Neither a missing file nor one of another kind gets as far as llama.cpp."""
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.gguf"):
        local.Client(path).agent("mine").build().prompt("Hi")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error has the command that installs it."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r'pip install "rig_sync\[local\]"'):
        local.Client(path).agent("mine").build().prompt("Hi")


def test_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An xllamacpp without what is needed of it is an error in words."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", types.ModuleType("xllamacpp"))
    with pytest.raises(ConfigError, match="too old or too new"):
        local.Client(path).agent("mine").build().prompt("Hi")


# with it --------------------------------------------------------------------------------------


@real
def test_it_streams() -> None:
    """Words, then usage and the reason of the end; the same words at the same question."""
    with local.Client() as client:
        model = client.completion_model(local.SMOLLM2)
        builder = model.stream_completion("Say hello.").temperature(0).max_tokens(8)
        first = list(builder.stream())
        last = first[-1]
        assert isinstance(last, StreamFinal)
        assert last.finish_reason is not None
        assert (last.finish_reason.kind, last.usage.output_tokens) == ("length", 8)
        words = [item.text for item in first if isinstance(item, Text)]
        assert len(words) > 4
        assert builder.send().text == "".join(words)


@real
def test_it_speaks_responses_too() -> None:
    """The same server, by another wire."""
    with local.Client() as client:
        client.wire = OpenAIResponses()
        model = client.completion_model(local.SMOLLM2)
        stream = model.stream_completion("Say hello.").temperature(0).max_tokens(8).stream()
        assert len([item for item in stream if isinstance(item, Text)]) > 4
        assert stream.usage.output_tokens == 8


@real
def test_it_calls_a_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """The example: a call, its result, and an answer in words that goes by it."""
    with local.Client() as client:
        local_tool.main(client)
    call, result, answer = capsys.readouterr().out.strip().split("\n", 2)
    assert call == "the model calls weather({'city': 'Paris'})"
    assert result == "the tool answers: It is sunny and 22 degrees in Paris."
    assert "Paris" in answer


@real
@pytest.mark.parametrize("mode", ["native", "tool"])
def test_it_fills_in_a_form(mode: Literal["native", "tool"]) -> None:
    """A typed answer that fits, by the schema setting and by a tool; it grows while it comes."""
    with local.Client() as client:
        form = client.extractor(
            local.SMOLLM2, extract.Person, output_mode=mode, temperature=0, max_tokens=80
        )
        stream = form.stream(extract.TEXT)
        grown = [item.value for item in stream if isinstance(item, Partial)]
    assert len(grown) > 2
    assert grown[-1] == msgspec.to_builtins(stream.output)


@real
def test_the_form_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """The example prints the person as it grows, and then the person."""
    with local.Client() as client:
        extract.main(client)
    assert capsys.readouterr().out.splitlines()[-1].startswith("Person(name='Ada")


@real
def test_errors_are_the_servers_own() -> None:
    """A prompt beyond the context and a field out of range, each by its class."""
    with local.Client(n_ctx=256) as client:
        model = client.completion_model(local.SMOLLM2)
        with pytest.raises(ContextLengthExceeded):
            model.completion("word " * 400).send()
        with pytest.raises(BadRequest):
            model.completion("Hi").additional_params({"max_tokens": -5}).send()


@real
def test_a_damaged_model(tmp_path: Path) -> None:
    """A file that was cut is an error in words, and soon."""
    assert MODEL is not None
    path = tmp_path / SMOLLM2.file
    with MODEL.open("rb") as whole:
        path.write_bytes(whole.read(1 << 20))
    with pytest.raises(ConfigError, match="cannot load"):
        local.Client(path).agent(local.SMOLLM2).build().prompt("Hi")


@real
def test_threads_share_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that come first wait for one start; each gets its answer, whatever proxy is set."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    found: list[tuple[str, str]] = []
    barrier = threading.Barrier(3)

    def ask() -> None:
        barrier.wait(10)
        address = client.endpoint.base_url
        agent = client.agent(local.SMOLLM2).temperature(0).max_tokens(8).build()
        found.append((address, "".join(agent.stream_prompt("Say hello.").text_deltas())))

    with local.Client() as client:
        for thread in [spawn(ask) for _ in range(3)]:
            thread.join(30)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert found[0][1]


@real
def test_a_server_that_nobody_asks() -> None:
    """It ends as any other, however soon: its loop may not have begun by then."""
    for _ in range(5):
        with local.Client() as client:
            assert client.endpoint.base_url


@real
def test_others_on_this_machine_have_no_key() -> None:
    """Without the client's random key the server refuses."""
    with local.Client() as client:
        parts = urlsplit(client.endpoint.base_url)
        assert parts.hostname == "127.0.0.1"
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 0, timeout=10)
        connection.request("POST", "/v1/chat/completions", "{}")
        assert connection.getresponse().status == 401
        connection.close()


@real
def test_cancel_frees_the_model() -> None:
    """The next answer does not wait until the cancelled one would have ended."""
    with local.Client() as client:
        agent = client.agent(local.SMOLLM2).additional_params(ENDLESS).build()
        stream = agent.stream_prompt("Tell me a story.")
        next(stream)
        began = time.monotonic()
        stream.cancel()
        assert list(stream) == []
        client.agent(local.SMOLLM2).max_tokens(2).build().prompt("Hi")
        assert time.monotonic() - began < 10  # all 4096 tokens would take a minute


def listens(address: str) -> bool:
    parts = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


@real
def test_close_ends_the_server_and_its_streams() -> None:
    """The port is free, soon; who still reads is told; a later request starts another."""
    client = local.Client()
    agent = client.agent(local.SMOLLM2).additional_params(ENDLESS).build()
    stream = agent.stream_prompt("Tell me a story.")
    next(stream)
    address = client.endpoint.base_url
    assert listens(address)
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 1.5  # left to itself, llama.cpp takes 2 to 30 seconds
    assert not listens(address)
    with pytest.raises(StreamTruncated):
        list(stream)
    assert client.agent(local.SMOLLM2).max_tokens(2).build().prompt("Hi").output
    client.close()
    client.close()


@real
def test_a_model_keeps_the_server_alone() -> None:
    """The client may go; when the last model goes too, the server stops."""
    client = local.Client()
    model = client.completion_model(local.SMOLLM2)
    address = client.endpoint.base_url
    del client
    assert model.completion("Hi").max_tokens(2).send().text
    assert listens(address)
    del model
    assert not listens(address)


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A script of its own, with `agent()` on a new client."""
    head = """
        import os, sys, threading, time
        from rig_sync.providers import local
        def agent(tokens=2000):
            builder = local.Client().agent("smollm2").temperature(0).max_tokens(tokens)
            return builder.additional_params({"ignore_eos": True}).build()
        """
    script = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@real
@pytest.mark.parametrize(
    "code",
    [
        "stream = agent().stream_prompt('Hi'); next(stream)",
        """
        going = threading.Event()
        def read():
            for item in agent().stream_prompt("Hi"):
                going.set()
        threading.Thread(target=read, daemon=True).start()
        going.wait(20)
        """,
        "agent(3).prompt('Hi')",
        f"local.Client({__file__!r}).agent('test_local').build().stream_prompt('Hi')",
    ],
    ids=["in flight", "read by a thread", "idle", "never started"],
)
def test_exit_is_quick_and_silent(code: str) -> None:
    """Nothing on either output, also from llama.cpp itself; no wait for the answer's end."""
    ended = run(f"{textwrap.dedent(code)}\nprint(time.time(), flush=True)")
    assert time.time() - float(ended.stdout) < 2
    assert (ended.stderr, ended.returncode) == ("", 0)


@real
@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="there is no fork on Windows")
def test_a_forked_child_has_its_own() -> None:
    """Child and parent both go on, and both end as they should, quickly and silently."""
    ended = run(
        """
        mine = agent(6)
        stream = agent().stream_prompt("Hi")
        next(stream)
        answer = mine.prompt("Hi").output
        child = os.fork()
        if child == 0:
            print(mine.prompt("Hi").output == answer, flush=True)
            sys.exit(9)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        next(stream)
        print(mine.prompt("Hi").output == answer)
        """
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("True\n9\nTrue\n", "", 0)
