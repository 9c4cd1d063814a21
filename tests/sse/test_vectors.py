"""The shared test vectors, where they exist, and a sample of our own that is always there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.sse.vectors import Event, Outcome, Vector, failure, load, main, run

SHARED = Path(__file__).parents[3] / "shared" / "sse" / "vectors.json"
BOM = b"\xef\xbb\xbf"


def vector(
    name: str, body: bytes, *events: Event | str, retry: int | None = None, last_id: str = ""
) -> Vector:
    """A vector whose events may be given as the data of plain ones."""
    expected = tuple(Event("message", e) if isinstance(e, str) else e for e in events)
    return Vector(name, (body,), Outcome(expected, retry, last_id))


OURS = [
    vector("bom", BOM + b"data: a\n\ndata: b\n\n", "a", "b"),
    vector("bom-twice", BOM * 2 + b"data: lost\n\ndata: b\n\n", "b"),
    vector("bom-before-a-later-event", b"data: a\n\n" + BOM + b"data: lost\n\n", "a"),
    vector("half-a-bom", BOM[:2] + b"data: lost\n\ndata: b\n\n", "b"),
    vector("line-ends-mixed", b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r", "a\nb\nc", "d"),
    vector("crlf", b"event: e\r\ndata: a\r\n\r\ndata: b\r\n\r\n", Event("e", "a"), "b"),
    vector("cr", b"event: e\rdata: a\r\rdata: b\r\r", Event("e", "a"), "b"),
    vector("crlf-is-one-line-end", b"data: a\r\ndata: b\r\n\n", "a\nb"),
    vector("cr-then-crlf", b"data: a\r\r\ndata: b\r\r\n", "a", "b"),
    vector("blank-lines-first", b"\n\r\r\n\ndata: a\n\n", "a"),
    vector("comments", b": hello\n\n:\ndata: a\n: within\n\n: after\n", "a"),
    vector("comment-of-bad-utf8", b": \xff\xfe\ndata: a\n\n", "a"),
    vector("comment-that-looks-like-data", b":data: no\n\n"),
    vector(
        "id-stays",
        b"id: 7\ndata: a\n\ndata: b\n\n",
        Event("message", "a", "7"),
        Event("message", "b", "7"),
        last_id="7",
    ),
    vector("id-with-nul", b"id: 7\0\ndata: a\n\n", "a"),
    vector(
        "id-emptied",
        b"id: 7\ndata: a\n\nid\ndata: b\n\n",
        Event("message", "a", "7"),
        "b",
    ),
    vector("id-without-data", b"id: 7\n\ndata: a\n\n", Event("message", "a", "7"), last_id="7"),
    vector("id-of-an-unterminated-event", b"data: a\n\nid: 8\ndata: b\n", "a"),
    vector("retry", b"retry: 050\ndata: a\n\n", Event("message", "a", "", 50), retry=50),
    vector("retry-alone", b"retry: 5\n\ndata: a\n\n", "a", retry=5),
    vector("retry-of-other-digits", "retry: ٣\nretry: +5\nretry: 5 \ndata: a\n\n".encode(), "a"),
    vector("retry-too-long-for-a-number", b"retry: " + b"9" * 5000 + b"\ndata: a\n\n", "a"),
    vector("data-of-several-lines", b"data: a\ndata\ndata:\ndata: b\n\n", "a\n\n\nb"),
    vector("data-without-colon", b"data\n\n", ""),
    vector("data-empty", b"data:\n\ndata: \n\n", "", ""),
    vector("one-space-goes", b"data:a\n\ndata:  a\n\ndata:\ta\n\n", "a", " a", "\ta"),
    vector("colons-in-the-value", b"data::a: b\n\n", ":a: b"),
    vector("event-without-data", b"event: e\n\ndata: a\n\n", "a"),
    vector("event-emptied", b"event: e\nevent\ndata: a\n\n", "a"),
    vector("other-fields", b"Data: no\n data: no\nfoo: bar\n__dict__: x\ndata: a\n\n", "a"),
    vector("unicode-line-ends", "data: a\u2028b\u2029c\x85d\x0be\x0c\x1c\n\n".encode(),
           "a\u2028b\u2029c\x85d\x0be\x0c\x1c"),
    vector("bad-utf8", b"data: a\xff\xc3\n\ndata: b\n\n", "a\ufffd\ufffd", "b"),
    vector("bad-utf8-over-lines", b"data: \xe2\x82\ndata: \xac\n\n", "\ufffd\n\ufffd"),
    vector("bad-utf8-elsewhere", b"event: \xff\nid: \xff\ndata: a\n\n",
           Event("\ufffd", "a", "\ufffd"), last_id="\ufffd"),
    vector("many-byte-characters", "event: é\ndata: 😀€\n\n".encode(), Event("é", "😀€")),
    vector("our-own-escapes", b"data: \x1a1\n\ndata: \x1a0\ndata: \x1a\x1a1\n\n",
           "\x1a1", "\x1a0\n\x1a\x1a1"),
    vector("unterminated-line", b"data: a\n\ndata: b", "a"),
    vector("unterminated-event", b"data: a\n\ndata: b\n", "a"),
    vector("unterminated-retry", b"data: a\n\nretry: 5", "a"),
    vector("nothing", b""),
]  # fmt: skip


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_ours(case: Vector) -> None:
    """Each body gives the same events in every feeding."""
    assert failure(case, cuts=25, rng=random.Random(case.name)) is None


def test_shared() -> None:
    """The vectors of other projects' test suites all pass."""
    if not SHARED.exists():
        pytest.skip(f"the shared vectors are not part of the repository: no {SHARED}")
    assert run(load(SHARED), cuts=500) == []


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names each vector that fails and counts those that pass."""
    row = (
        '{"name": "%s", "chunks": ["data: \\u00c3\\u00a9\\n\\n"], "expected":'
        ' [{"event": "message", "data": "%s", "id": "", "retry": null}],'
        ' "final_retry": null, "final_last_event_id": ""}'
    )
    good, bad = row % ("good", "\\u00e9"), row % ("bad", "e")
    file = tmp_path / "vectors.json"

    file.write_text(f"[{good}]")
    assert main([str(file), "--cuts", "5"]) == 0
    assert capsys.readouterr().out == "1 of 1\n"

    file.write_text(f"[{good}, {bad}]")
    assert main([str(file), "--cuts", "5", "--seed", "1"]) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("bad: ")
    assert last == "1 of 2"
