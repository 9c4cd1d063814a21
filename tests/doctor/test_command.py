"""`rig-sync doctor`, as a user types it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from rig_sync.cli import main
from rig_sync.doctor import Finding
from rig_sync.doctor.command import build_parser, client_for
from rig_sync.doctor.run import CHECKS
from rig_sync.doctor.spoken import SPOKEN
from tests.conftest import ServerFactory
from tests.doctor.endpoint import KEY, MODEL, Part, answering, error, said, whole
from tests.server import ScriptedServer, Stall, chat_chunk, sse_response

VARIABLE = "GATEWAY_KEY"


def command(served: ScriptedServer, *more: str) -> list[str]:
    """The command's words."""
    return ["doctor", served.url + "/v1", "--timeout", "20", *more]


def started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """The command, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-m", "rig_sync.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


# what it prints -----------------------------------------------------------------------------------


def test_an_endpoint_without_fault(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, and a last line; status 0; nothing on standard error."""
    assert main(command(server(answering()), "--key-env", VARIABLE)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines if line.split("  ")[0] in NAMES] == list(NAMES)
    assert lines[-1] == (
        "25 checks: 25 as documented, 0 deviations that rig_sync copes with, "
        "0 that it does not, 0 not seen"
    )
    assert "What deviates" not in out


NAMES = tuple(check.name for check in CHECKS)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"both": said("Sunny."), "no model": said("Hello.")}, 0),
        ({"stream": whole({"choices": []})}, 1),
    ],
    ids=["it copes", "it does not"],
)
def test_the_status_says_whether_it_copes(
    server: ServerFactory, changes: Mapping[str, Part], status: int
) -> None:
    """What differs and does no harm is no failure."""
    assert main(command(server(answering(changes)), "--key-env", VARIABLE)) == status


def test_json_is_a_line_for_each_finding(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of which the library reads again; the last line is about all of them."""
    served = server(answering({"no model": said("Hello.")}))
    assert main(command(served, "--key-env", VARIABLE, "--json")) == 0
    *findings, last = capsys.readouterr().out.splitlines()
    read = [msgspec.json.decode(line, type=Finding) for line in findings]
    assert [one.check for one in read] == list(NAMES)
    assert [one.check for one in read if one.copes == "yes"] == ["unknown model"]
    report = json.loads(last)
    assert report["kind"] == "report"
    assert (report["model"], report["copes"], report["complete"]) == (MODEL, True, True)
    assert report["summary"].startswith("25 checks: 24 as documented, 1 deviation that")


def test_some_checks_alone(server: ServerFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is asked for is looked at, and what that needs is asked."""
    served = server(answering())
    words = command(served, "--key-env", VARIABLE, "--check", "usage", "--check", "framing")
    assert main(words) == 0
    assert "2 checks: 2 as documented" in capsys.readouterr().out
    assert len(served.requests) == 3  # the list, a whole answer, a stream


def test_debug_prints_what_went_over_the_wire(
    server: ServerFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each request and what came of it, on standard error, without the key."""
    served = server(answering({"no model": error(404, f"no model for {KEY}", "x")}))
    words = command(served, "--key-env", VARIABLE, "--debug", "--check", "unknown model")
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert '> POST /v1/chat/completions {"model":"m-1","messages":' in err
    assert "< 404 application/json" in err
    assert "no model for [key]" in err
    assert KEY not in out + err
    assert all(mark.isprintable() for mark in err.replace("\n", ""))


class Terminal(io.StringIO):
    """Standard error with a person at it."""

    def isatty(self) -> bool:
        """A person is there."""
        return True


def test_a_person_sees_what_goes_on(server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check under way is named on one line, which is blank in the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    main(command(server(answering()), "--key-env", VARIABLE, "--check", "tool deltas"))
    assert terminal.getvalue().startswith("\rlooking at: tool deltas ...\r")
    assert terminal.getvalue().rpartition("...")[2].strip() == ""


def test_a_terminal_that_knows_few_letters(server: ServerFactory) -> None:
    """What it cannot show becomes a question mark."""
    served = server(answering())
    words = command(served, "--key-env", VARIABLE, "--check", "unicode")
    done = subprocess.run(
        [sys.executable, "-m", "rig_sync.cli", *words],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"caf?, ??, ?" in done.stdout


# how it ends --------------------------------------------------------------------------------------


def test_ctrl_c_prints_what_there_is(server: ServerFactory) -> None:
    """The table so far, that it was stopped, and status 130; no traceback."""
    served = server(answering({"call": sse_response(chat_chunk({"content": "Hm"}), Stall())}))
    with started(command(served, "--key-env", VARIABLE)) as process:
        while not any(b"in Paris" in request.body for request in list(served.requests)):
            assert process.poll() is None
            served.disconnected.wait(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == b""
    text = out.decode()
    assert "; stopped before the end" in text
    assert "8 checks: 8 as documented" in text
    assert "tool deltas" not in text


def test_a_reader_that_leaves(server: ServerFactory) -> None:
    """As with `| head`: no complaint; what was not looked at is not praised."""
    served = server(answering())
    with started(command(served, "--key-env", VARIABLE, "--json")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 5)
        process.stdout.close()
        assert process.wait(20) == 1
        assert process.stderr.read() == b""


def test_a_reader_that_was_never_there(server: ServerFactory) -> None:
    """As with `| true`: the exit status is of what was found."""
    served = server(answering({"call": whole({"choices": []})}))
    with started(command(served, "--key-env", VARIABLE, "--check", "tool deltas")) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 1


@pytest.mark.parametrize("wire", sorted(SPOKEN.keys() - {"bedrock_converse"}))  # that needs a key
def test_every_wire_can_be_asked_for(wire: str) -> None:
    """`--wire` alone is enough, and no key is sent that was meant for somebody else."""
    options = build_parser().parse_args(["http://127.0.0.1:9", "--wire", wire])
    with client_for(options) as client:
        assert client.wire.name == wire
        assert client.endpoint.base_url == "http://127.0.0.1:9"
        headers = client.endpoint.request("/", b"{}").headers
    assert [name for name in headers if "auth" in name.lower() or "key" in name.lower()] == []


HEADERS = {
    "openai_chat": "Authorization",
    "openai_responses": "Authorization",
    "anthropic_messages": "x-api-key",
    "gemini_generate": "x-goog-api-key",
    "gemini_interactions": "x-goog-api-key",
    "cohere_chat": "Authorization",
    "ollama_chat": "Authorization",
    "bedrock_converse": "Authorization",
}


@pytest.mark.parametrize("wire", SPOKEN)
def test_the_key_goes_where_the_wire_has_it(wire: str) -> None:
    """A key out of `--key-env` is sent in the wire's own header."""
    words = ["http://127.0.0.1:9", "--wire", wire, "--key-env", VARIABLE]
    with client_for(build_parser().parse_args(words)) as client:
        assert KEY in client.endpoint.request("/", b"{}").headers[HEADERS[wire]]


def test_other_keys_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of the user's gets no key of a provider, unless that provider is named."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    for wire in ("anthropic_messages", "openai_responses", "openai_chat"):
        options = build_parser().parse_args(["http://127.0.0.1:9", "--wire", wire])
        with client_for(options) as client:
            assert "sk-" not in str(dict(client.endpoint.request("/", b"{}").headers.items()))


def test_a_provider_brings_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, key and wire are the provider's; each can be another."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk-0123456789")
    with client_for(build_parser().parse_args(["--provider", "groq"])) as client:
        assert (client.name, client.wire.name) == ("groq", "openai_chat")
        assert client.endpoint.base_url == "https://api.groq.com/openai/v1"
        assert (
            client.endpoint.request("/", None).headers["Authorization"].endswith("gsk-0123456789")
        )
    words = ["http://127.0.0.1:9", "--provider", "groq", "--wire", "openai_responses"]
    with client_for(build_parser().parse_args([*words, "--key-env", VARIABLE])) as client:
        assert (client.name, client.wire.name) == ("groq", "openai_responses")
        assert client.endpoint.base_url == "http://127.0.0.1:9"
        assert client.endpoint.request("/", None).headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "write rig-sync doctor BASE_URL, or --provider NAME"),
        (["localhost"], "is no URL"),
        (["http://127.0.0.1:9", "--provider", "opnai"], "there is no provider 'opnai'"),
        (["--provider", "openai"], "set OPENAI_API_KEY"),
        (["--provider", "vertex", "--key-env", VARIABLE], "vertex takes no key of its own"),
        (["http://127.0.0.1:9", "--key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY is not set"),
        (["http://127.0.0.1:9", "--key-env", KEY], "its variable is not set"),
        (["http://127.0.0.1:9", "--api-key", KEY], "there is no option --api-key: a key is taken"),
        (["http://127.0.0.1:9", f"--api-key={KEY}"], "there is no option --api-key: a key is"),
        (["http://127.0.0.1:9", KEY], "more words than one BASE_URL"),
        (["http://127.0.0.1:9", "--timeout", "0"], "timeout=0.0: give a number of seconds above 0"),
        (["http://127.0.0.1:9", "--check", "usge"], "there is no check 'usge'; the checks are:"),
        (["--provider", "perplexity", "--key-env", VARIABLE], "perplexity lists no models"),
    ],
)
def test_misuse_is_one_line_and_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to write instead; a key in the wrong place is not repeated."""
    assert main(["doctor", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert KEY not in err


def test_the_help_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The command's own help names it, and its help names every option."""
    for words in (["--help"], ["doctor", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "rig-sync doctor http://localhost:8000/v1" in out
    for option in (
        "--model",
        "--wire",
        "--provider",
        "--key-env",
        "--timeout",
        "--json",
        "--check",
    ):
        assert option in out
