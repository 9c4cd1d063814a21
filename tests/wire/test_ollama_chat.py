"""What Ollama and servers like it answer, over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import FinishReason, Usage
from rig_sync.errors import (
    BadRequest,
    NotFound,
    ProviderError,
    ResponseDecodeError,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import Text
from rig_sync.streaming.items import Reasoning, ReasoningDelta, ToolCallDelta, Unknown
from rig_sync.wire.ollama_chat import OllamaChat
from tests.wire.asking import Outcome, ask
from tests.wire.loopback import Answer, Loopback

WIRE = OllamaChat()
NDJSON = "application/x-ndjson"
Ask = Callable[..., Outcome]


def line(content: Json = "", done: bool = False, **message: Json) -> JsonObject:
    """A line of a stream."""
    said: JsonObject = {"role": "assistant", "content": content, **message}
    return {"model": "m-1", "created_at": "2026-01-01T00:00:00Z", "message": said, "done": done}


def ndjson(*lines: Json, end: str = "\n") -> bytes:
    """The body of a stream: strings as they are, anything else as JSON."""
    texts = [entry if isinstance(entry, str) else compact(entry) for entry in lines]
    return "".join(text + end for text in texts).encode()


def call(name: Json = "add", arguments: Json = None, **more: Json) -> JsonObject:
    """One entry of `tool_calls`."""
    return {"function": {"name": name, "arguments": arguments}, **more}


HEL, LO = line("Hel"), line("lo")
END = {**line("", done=True), "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}


@pytest.fixture
def serve(loopback: Loopback) -> Ask:
    """Streams a body in pieces of seven bytes; asks for a whole answer with `streaming=False`."""

    def answer(
        body: bytes, status: int = 200, kind: str = NDJSON, *, streaming: bool = True
    ) -> Outcome:
        url = loopback.add(Answer(body, status, kind, sizes=(7,) * (len(body) // 7)))
        return ask(url, WIRE, streaming=streaming)

    return answer


def whole(outcome: Outcome) -> Outcome:
    """`outcome`, which has to be a complete answer of "Hello"."""
    assert outcome.error is None
    assert outcome.text == "Hello"
    assert outcome.answer.finish_reason == FinishReason("stop", "stop")
    assert outcome.answer.usage == Usage(input_tokens=3, output_tokens=2)
    assert outcome.answer.model == "m-1"
    return outcome


@pytest.mark.parametrize(
    "body",
    [
        ndjson(HEL, LO, END),
        ndjson(HEL, LO, END, end="\r\n"),
        ndjson(HEL, LO, END, end="\n\n\n"),
        b"\xef\xbb\xbf" + ndjson(HEL, LO, END),
        ndjson(HEL, LO, END)[:-1],
        ndjson(HEL, LO, END, LO),
        ndjson({**HEL, "logprobs": [], "new": {"a": 1}}, LO, END),
        ndjson(HEL, {}, {"model": "m-1", "message": None}, line(None), LO, END),
        ndjson(HEL, {**LO, "error": None}, {**END, "error": ""}),
    ],
    ids=[
        *("LF", "CRLF", "blank lines", "byte order mark", "unterminated", "after the end"),
        *("unknown fields", "lines without content", "no error"),
    ],
)
def test_streams(serve: Ask, body: bytes) -> None:
    """What a stream may look like; the last line ends it."""
    outcome = whole(serve(body))
    assert "".join(item.text for item in outcome.of(Text)) == "Hello"
    assert outcome.final is not None
    assert {"error": "", **(outcome.final.raw or {})} == {**END, "error": ""}


def test_a_whole_answer(serve: Ask) -> None:
    """The same answer at once, streamed or not asked to be."""
    body = compact({**END, "message": {"role": "assistant", "content": "Hello"}}).encode()
    at_once = whole(serve(body, kind="application/json", streaming=False))
    streamed = whole(serve(body, kind="application/json"))
    lines = whole(serve(ndjson(HEL, LO, END)))
    assert at_once.answer.message == streamed.answer.message == lines.answer.message


@pytest.mark.parametrize("streaming", [True, False])
def test_lines_under_another_name(serve: Ask, streaming: bool) -> None:
    """Lines said to be one JSON value, or that nobody asked for, are lines all the same."""
    whole(serve(ndjson(HEL, LO, END), kind="application/json", streaming=streaming))


def test_a_whole_answer_of_many_lines(serve: Ask) -> None:
    """Indented JSON is one answer; one without `done` is complete."""
    body = b'{\n "model": "m-1",\n "message": {"content": "Hello"}\n}\n'
    assert serve(body, kind="application/json", streaming=False).text == "Hello"


def test_thinking(serve: Ask) -> None:
    """Thoughts are one block before the words."""
    thoughts = [line("", thinking="Let "), line("", thinking="me."), HEL, LO, END]
    outcome = whole(serve(ndjson(*thoughts)))
    assert [item.text for item in outcome.of(ReasoningDelta)] == ["Let ", "me."]
    assert [block.text for block in outcome.of(Reasoning)] == ["Let me."]
    kinds = [type(part).__name__ for part in outcome.answer.message.content]
    assert kinds == ["Reasoning", "Text"]
    both = serve(ndjson(line("Hello", thinking="Let me."), END))
    assert both.answer.message == outcome.answer.message


ADD: Json = {"x": 1, "y": 2}
CALLS: dict[str, tuple[list[JsonObject], list[tuple[str, Json]]]] = {
    "one": ([line(tool_calls=[call("add", ADD)])], [("add", ADD)]),
    "two in a line": (
        [line(tool_calls=[call("add", ADD), call("sub", {})])],
        [("add", ADD), ("sub", {})],
    ),
    "two lines, one index": (
        [
            line(
                tool_calls=[{"id": "a", "function": {"index": 0, "name": "add", "arguments": ADD}}]
            ),
            line(
                tool_calls=[{"id": "b", "function": {"index": 0, "name": "add", "arguments": {}}}]
            ),
        ],
        [("add", ADD), ("add", {})],
    ),
    "the same twice": (
        [line(tool_calls=[call("add", ADD), call("add", ADD)])],
        [("add", ADD), ("add", ADD)],
    ),
    "arguments in a string": ([line(tool_calls=[call("add", '{"x":1}')])], [("add", {"x": 1})]),
    "no arguments": ([line(tool_calls=[call("add", None)])], [("add", {})]),
    "between words": ([HEL, line(tool_calls=[call("add", ADD)]), LO], [("add", ADD)]),
}


@pytest.mark.parametrize(("lines", "calls"), CALLS.values(), ids=CALLS.keys())
def test_tool_calls(serve: Ask, lines: list[JsonObject], calls: list[tuple[str, Json]]) -> None:
    """Calls come whole; a stop with calls is a wish to have them run."""
    outcome = serve(ndjson(*lines, END))
    assert outcome.error is None
    assert outcome.errors == []
    assert outcome.calls == calls
    assert [(item.name, item.arguments) for item in outcome.tool_items] == calls
    ids = [item.id for item in outcome.tool_items]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert outcome.answer.finish_reason == FinishReason("tool_calls", "stop")
    assert {item.internal_call_id for item in outcome.of(ToolCallDelta)} == {
        item.internal_call_id for item in outcome.tool_items
    }


def test_the_id_of_a_call(serve: Ask) -> None:
    """The server's own, where it gives one."""
    outcome = serve(ndjson(line(tool_calls=[call("add", ADD, id="call_1")]), END))
    assert [item.id for item in outcome.tool_items] == ["call_1"]


def test_thoughts_before_and_after_a_call(serve: Ask) -> None:
    """Each block keeps its place."""
    lines = [line(thinking="a"), line(tool_calls=[call("add", ADD)]), line(thinking="b"), END]
    content = serve(ndjson(*lines)).answer.message.content
    assert [type(part).__name__ for part in content] == ["Reasoning", "ToolCall", "Reasoning"]


def test_a_call_without_a_name(serve: Ask) -> None:
    """It is a defect, and never runs."""
    outcome = serve(ndjson(line("Hello", tool_calls=[call(None, ADD)]), END))
    assert outcome.tool_items == []
    assert [error.code for error in outcome.errors if isinstance(error, ProviderError)] == [
        "incomplete_tool_call"
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("length", FinishReason("length", "length")),
        ("load", FinishReason("other", "load")),
        (None, None),
    ],
)
def test_the_finish_reason(serve: Ask, reason: Json, expected: FinishReason | None) -> None:
    """In Ollama's own word; old servers give none."""
    outcome = serve(ndjson(HEL, {**line(done=True), "done_reason": reason}))
    assert outcome.error is None
    assert outcome.answer.finish_reason == expected
    assert outcome.answer.usage == Usage()


# what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame", ['{"model": "m-1", "mess', "{}}", '{"message": ' * 2000], ids=["cut", "more", "deep"]
)
def test_a_malformed_line(serve: Ask, frame: str) -> None:
    """It is a recoverable error; the answer goes on."""
    outcome = whole(serve(ndjson(HEL, frame, LO, END)))
    assert [type(error) for error in outcome.errors] == [ResponseDecodeError]


@pytest.mark.parametrize(
    "frame",
    [
        {**line(), "eval_count": "two"},
        line("", tool_calls="none"),
        line("", thinking=7),
        {"model": 7, "message": {"content": ""}},
    ],
)
def test_a_field_of_the_wrong_type(serve: Ask, frame: Json) -> None:
    """It is left out, and told."""
    outcome = whole(serve(ndjson(HEL, frame, LO, END)))
    assert [type(error) for error in outcome.errors] == [ResponseDecodeError]


def test_half_a_surrogate_pair(serve: Ask) -> None:
    """It becomes U+FFFD, without an error."""
    outcome = serve(ndjson('{"message":{"content":"a\\ud83d"}}', END))
    assert (outcome.text, outcome.errors) == ("a\ufffd", [])


def test_something_new(serve: Ask) -> None:
    """An object that is no line of an answer is handed on as it is."""
    outcome = whole(serve(ndjson({"status": "loading"}, HEL, LO, END)))
    assert [item.payload for item in outcome.of(Unknown)] == [{"status": "loading"}]


@pytest.mark.parametrize(
    "body", [ndjson(HEL, LO), ndjson(HEL, LO) + b'{"mess', ndjson(HEL, line("lo"))]
)
def test_a_stream_that_breaks_off(serve: Ask, body: bytes) -> None:
    """Without the line that says `done` the answer is not whole; what came is kept."""
    outcome = serve(body)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.final is None
    assert outcome.text == "Hello"


@pytest.mark.parametrize("kind", [NDJSON, "application/json"])
@pytest.mark.parametrize(
    "error", ["the model has crashed", {"message": "the model has crashed", "code": 500}]
)
def test_an_error_in_the_stream(serve: Ask, kind: str, error: Json) -> None:
    """It ends the stream, after the calls that were complete."""
    lines = ndjson(HEL, line(tool_calls=[call("add", ADD)]), {"error": error}, LO, END)
    outcome = serve(lines, kind=kind)
    assert isinstance(outcome.error, ProviderError)
    assert "the model has crashed" in str(outcome.error)
    assert (outcome.text, outcome.calls, len(outcome.tool_items)) == ("Hel", [("add", ADD)], 1)
    assert outcome.final is None


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("status", "expected"), [(404, NotFound), (400, BadRequest), (500, ServerError)]
)
def test_an_error_status(
    serve: Ask, status: int, expected: type[ProviderError], streaming: bool
) -> None:
    """Ollama's `{"error": "text"}` with its status."""
    body = b'{"error":"model \\"m-1\\" not found, try pulling it first"}'
    outcome = serve(body, status, "application/json; charset=utf-8", streaming=streaming)
    assert type(outcome.error) is expected
    assert "try pulling it first" in str(outcome.error)


@pytest.mark.parametrize("streaming", [True, False])
def test_an_error_in_a_body(serve: Ask, streaming: bool) -> None:
    """The status says that all is well; the body does not."""
    outcome = serve(b'{"error":"out of memory"}', kind="application/json", streaming=streaming)
    assert isinstance(outcome.error, ProviderError)
    assert "out of memory" in str(outcome.error)


@pytest.mark.parametrize("streaming", [True, False])
def test_a_page_instead_of_an_answer(serve: Ask, streaming: bool) -> None:
    """The error shows the beginning of it."""
    outcome = serve(
        b"<html>\n<body>Sign in</body>\n</html>\n", kind="text/html", streaming=streaming
    )
    assert isinstance(outcome.error, ResponseDecodeError)
    assert "<html>" in str(outcome.error)


def test_any_character_at_any_cut(loopback: Loopback) -> None:
    """U+2028 ends no line, and a character cut in two is one again."""
    text = "a\u2028b\u2029c\x85d é € 🦀 \x1a"
    body = ndjson(line(text), END)
    outcome = ask(loopback.add(Answer(body, sizes=(1,) * len(body), content_type=NDJSON)), WIRE)
    assert outcome.text == text
