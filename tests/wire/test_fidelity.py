"""Recorded answers of real providers, and that the comparison with them notices everything."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from rig_sync.completion import CompletionResponse, FinishReason, ResponseIds, Usage
from rig_sync.errors import BadRequest, RigError, ServerError, StreamTruncated
from rig_sync.message import Reasoning, ReasoningText, Text, ToolCall, assistant
from rig_sync.streaming.items import (
    Delta,
    Name,
    ReasoningDelta,
    StreamedAssistantContent,
    StreamFinal,
    ToolCallDelta,
)
from tests.wire.asking import Outcome
from tests.wire.compare import differences
from tests.wire.corpus import Expected, ExpectedBlock, ExpectedCall, ExpectedError
from tests.wire.fidelity import SINGLE_BYTES, WIRES, Cuts, Delivery, main, score
from tests.wire.frames import chat_chunk, chat_message, sse

SHARED = Path(__file__).parents[3] / "shared" / "wire"


def groups() -> list[tuple[str, str]]:
    """Family and provider of every recording there is a wire for."""
    if not SHARED.is_dir():
        return [("none", "none")]
    rows = json.loads((SHARED / "index.json").read_text(encoding="utf-8"))
    return sorted({(r["family"], r["provider"]) for r in rows if r["family"] in WIRES})


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
@pytest.mark.parametrize(("family", "provider"), groups())
def test_every_recorded_answer_is_understood(family: str, provider: str) -> None:
    """Streamed and one-shot, all of it is what the bodies say; exceptions are in a table."""
    report, _ = score(SHARED, family=family, provider=provider)
    assert report.lines == []
    assert report.total("scored") + report.total("not scored") > 0


# the comparison -------------------------------------------------------------------------------

EXPECTED = Expected(
    name="made up",
    index=0,
    family="openai.chat",
    provider="nobody",
    streaming=True,
    status=200,
    complete=True,
    text="Hello",
    reasoning="Hm, well",
    blocks=[ExpectedBlock(signature=True)],
    tool_calls=[ExpectedCall("call-1", "add", {"x": 1}, '{"x":1}')],
    finish="tool_calls",
    usage={"input": 3, "output": 2, "total": 5, "cached": None, "reasoning": 1},
    ids=["chat-0", "chat-1"],
    model="m-1",
)
BLOCK = Reasoning((ReasoningText("Hm,\nwell", "signed"),))
CALL = ToolCall("call-1", "add", {"x": 1})
OURS = CompletionResponse(
    assistant(BLOCK, "Hello", CALL),
    Usage(input_tokens=3, output_tokens=2, total_tokens=5, reasoning_tokens=1),
    FinishReason("tool_calls", "tool_calls"),
    ResponseIds("chat-1"),
    "m-1",
)
ITEMS: list[StreamedAssistantContent] = [
    ReasoningDelta("Hm,\nwell"),
    BLOCK,
    Text("Hel"),
    Text("lo"),
    ToolCallDelta("inner", Name("add")),
    ToolCallDelta("inner", Delta('{"x":')),
    ToolCallDelta("inner", Delta("1}")),
    msgspec.structs.replace(CALL, internal_call_id="inner"),
    StreamFinal(),
]


def fields(expected: Expected, outcome: Outcome) -> set[str]:
    return {found.field for found in differences(expected, outcome)}


def test_equal_answers_have_no_differences() -> None:
    """The answer that everything below departs from."""
    assert fields(EXPECTED, Outcome(OURS, None, ITEMS)) == set()
    assert fields(EXPECTED, Outcome(OURS)) == set()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": "Hello!"}, "text"),
        ({"refusal": "No"}, "text"),
        ({"reasoning": "Hm, no"}, "reasoning"),
        ({"blocks": []}, "blocks (signature, encrypted)"),
        ({"blocks": [ExpectedBlock(encrypted=True)]}, "blocks (signature, encrypted)"),
        ({"tool_calls": []}, "tool calls"),
        ({"tool_calls": [ExpectedCall("call-2", "add", {"x": 1}, "{}")]}, "tool calls"),
        ({"tool_calls": [ExpectedCall("call-1", "sub", {"x": 1}, "{}")]}, "tool calls"),
        ({"tool_calls": [ExpectedCall("call-1", "add", {"x": 2}, "{}")]}, "tool calls"),
        ({"tool_calls": [ExpectedCall("call-1", "add", "text", "text")]}, "tool calls"),
        ({"tool_calls": [*EXPECTED.tool_calls, *EXPECTED.tool_calls]}, "tool calls"),
        (
            {"tool_calls": [ExpectedCall("call-1", "add", {"__unparsed__": "{"}, "{")]},
            "cut tool call",
        ),
        ({"finish": "length"}, "finish"),
        ({"finish": None}, "finish"),
        ({"finish": "eos"}, "finish"),
        ({"usage": {**(EXPECTED.usage or {}), "input": None}}, "usage.input"),
        ({"usage": {**(EXPECTED.usage or {}), "cached": 0}}, "usage.cached"),
        ({"usage": None}, "usage.reasoning"),
        ({"ids": []}, "id"),
        ({"ids": ["chat-0"]}, "id"),
        ({"model": None}, "model"),
        ({"error": ExpectedError("stream", code="no")}, "error"),
        ({"complete": False, "finish": None}, "error"),
    ],
)
def test_the_comparison_notices(change: dict[str, object], field: str) -> None:
    """Every scored field; a difference in one is told by its name."""
    assert field in fields(msgspec.structs.replace(EXPECTED, **change), Outcome(OURS, None, ITEMS))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda items: items[2:], "reasoning items"),
        (lambda items: [*items[:3], *items[4:]], "text deltas"),
        (lambda items: [*items[:4], *items[5:]], "name delta"),
        (lambda items: [*items[:5], *items[6:]], "argument deltas"),
        (lambda items: [*items[:7], items[8]], "tool call items"),
        (lambda items: items[:-1], "finals"),
        (lambda items: [items[-1], *items[:-1]], "last item"),
    ],
)
def test_the_comparison_notices_in_the_stream(
    change: Callable[[list[StreamedAssistantContent]], list[StreamedAssistantContent]], field: str
) -> None:
    """What is streamed has to amount to the message."""
    assert field in fields(EXPECTED, Outcome(OURS, None, change(ITEMS)))


@pytest.mark.parametrize(
    ("expected", "ours", "field"),
    [
        (ExpectedError("status", None, "bad"), BadRequest("x", status=400, code="bad"), None),
        (ExpectedError("status", "bad", None), BadRequest("x", status=400, code="bad"), None),
        (ExpectedError("status", None, 7), BadRequest("x", status=400, code="7"), None),
        (ExpectedError("status"), BadRequest("x", status=500), "error.status"),
        (ExpectedError("status"), ServerError("x", status=400), "error.type"),
        (ExpectedError("status", "bad"), BadRequest("x", status=400), "error.code"),
        (ExpectedError("status"), StreamTruncated("x"), "error"),
        (ExpectedError("status"), None, "error"),
        (None, StreamTruncated("x"), "error"),
    ],
)
def test_the_comparison_notices_errors(
    expected: ExpectedError | None, ours: RigError | None, field: str | None
) -> None:
    """Status, type and code of an error, and that there is one."""
    recorded = msgspec.structs.replace(EXPECTED, error=expected, status=400 if expected else 200)
    assert fields(recorded, Outcome(OURS, ours)) == ({field} if field else set())


def test_truncation_is_expected_where_the_recording_breaks_off() -> None:
    """Unless a finish reason had come, which is a terminal proof too."""
    recorded = msgspec.structs.replace(EXPECTED, complete=False)
    assert fields(recorded, Outcome(OURS)) == set()
    recorded = msgspec.structs.replace(recorded, finish=None)
    ours = msgspec.structs.replace(OURS, finish_reason=None)
    assert fields(recorded, Outcome(ours)) == {"error"}
    assert fields(recorded, Outcome(ours, StreamTruncated("x"))) == set()


# the command, and how the bodies come ----------------------------------------------------------

WORDS = "caf\u00e9 \U0001f980 \u2028"


def record(folder: Path, text: str = WORDS) -> None:
    """A folder of two recordings, streamed and one-shot, of which `text` is expected."""
    stop = chat_chunk({}, "stop")
    bodies = {
        True: sse(chat_chunk({"content": WORDS[:6]}), chat_chunk({"content": WORDS[6:]}), stop),
        False: msgspec.json.encode(chat_message({"content": WORDS})),
    }
    exchanges = [
        {
            "family": "openai.chat",
            "provider": "nobody",
            "streaming": streaming,
            "request": {"method": "POST", "path": "/anywhere/chat", "json": {"model": "m-1"}},
            "response": {
                "status": 200,
                "headers": {"content-encoding": "identity", "x-request-id": "request-1"},
                "content_type": "text/event-stream" if streaming else "application/json",
                "body": body.decode(),
            },
        }
        for streaming, body in bodies.items()
    ]
    expected = [
        Expected(
            *("made up", index, "openai.chat", "nobody"),
            streaming=streaming,
            status=200,
            complete=True,
            text=text,
            finish="stop",
            ids=["chat-1"],
            model="m-1",
        )
        for index, streaming in enumerate(bodies)
    ]
    conversation = {"name": "made up", "exchanges": exchanges}
    (folder / "one.jsonl").write_bytes(msgspec.json.encode(conversation))
    (folder / "index.json").write_text('[{"name": "made up", "file": "one.jsonl"}]')
    lines = b"\n".join(map(msgspec.json.encode, expected))
    (folder / "expected.jsonl.gz").write_bytes(gzip.compress(lines))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recordings that are not as expected: the differences, the mode, figures, status 1."""
    record(tmp_path, "something else")
    assert main([str(tmp_path), "--seed", "3"]) == 1
    told = capsys.readouterr().out
    assert "made up [0] text" in told
    assert "made up [1] text" in told
    assert told.splitlines()[-2:] == ["bodies: random", "scored 2, equal 0, excepted 0"]


CUTS: tuple[Cuts, ...] = ("random", "bytes", "whole")
DELIVERIES = [Delivery(*mode) for mode in itertools.product(CUTS, (False, True), (False, True))]


@pytest.mark.parametrize("delivery", DELIVERIES, ids=str)
def test_the_command_in_every_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], delivery: Delivery
) -> None:
    """However the bodies come, everything is equal; the mode is told."""
    record(tmp_path)
    options = ["--cuts", delivery.cuts]
    options += ["--crlf"] * delivery.crlf + ["--gzip"] * delivery.gzip
    assert main([str(tmp_path), *options]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [f"bodies: {delivery}", "scored 2, equal 2, excepted 0"]


@pytest.mark.parametrize("delivery", DELIVERIES, ids=str)
@pytest.mark.parametrize("lines", [True, False])
def test_a_delivery(delivery: Delivery, lines: bool) -> None:
    """The bytes really come so; only an event stream gets other line ends."""
    body = b"data: 1\n\ndata: 2\r\n\r\n"
    made = delivery.answer(body, 200, "text/plain", {"a": "b"}, random.Random(0), lines=lines)
    text = gzip.decompress(made.body) if delivery.gzip else made.body
    assert text == (b"data: 1\r\n\r\ndata: 2\r\n\r\n" if lines and delivery.crlf else body)
    assert made.headers.get("Content-Encoding") == ("gzip" if delivery.gzip else None)
    assert made.headers["a"] == "b"
    pieces = [size for size in made.sizes if size]
    if delivery.cuts == "bytes":
        assert pieces == [1] * len(made.body)
    elif delivery.cuts == "whole":
        assert pieces == []
    else:
        assert sum(pieces) >= len(made.body)
        assert len(pieces) > 1


def test_a_large_body_comes_byte_by_byte_at_its_ends() -> None:
    """Its middle is one piece, or the corpus would take minutes."""
    made = Delivery("bytes").answer(
        b"x" * (SINGLE_BYTES + 10), 200, "text/plain", {}, random.Random(0), lines=True
    )
    assert sorted(made.sizes)[-2:] == [1, 10]
    assert sum(made.sizes) == SINGLE_BYTES + 10


@pytest.mark.recordings
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recordings at {SHARED}")
@pytest.mark.parametrize(
    "delivery",
    [Delivery("bytes"), Delivery("whole", gzip=True), Delivery("bytes", crlf=True, gzip=True)],
    ids=str,
)
@pytest.mark.parametrize("family", sorted(WIRES))
def test_recordings_in_every_mode(family: str, delivery: Delivery) -> None:
    """A sample of each family: the way in which a body comes changes nothing."""
    report, _ = score(SHARED, family=family, limit=6, seed=len(str(delivery)), delivery=delivery)
    assert report.lines == []
    assert report.total("scored") + report.total("not scored") == 6
