"""The command, as a user types it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rig_sync import (
    FinalResponse,
    RateLimited,
    StreamAssistantItem,
    StreamError,
    Text,
    __version__,
    load_item,
)
from rig_sync.cli import main
from rig_sync.providers import provider_names
from tests.conftest import ServerFactory
from tests.server import (
    Flood,
    ScriptedServer,
    Stall,
    call_chunks,
    chat_chunk,
    chat_chunks,
    error_response,
    response,
    sse_response,
)

USAGE = {"prompt_tokens": 10, "completion_tokens": 3}
WORDS = sse_response(*chat_chunks("Once ", "upon.", usage=USAGE))
PAYING = """
from rig_sync import tool

@tool(approval=True)
def pay(amount: int) -> str:
    'Pay.'
    return f"paid {amount}"
"""


def arguments(served: ScriptedServer, *more: str) -> list[str]:
    return ["--model", "openai_compatible:m", "--base-url", served.url, *more]


def command(*words: str) -> list[str]:
    return [sys.executable, "-X", "dev", "-m", "rig_sync.cli", *words]


def test_it_prints_the_words(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """Words on standard output, counts on standard error, status 0."""
    served = server(WORDS)
    assert main(arguments(served, "--usage", "--preamble", "Be brief.", "Hi")) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("Once upon.\n", "10 tokens in, 3 tokens out\n")
    assert b"Be brief." in served.requests[0].body


def test_the_settings_go_out(server: ServerFactory) -> None:
    """Temperature and token limit are in the request."""
    served = server(WORDS)
    assert main(arguments(served, "--temperature", "0", "--max-tokens", "9", "Hi")) == 0
    assert b'"temperature":0.0' in served.requests[0].body
    assert b'"max_tokens":9' in served.requests[0].body


def test_json_lines_are_items(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """One item a line, which the library reads again."""
    assert main(arguments(server(WORDS), "--json", "Hi")) == 0
    items = [load_item(line) for line in capsys.readouterr().out.splitlines()]
    assert items[0] == StreamAssistantItem(Text("Once "))
    assert isinstance(items[-1], FinalResponse)
    assert items[-1].output == "Once upon."


def test_json_lines_tell_the_error(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is the error; so is the one on standard error; status 1."""
    served = server(error_response(429, headers={"Retry-After": "999"}))
    assert main(arguments(served, "--json", "Hi")) == 1
    out, err = capsys.readouterr()
    last = load_item(out)
    assert isinstance(last, StreamError)
    assert isinstance(last.error, RateLimited)
    assert err.startswith("rig-sync: openai_compatible: scripted 429")


def test_the_prompt_from_standard_input(
    server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash reads it; so does no prompt at all when something is piped in."""
    served = server(WORDS)
    for more in (["-"], []):
        monkeypatch.setattr(sys, "stdin", io.StringIO("From a pipe"))
        assert main(arguments(served, *more)) == 0
        assert b"From a pipe" in served.requests[-1].body


def test_a_tool_of_the_users(
    server: ServerFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--tool module:function` finds it in the current folder, and the model may call it."""
    (tmp_path / "mytools.py").write_text(
        'def shout(word: str) -> str:\n    """Shout a word."""\n    return word.upper()\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    served = server(sse_response(*call_chunks(("shout", {"word": "hey"}))), WORDS)
    assert main(arguments(served, "--tool", "mytools:shout", "--max-turns", "2", "Hi")) == 0
    assert b'"content":"HEY"' in served.requests[1].body


class Terminal(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        """A person is there."""
        return True


@pytest.mark.parametrize(
    ("typed", "told"), [("y\n", "paid 7"), ("no\n", "did not agree"), ("", "did not agree")]
)
def test_a_person_is_asked(
    server: ServerFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    told: str,
) -> None:
    """A tool that needs approval runs when the person says so; else the model is told."""
    module = f"paying_{len(typed)}"
    (tmp_path / f"{module}.py").write_text(PAYING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    served = server(sse_response(*call_chunks(("pay", {"amount": 7}))), WORDS)
    assert main(arguments(served, "--tool", f"{module}:pay", "Hi")) == 0
    out, err = capsys.readouterr()
    assert out == "Once upon.\n"
    assert err == 'rig-sync: run pay({"amount":7})? [y/N] '
    assert told.encode() in served.requests[1].body


def test_nobody_can_be_asked(
    server: ServerFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a terminal the call does not run, and the command says why."""
    (tmp_path / "paying.py").write_text(PAYING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    served = server(sse_response(*call_chunks(("pay", {"amount": 7}))))
    assert main(arguments(served, "--tool", "paying:pay", "Hi")) == 1
    assert "waits for a person, and there is no terminal" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "opnai:gpt", "Hi"], "there is no provider 'opnai'; the providers are:"),
        (["--model", "gpt-5.5", "Hi"], "write PROVIDER:NAME, as openai:gpt-5.5"),
        (["--model", "openai:gpt-5.5", "Hi"], "set OPENAI_API_KEY"),
        (["--model", "local:gpt-5.5", "Hi"], "smollm2"),
        (["--base-url", "http://127.0.0.1:9", "Hi"], "add --model openai_compatible:NAME"),
        (["--offline", "Hi"], "run `rig-sync models pull`"),
        (["--model", "openai_compatible:m", "--base-url", "localhost", "Hi"], "is no URL"),
        (["--model", "openai_compatible:m", "--base-url", "https://x", " "], "the prompt is empty"),
        (
            ["--model", "openai_compatible:m", "--base-url", "https://x", "--tool", "os", "Hi"],
            "write MODULE:FUNCTION, as mytools:weather",
        ),
        (
            ["--model", "openai_compatible:m", "--base-url", "https://x", "--tool", "os:no", "Hi"],
            "no attribute 'no'",
        ),
        (
            ["--model", "openai_compatible:m", "--base-url", "https://x", "--max-turns", "0", "Hi"],
            "max_turns=0",
        ),
    ],
)
def test_misuse_is_one_line_and_status_2(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """What was wrong and what to write instead, without a traceback."""
    monkeypatch.setenv("RIG_SYNC_CACHE", str(tmp_path))
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_a_failure_is_one_line_and_status_1(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """What came before it is printed; a traceback only with --debug."""
    served = server(sse_response(*chat_chunks("Once ", finish=None, done=False)))
    assert main(arguments(served, "Hi")) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("Once \n", 1)
    assert "the body ended before the answer did" in err
    assert main(arguments(served, "--debug", "Hi")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints it."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"rig-sync {__version__}\n"


def test_ctrl_c_keeps_what_was_printed(server: ServerFactory) -> None:
    """The stream stops, the words stay, status 130, nothing on standard error."""
    served = server(sse_response(chat_chunk({"content": "Once "}), Stall()))
    process = subprocess.Popen(
        command(*arguments(served, "Hi")), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == b"Once "
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert (process.stdout.read(), process.stderr.read()) == (b"\n", b"")
    assert served.disconnected.wait(10)


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_leaves(more: list[str], server: ServerFactory) -> None:
    """As with `| head`: no complaint, status 0, and the provider's connection goes."""
    served = server(sse_response(Flood(chat_chunk({"content": "word "}))))
    process = subprocess.Popen(
        command(*arguments(served, *more, "Hi")), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 5)
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == b""
    assert served.disconnected.wait(10)


def test_nothing_is_left_running() -> None:
    """The command ends its reader before it returns."""
    names = [thread.name for thread in threading.enumerate()]
    assert [name for name in names if name.startswith("rig_sync-")] == []


def test_providers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, with key, address, wire and what it offers."""
    assert main(["providers"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["PROVIDER", "KEY", "DEFAULT", "URL", "WIRE", "OFFERS"]
    assert [line.split()[0] for line in lines] == provider_names()
    rows = {line.split()[0]: line.split() for line in lines}
    assert rows["groq"][1:4] == ["GROQ_API_KEY", "https://api.groq.com/openai/v1", "openai_chat"]
    assert rows["vllm"][1] == "[VLLM_API_KEY]"
    assert rows["voyage"][3:] == ["-", "embeddings"]
    assert rows["mistral"][4:] == ["completion", "embeddings", "listing;", "no", "video"]


def test_models_are_listed(
    server: ServerFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id a line; a provider without such a list says so."""
    body = b'{"data": [{"id": "b"}, {"id": "a"}]}'
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    url = server(response(200, {"Content-Type": "application/json"}, body)).url
    assert main(["models", "list", "openai", "--base-url", url]) == 0
    assert capsys.readouterr().out == "b\na\n"
    monkeypatch.setenv("VOYAGE_API_KEY", "key")
    assert main(["models", "list", "voyage"]) == 2
    assert "voyage has no list of models" in capsys.readouterr().err
