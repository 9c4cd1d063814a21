"""The other wires: each is examined by what its own documentation promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rig_sync._json import parse_object
from rig_sync.doctor import Report, examine
from rig_sync.doctor.chat import call_oddities, text_oddities
from rig_sync.doctor.frames import Cut, cut_frames
from rig_sync.doctor.spoken import SPOKEN, kinds_of, missing_fields
from rig_sync.doctor.tap import Piece
from rig_sync.providers.openai_compatible import Client
from tests.conftest import ServerFactory
from tests.doctor.endpoint import KEY, MODEL, error
from tests.server import Request, Script, response, sse_response
from tests.wire.conformance.scenarios import Scene, suite, variants, wires
from tests.wire.corpus import read_corpus
from tests.wire.test_fidelity import SHARED

FAMILIES = {
    "openai_chat": ("openai.chat", "openai"),
    "openai_responses": ("openai.responses", "openai"),
    "anthropic_messages": ("anthropic.messages", "anthropic"),
    "gemini_generate": ("gemini.generate", None),
    "gemini_interactions": ("gemini.interactions", None),
    "cohere_chat": ("cohere.chat", None),
    "ollama_chat": ("ollama.chat", None),
    "bedrock_converse": ("bedrock.converse", None),
}
PRIME = 7  # bytes a piece: no frame of ours is cut alike
each_wire = pytest.mark.parametrize("wire", wires())


def scene(wire: str) -> Scene:
    """An answer of words, with its usage."""
    return variants(suite(wire).SCENES["usage"])["full"]


def answering(wire: str, body: bytes) -> Callable[[Request], Script]:
    """Answers every question with the same words: streamed by `body`, or whole."""
    whole = scene(wire).whole
    assert whole is not None
    pieces = [body[at : at + PRIME] for at in range(0, len(body), PRIME)]
    streamed = sse_response(*pieces, headers={"Content-Type": SPOKEN[wire].media})

    def answer(request: Request) -> Script:
        if request.method == "GET":
            return error(404, "no such route", "x")
        asked = (parse_object(request.body) or {}).get("stream") or "tream" in request.path
        return streamed if asked else response(200, {"Content-Type": "application/json"}, whole)

    return answer


def report_of(server: ServerFactory, wire: str, body: bytes, *checks: str) -> Report:
    """What is found where streams are `body`."""
    if wire == "bedrock_converse":
        pytest.importorskip("botocore")
    with Client(KEY, base_url=server(answering(wire, body)).url) as client:
        client.wire = suite(wire).WIRE
        return examine(client, model=MODEL, timeout=10, checks=checks or None)


def test_every_wire_has_its_promises() -> None:
    """A wire that comes needs some, one that goes takes them along."""
    assert SPOKEN.keys() == set(wires()) == FAMILIES.keys()
    for wire in SPOKEN.values():
        known = {*wire.fields, "[DONE]", "message_stop", "finish", "usage"}
        named = {kind for names in wire.terminal for kind in names.split("|")}
        assert named - {"response.failed"} <= known


@each_wire
def test_an_answer_of_words(server: ServerFactory, wire: str) -> None:
    """Nothing breaks, no check fails by itself, and the usage is read."""
    report = report_of(server, wire, scene(wire).body)
    words = [one.words for one in report.findings]
    assert [text for text in words if "fault of rig_sync" in text] == []
    for check in ("connection", "one-shot answer", "streaming", "after the end", "kept connection"):
        assert report.finding(check).verdict == "ok", report.finding(check)
    for check in ("framing", "terminal record", "text deltas", "usage"):
        assert report.finding(check).copes != "no", report.finding(check)
    usage = scene(wire).answer.usage
    assert report.finding("usage").seen == f"{usage.input_tokens} in, {usage.output_tokens} out"
    assert report.finding("terminal record").verdict == "ok"
    assert report.wire == wire


@each_wire
def test_half_an_answer(server: ServerFactory, wire: str) -> None:
    """The end is missed, on every wire; what hangs on a whole answer is not asked any more."""
    body = scene(wire).body
    report = report_of(server, wire, body[: len(body) // 2])
    finding = report.finding("terminal record")
    assert (finding.verdict, finding.copes) == ("broken", "no")
    assert "the stream ends without" in finding.deviations[0].what
    assert report.finding("tool deltas").words == "no stream came to its end so far"


@each_wire
def test_a_call(server: ServerFactory, wire: str) -> None:
    """Calls are looked at by the fields and frames that the wire promises for them."""
    body = scene(wire).body
    whole = variants(suite(wire).SCENES["every cut"])[""]
    words, calls = answering(wire, body), answering(wire, whole.body)

    def answer(request: Request) -> Script:
        return (calls if b"weather" in request.body else words)(request)

    if wire == "bedrock_converse":
        pytest.importorskip("botocore")
    with Client(KEY, base_url=server(answer).url) as client:
        client.wire = suite(wire).WIRE
        report = examine(client, model=MODEL, timeout=10, checks=["tool deltas", "parallel calls"])
    single, both = report.findings
    assert "add(" in single.seen
    assert any("do not follow the tool's schema" in one.what for one in single.deviations)
    assert both.seen.startswith("2 calls")
    assert both.copes != "no"


# against what was recorded ----------------------------------------------------------------------


def recorded(wire: str) -> Iterator[tuple[str, Cut, bool, bool]]:
    """Whole streams of the vendor's own servers: name, frames, whether with words, with calls."""
    family, provider = FAMILIES[wire]
    framing = suite(wire).WIRE.framing
    for recording in read_corpus(SHARED, {family}, provider)[0]:
        expected, exchange = recording.expected, recording.exchange
        if expected is None or not expected.streaming or not exchange.streaming:
            continue
        if expected.complete and expected.error is None and exchange.response.status == 200:
            cut = cut_frames([Piece(0.0, exchange.response.content)], framing)
            yield recording.name, cut, bool(expected.text), bool(expected.tool_calls)


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
@each_wire
def test_promises_are_what_vendors_keep(wire: str) -> None:
    """Of the vendors' own streams hardly one lacks a field, or an end, that is promised here."""
    if wire == "bedrock_converse":
        pytest.importorskip("botocore")
    spoken = SPOKEN[wire]
    total, lacking, endless = 0, [], []
    for name, cut, _, _ in recorded(wire):
        total += 1
        kinds = set(kinds_of(cut.frames, spoken))
        lacking += [(name, what) for what in missing_fields(cut.frames, spoken)]
        if any(not set(names.split("|")) & kinds for names in spoken.terminal):
            endless.append(name)
    assert total
    assert len(lacking) <= total / 50, lacking
    assert len(endless) <= max(1, total / 10), endless


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
def test_openai_is_not_odd() -> None:
    """The rules for chat completions are about the others: its own break hardly any."""
    total, odd = 0, []
    for name, cut, words, calls in recorded("openai_chat"):
        total += 1
        if calls:
            odd += [(name, one.what) for one in call_oddities(cut.objects)]
        elif words:
            odd += [(name, one.what) for one in text_oddities(cut.objects)]
    assert len({name for name, _ in odd}) <= total / 8, odd
