"""The doctor at servers that nobody here wrote: it finds what is known of them, on every wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig_sync import Client, CompletionRequest
from rig_sync._json import JsonObject
from rig_sync.doctor import Report, examine
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.servers import test_aimock as aimocks
from tests.servers import test_llmock as llmocks
from tests.servers import test_xllamacpp as llamas
from tests.servers.asking import MODEL, options
from tests.servers.conftest import HERE, Llmock, installed
from tests.servers.process import serving

TIMEOUT = 20.0  # seconds: below the watchdog, so that a hang is a finding
SOUND = ("connection", "one-shot answer", "streaming", "framing", "terminal record", "tool result")


def report_of(client: Client, *checks: str, model: str = MODEL) -> Report:
    """What is found, and no fault of ours in it."""
    with client:
        report = examine(client, model=model, timeout=TIMEOUT, checks=checks or None)
    assert [one for one in report.findings if "fault of rig_sync" in one.words] == []
    return report


# llmock -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", llmocks.WIRES.values(), ids=llmocks.WIRES)
def test_llmock(llmock: Llmock, wire: llmocks.Spoken) -> None:
    """Its streams are as documented; any model answers, and its tools are called one at a time."""
    report = report_of(wire.client(options(llmock.url + wire.path)))
    assert [report.finding(name).verdict for name in SOUND] == ["ok"] * len(SOUND)
    assert report.copes
    assert report.finding("tool deltas").copes != "no"
    assert "a model that there is not answers" in report.finding("unknown model").seen
    assert report.finding("parallel calls").verdict == "not seen"
    assert (report.finding("usage").verdict == "ok") == wire.usage


# aimock -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of aimock, which knows the questions of the doctor."""
    program = installed("RIG_SYNC_AIMOCK", "aimock")
    command = [program, "-p", "0", "-f", str(HERE / "doctor.json"), "--validate-on-load"]
    with serving(command, tmp_path_factory.mktemp("aimock") / "log") as server:
        yield server.url


AIMOCK = {
    name: wire
    for name, wire in aimocks.WIRES.items()
    if name in ("chat", "responses", "anthropic", "gemini", "cohere", "ollama")
}


@pytest.mark.parametrize("wire", AIMOCK.values(), ids=AIMOCK)
def test_aimock(aimock: str, wire: aimocks.Spoken) -> None:
    """It calls two tools at once, and writes letters of all sizes; it heeds no limit."""
    report = report_of(wire.client(options(aimock + wire.path)))
    assert [report.finding(name).verdict for name in SOUND] == ["ok"] * len(SOUND)
    both = report.finding("parallel calls")
    assert "2 calls: Paris, Rome" in both.seen
    assert both.copes != "no"
    assert report.finding("unicode").verdict == "ok"
    assert "a model that there is not answers" in report.finding("unknown model").seen
    assert {one.check for one in report.findings if one.copes == "no"} <= {"token limit", "usage"}


# llama.cpp ----------------------------------------------------------------------------------------

KNOWN = {
    "chat": {
        "text deltas": "content: null in 1 of",
        "kept connection": "the connection is closed after a stream",
    },
    "responses": {
        "text deltas": "sequence_number",
        "tool deltas": "no frame of the kind response.function_call_arguments.done",
    },
    "messages": {"tool deltas": "content_block.input"},
}
"""What is known of it: where, and in which words."""

SEEN_QUICKLY = ("connection", "streaming", "terminal record")  # it is slow where others work


def brief(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """`body`, with no more room than a call needs: what is looked at shows in few tokens too."""
    limit = "max_output_tokens" if "input" in body else "max_tokens"
    return {**llamas.forced(request, body), limit: 40 if request.tools else 8}


BRIEF: dict[str, Wire] = {
    "chat": OpenAIChat(adapt=brief),
    "responses": OpenAIResponses(adapt=brief),
    "messages": AnthropicMessages(adapt=brief),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_llama(llama: str, name: str) -> None:
    """What llama.cpp does otherwise is found, and rig_sync copes with all of it."""
    wire = llamas.WIRES[name]
    client = wire.client(options(llama + wire.path))
    client.wire = BRIEF[name]
    report = report_of(client, *SEEN_QUICKLY, *KNOWN[name], model=llamas.SMOLLM2)
    assert report.copes
    assert report.server == "llama.cpp"
    assert [report.finding(check).verdict for check in SEEN_QUICKLY] == ["ok"] * len(SEEN_QUICKLY)
    for check, what in KNOWN[name].items():
        told = [one.what for one in report.finding(check).deviations]
        assert any(what in text for text in told), told
