"""What a report says, and how it looks."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync.doctor import Deviation, Finding, Report, rendered
from rig_sync.doctor.report import plain
from tests.conftest import ServerFactory
from tests.doctor.conftest import Examined
from tests.doctor.endpoint import KEY, error, said, whole
from tests.server import response

WIDTH = 100

GOOD = Finding("usage", "it is told", "ok", "n.a.", "5 in, 3 out")
UNSEEN = Finding("reasoning", "apart", "not seen", "n.a.", "", "the model showed no thoughts")
ODD = Finding(
    "tool deltas",
    "an index",
    "deviates",
    "yes",
    "weather({})",
    "a new id begins a call",
    (Deviation("3 of 3 pieces of calls have no index", True, "a new id begins a call"),),
)
BAD = Finding(
    "terminal record",
    "[DONE]",
    "broken",
    "no",
    "nothing",
    "it is a StreamTruncated",
    (Deviation("the stream ends without its end", False, "it is a StreamTruncated", True),),
)
REPORT = Report(
    "http://127.0.0.1:8080/v1",
    "openai_compatible",
    "openai_chat",
    "m-1",
    (ODD, GOOD, BAD, UNSEEN),
    server="x/1.0",
    requests=3,
    tokens=1234,
    seconds=1.25,
)


def test_it_looks_like_this() -> None:
    """Deviations first, the worst of them first of all; then the table, the cost, and one line."""
    assert rendered(REPORT).splitlines() == [
        "http://127.0.0.1:8080/v1, openai_chat, m-1, x/1.0",
        "",
        "What deviates, and what rig_sync makes of it:",
        "",
        "  terminal record  the stream ends without its end.",
        "                   rig_sync does not cope: it is a StreamTruncated.",
        "",
        "  tool deltas      3 of 3 pieces of calls have no index.",
        "                   rig_sync copes: a new id begins a call.",
        "",
        "CHECK            VERDICT   COPES  SEEN",
        "tool deltas      deviates  yes    weather({})",
        "usage            ok        n.a.   5 in, 3 out",
        "terminal record  broken    no     nothing",
        "reasoning        not seen  n.a.   the model showed no thoughts",
        "",
        "3 requests and 1,234 tokens in 1.2 s",
        "4 checks: 1 as documented, 1 deviation that rig_sync copes with, 1 that it does not, "
        "1 not seen",
    ]


def test_what_it_comes_to() -> None:
    """A finding by its name; whether all is well; only what deviates."""
    assert REPORT.finding("usage") is GOOD
    assert not REPORT.copes
    assert [one.check for one in REPORT.deviating] == ["terminal record", "tool deltas"]
    with pytest.raises(KeyError, match="usge"):
        REPORT.finding("usge")
    assert msgspec.structs.replace(REPORT, findings=(GOOD, ODD, UNSEEN)).copes


def test_it_goes_to_json_and_back() -> None:
    """A report, and each finding, tells what it is."""
    data = msgspec.json.encode(REPORT)
    assert msgspec.json.decode(data, type=Report) == REPORT
    assert msgspec.json.decode(msgspec.json.encode(ODD), type=Finding | Report) == ODD


def test_a_stop_is_told() -> None:
    """Whoever reads it later knows that there would have been more."""
    stopped = msgspec.structs.replace(REPORT, complete=False, requests=1, tokens=None)
    assert "1 request in 1.2 s; stopped before the end" in rendered(stopped).splitlines()


def test_it_fits_a_page(examined: Examined) -> None:
    """No line is longer than 100 characters, whatever a server says."""
    report = examined(
        {
            "list": whole({"data": [{"id": "m" * 500}]}),
            "stream": said("word " * 500),
            "no model": error(404, "why " * 500, "x"),
            "no request": response(400, body=b"x" * 5000),
            "no route": error(500, "x" * 5000, "x"),
        },
    )
    assert max(map(len, rendered(report).splitlines())) <= WIDTH


HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \r\n\u202egnp.exe \x9b2J"


def test_a_server_does_not_steer_the_terminal(examined: Examined) -> None:
    """What it says is shown on one line, without controls and marks of direction."""
    report = examined(
        {
            "one-shot": error(400, HOSTILE, "x"),
            "stream": said(HOSTILE),
            "no model": error(404, HOSTILE, HOSTILE),
            "rich": said(HOSTILE),
            "no route": response(404, body=HOSTILE.encode()),
        }
    )
    text = rendered(report)
    assert "red" in text
    assert [mark for mark in text.replace("\n", "") if not mark.isprintable()] == []


def test_a_key_is_not_in_it(examined: Examined) -> None:
    """A server that gives the key back wherever it can gets no further than us."""
    echo = f"your key is {KEY}, is it not? {KEY[:20]}"
    report = examined(
        {
            "one-shot": response(200, {"Server": KEY}, b'{"choices": []}'),
            "stream": said(f"{'x' * 18}{KEY}"),
            "call": error(400, echo, KEY),
            "no model": error(404, echo, KEY),
            "no request": response(400, {"x-request-id": KEY}, echo.encode()),
            "no key": error(401, echo, "x"),
            "no route": response(404, {"Location": KEY}, f"<html>{KEY}".encode()),
            "rich": said(KEY),
            "formed": said(KEY),
            "result": said(KEY),
        }
    )
    text = rendered(report) + msgspec.json.encode(report).decode()
    assert "[key]" in text
    assert KEY[:12] not in text


def test_a_model_that_is_called_like_a_key(server: ServerFactory, examined: Examined) -> None:
    """A list of models that is made of keys is shown without them."""
    report = examined({"list": whole({"data": [{"id": KEY}]})}, "list of models")
    assert KEY not in rendered(report)
    assert report.model == "[key]"


@given(st.text(max_size=400), st.integers(min_value=4, max_value=400))
def test_plain_text(text: str, longest: int) -> None:
    """One line, of at most that length, of which every character can be seen."""
    line = plain(text, longest)
    assert len(line) <= longest
    assert line.isprintable()
    assert plain(line, longest) == line
