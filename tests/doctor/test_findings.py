"""Every deviation that a check looks for: it is found, named, and rightly judged."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from rig_sync._json import Json, JsonObject
from rig_sync.doctor import Copes, Verdict, examine
from rig_sync.doctor.run import CHECKS
from rig_sync.providers.openai_compatible import Client
from tests.conftest import ServerFactory
from tests.doctor.conftest import TIMEOUT, Examined, Found
from tests.doctor.endpoint import (
    ANSWER,
    KEY,
    LONG,
    MODEL,
    USAGE,
    Part,
    answering,
    call,
    called,
    chunk,
    chunks,
    error,
    said,
    whole,
    words,
)
from tests.server import (
    DONE,
    Close,
    Request,
    Reset,
    Script,
    Send,
    Stall,
    WaitFor,
    response,
    sse,
    sse_response,
)

WORDS = words("1, ", "2, ", "3")


class Case(NamedTuple):
    """A promise that is broken.

    Attributes:
        check: Who finds it.
        what: Words of what is found; of what was seen, where nothing deviates.
        changes: How it is broken.
        verdict: The outcome.
        copes: Whether rig_sync does.
        timeout: Seconds for one answer.
    """

    check: str
    what: str
    changes: Mapping[str, Part]
    verdict: Verdict = "deviates"
    copes: Copes = "yes"
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        """As `usage: the stream tells no usage`."""
        return f"{self.check}: {self.what}"


def stream(*events: Json, done: bool = True, tail: bytes = b"") -> Mapping[str, Part]:
    """An endpoint whose streams of words are those events."""
    end = (DONE,) if done else ()
    return {"stream": sse_response(*map(sse, events), *end, *((tail,) if tail else ()))}


def without(name: str, payload: Json) -> JsonObject:
    """A chunk without that field, of its own or of its choices."""
    assert isinstance(payload, dict)
    kept: JsonObject = {key: value for key, value in payload.items() if key != name}
    choices = kept.get("choices")
    assert isinstance(choices, list)
    kept["choices"] = [
        {key: value for key, value in choice.items() if key != name}
        for choice in choices
        if isinstance(choice, dict)
    ]
    return kept


def good(*, finish: str = "stop") -> list[JsonObject]:
    """A stream as it should be."""
    return chunks(*WORDS, finish=finish)


def pieces(*pieces: Json, finish: str = "tool_calls") -> Mapping[str, Part]:
    """An endpoint whose single calls come in those pieces."""
    deltas: list[Json] = [{"tool_calls": [piece]} for piece in pieces]
    return {"call": sse_response(*map(sse, chunks(*deltas, finish=finish)), DONE)}


NAME_AND_NULL: JsonObject = {"name": "weather", "arguments": None}


def both(*pieces: Json) -> Mapping[str, Part]:
    """An endpoint whose two calls come in those pieces."""
    deltas: list[Json] = [{"tool_calls": [piece]} for piece in pieces]
    return {"both": called(*deltas)}


def piece(index: Json, call_id: Json, arguments: Json = '{"city": "Paris"}') -> JsonObject:
    """A whole call in one piece; without what is None."""
    function: JsonObject = {"name": "weather", "arguments": arguments}
    fields: JsonObject = {"index": index, "id": call_id, "type": "function", "function": function}
    return {name: value for name, value in fields.items() if value is not None}


def raw(*lines: bytes, kind: str = "text/event-stream") -> Mapping[str, Part]:
    """An endpoint whose streams of words are those bytes."""
    return {"stream": response(200, {"Content-Type": kind}, b"".join(lines))}


def lines(*events: Json, end: bytes = b"\n") -> bytes:
    """A whole stream, with that line end."""
    texts = [*(json.dumps(event).encode() for event in events), b"[DONE]"]
    return b"".join(b"data: " + text + end + end for text in texts)


def late(*_: object) -> Script:
    """Everything at once, after a while."""
    wait = WaitFor(threading.Event())
    timer = threading.Timer(1.0, wait.event.set)
    timer.daemon = True
    timer.start()
    events = chunks(*words(*(f"{number}, " for number in range(20))))
    head, *_rest = sse_response()
    body = lines(*events)
    return [head, wait, Send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))]


def compressed(*_: object) -> Script:
    """Compressed, though nobody asked for it."""
    return sse_response(*map(sse, good()), DONE, framing="gzip-chunked")


def busy_after_leaving() -> Part:
    """Whoever asks after a long answer was left waits for four seconds."""
    asked: list[bytes] = []

    def answer(request: Request) -> Script:
        asked.append(request.body)
        if len(asked) < 3:  # the first two are the ones to compare with, and to leave
            return said("1, ", "2, ", "3")
        wait = WaitFor(threading.Event())
        timer = threading.Timer(4, wait.event.set)
        timer.daemon = True
        timer.start()
        return [wait, *said("1, ")]

    return answer


NO_FIELD = "a field is refused"


def refusing(field: bytes, part: Part, status: int = 400) -> Part:
    """Refuses requests with that field; answers others by `part`."""

    def answer(request: Request) -> Script:
        if field in request.body:
            return error(status, NO_FIELD, "invalid_request_error")
        return part(request) if callable(part) else part

    return answer


CASES = [
    # the list, and whole answers
    Case(
        "list of models",
        "there is no list of models: NotFound",
        {"list": error(404, "no", "x")},
        "broken",
        "no",
    ),
    Case(
        "list of models",
        "the list of models is empty",
        {"list": whole({"data": []})},
        "deviates",
        "no",
    ),
    Case("one-shot answer", "not application/json", {"one-shot": whole(ANSWER, kind="text/plain")}),
    Case(
        "one-shot answer",
        "no finish reason",
        {"one-shot": whole({**ANSWER, "choices": [{"index": 0, "message": {"content": "1"}}]})},
    ),
    Case(
        "one-shot answer",
        "no answer (status 500): ServerError: broken",
        {"one-shot": error(500, "broken", "server_error")},
        "broken",
        "no",
    ),
    Case(
        "one-shot answer",
        "no answer (status 200): ResponseDecodeError",
        {"one-shot": said("1, 2, 3")},
        "broken",
        "no",
    ),
    # streaming
    Case("streaming", "of type 'text/plain'", raw(lines(*good()), kind="text/plain")),
    Case("streaming", "it answers whole", {"stream": whole(ANSWER)}, "broken", "no"),
    Case("streaming", "came at once", {"stream": late}, "broken", "no"),
    Case(
        "streaming",
        "no answer (status 200): ResponseDecodeError: no event stream but text/html",
        raw(b"<html>Welcome</html>", kind="text/html"),
        "broken",
        "no",
    ),
    Case(
        "streaming",
        "the endpoint has no room just now",
        {"stream": error(503, "loading", "x"), "one-shot": whole(ANSWER)},
        "not seen",
        "n.a.",
    ),
    # framing
    Case("framing", "CRLF", raw(lines(*good(), end=b"\r\n")), "ok", "n.a."),
    Case("framing", "line ends of several kinds", raw(lines(*good()), b": x\r\n\r\n")),
    Case("framing", "byte order mark", raw(b"\xef\xbb\xbf", lines(*good()))),
    Case("framing", "no blank line after the last event", raw(lines(*good()).rstrip() + b"\n")),
    Case("framing", "lines that belong to no event: 'hello'", raw(b"hello\n\n", lines(*good()))),
    Case("framing", "compressed (gzip)", {"stream": compressed}),
    Case(
        "framing",
        "bytes that are no UTF-8",
        raw(lines(*good()).replace(b"2, ", b"\xff, ")),
        "deviates",
        "no",
    ),
    # the end
    Case("terminal record", "ends without data: [DONE]", stream(*good(), done=False)),
    Case(
        "terminal record",
        "ends without a finish_reason",
        stream(*(one for one in good() if "stop" not in str(one))),
    ),
    Case(
        "terminal record",
        "ends without a finish_reason and data: [DONE]",
        stream(*good()[:3], done=False),
        "broken",
        "no",
    ),
    Case(
        "terminal record",
        "the answer broke off: ReadFailed: ",
        {"stream": [*said("1, ", "2, ")[:3], Reset()]},
        "broken",
        "no",
    ),
    Case(
        "terminal record",
        "the stream ends without a finish_reason and data: [DONE]",
        {"stream": [*said("1, ", "2, ")[:3], Close()]},
        "broken",
        "no",
    ),
    Case("terminal record", "1 more frame after data: [DONE]", stream(*good(), tail=sse({"a": 1}))),
    Case(
        "terminal record",
        "an error inside the stream",
        stream(*good()[:2], {"error": {"message": "out of memory", "code": 500}}),
        "broken",
        "yes",
    ),
    Case(
        "after the end",
        "did not end within 2 s",
        {"stream": sse_response(*map(sse, good()), DONE, Stall())},
    ),
    Case(
        "after the end",
        "closed in the middle of a chunk",
        {"stream": [*sse_response(*map(sse, good()), DONE)[:-1], Close()]},
    ),
    Case(
        "kept connection",
        "the connection is closed after a stream",
        {"stream": [*sse_response(*map(sse, good()), DONE), Close()]},
    ),
    Case(
        "kept connection",
        "Connection: close after a stream",
        {"stream": sse_response(*map(sse, good()), DONE, framing="close")},
    ),
    # deltas of text
    Case("text deltas", "content: null", stream(*chunks({"content": None}, *WORDS))),
    Case("text deltas", "choices: null", stream(chunk(choices=None), *good())),
    Case("text deltas", "choices: [] without usage", stream(chunk(choices=[]), *good())),
    Case(
        "text deltas",
        "4 of 4 choices have no index",
        stream(*(without("index", c) for c in good())),
    ),
    Case("text deltas", "no chunk has an id", stream(*(without("id", c) for c in good()))),
    Case(
        "text deltas",
        "5 different ids",
        stream(*({**c, "id": f"chat-{number}"} for number, c in enumerate(good()))),
    ),
    Case("text deltas", "1 of 5 chunks have no id", stream({**good()[0], "id": ""}, *good()[1:])),
    Case("text deltas", "no chunk names the model", stream(*(without("model", c) for c in good()))),
    Case("text deltas", "do not name the model", stream(without("model", good()[0]), *good()[1:])),
    Case(
        "text deltas",
        "none of 5 frames has object or created",
        stream(*(without("created", without("object", c)) for c in good())),
    ),
    Case(
        "text deltas",
        "3 of 4 choices have a message instead of a delta",
        stream(*(chunk(choices=[{"index": 0, "message": d}]) for d in WORDS), *good()[3:]),
    ),
    Case(
        "text deltas",
        "3 of 4 choices have text",
        stream(*(chunk(choices=[{"index": 0, "text": "1"}]) for _ in WORDS), *good()[3:]),
        "broken",
        "no",
    ),
    Case(
        "text deltas",
        "1 of 5 choices have no delta",
        stream(chunk(choices=[{"index": 0, "delta": None}]), *good()),
    ),
    Case(
        "text deltas",
        "content is a list of parts in 1 of 5",
        stream(*chunks({"content": [{"type": "text", "text": "0, "}]}, *WORDS)),
    ),
    Case(
        "text deltas",
        "content is neither text nor null",
        stream(*chunks({"content": 7}, *WORDS)),
        "broken",
        "no",
    ),
    Case(
        "text deltas",
        "repeats all the words so far",
        stream(*chunks(*words(*("1, 2, 3, 4"[: 2 + 2 * n] for n in range(5))))),
        "broken",
        "no",
    ),
    Case("text deltas", "'eos' is none of OpenAI's", stream(*good(finish="eos"))),
    Case("text deltas", "2 finish reasons", stream(*good()[:4], good()[3], good()[4])),
    Case(
        "text deltas",
        "several answers in one stream",
        stream(*good()[:3], chunk(choices=[{"index": 1, "delta": WORDS[0]}]), *good()[3:]),
    ),
    Case(
        "text deltas",
        "1 frame not as they should be",
        raw(lines(good()[0]).replace(b"data: [DONE]\n\n", b"data: {oops\n\n"), lines(*good()[1:])),
    ),
    Case("text deltas", "the stream has no words", stream(*chunks({})), "broken", "yes"),
    # usage
    Case("usage", "the stream tells no usage", stream(*good()[:-1])),
    Case(
        "usage",
        "a usage of 0 in, 0 out",
        stream(*chunks(*WORDS, usage={"prompt_tokens": 0, "completion_tokens": 0})),
        "deviates",
        "no",
    ),
    Case("usage", "one half of the usage", stream(*chunks(*WORDS, usage={"prompt_tokens": 12}))),
    Case(
        "usage",
        "the total, 9, is less than its parts",
        stream(*chunks(*WORDS, usage={**USAGE, "total_tokens": 9})),
    ),
    Case(
        "usage",
        "12 tokens in when streamed, 14 when whole",
        {"one-shot": whole({**ANSWER, "usage": {**USAGE, "prompt_tokens": 14}})},
    ),
    Case(
        "usage",
        "in a chunk that has choices",
        stream(*good()[:-2], chunk(finish="stop", usage=USAGE)),
    ),
    Case("usage", "5 of 5 chunks have usage", stream(*({**one, "usage": USAGE} for one in good()))),
    Case(
        "usage",
        "in x_groq alone",
        stream(*good()[:-2], chunk(finish="stop", x_groq={"usage": USAGE})),
    ),
    Case("usage", "further chunks come after", stream(*good()[:3], good()[4], good()[3])),
    # calls
    Case("tool deltas", "has no index", pieces(piece(None, "call-1"))),
    Case("tool deltas", "the calls have no id", pieces(piece(0, None))),
    Case("tool deltas", "the calls have no id", pieces(piece(0, ""))),
    Case("tool deltas", "the id of a call is a number", pieces(piece(0, 7))),
    Case(
        "tool deltas",
        "the id does not come with the name",
        pieces(
            {"index": 0, "type": "function", "function": {"name": "weather", "arguments": ""}},
            {"index": 0, "id": "call-1", "type": "function", "function": {"arguments": '{"city":'}},
            {"index": 0, "function": {"arguments": '"Paris"}'}},
        ),
    ),
    Case(
        "tool deltas",
        "the name comes with every piece",
        pieces(piece(0, "call-1", '{"city":'), piece(0, "call-1", '"Paris"}')),
    ),
    Case("tool deltas", "arguments as an object", pieces(piece(0, "call-1", {"city": "Paris"}))),
    Case(
        "tool deltas",
        "arguments: null in 1 of 2",
        pieces(
            {"index": 0, "id": "c", "type": "function", "function": NAME_AND_NULL},
            {"index": 0, "function": {"arguments": '{"city": "Paris"}'}},
        ),
    ),
    Case(
        "tool deltas",
        "1 of 2 pieces with a name has no arguments",
        pieces(
            {"index": 0, "id": "c", "type": "function", "function": {"name": "weather"}},
            {"index": 0, "function": {"arguments": '{"city": "Paris"}'}},
        ),
    ),
    Case("tool deltas", "arguments whole", pieces(piece(0, "call-1")), "ok", "n.a."),
    Case(
        "tool deltas",
        "does not say type: function",
        pieces({**piece(0, "call-1"), "type": None}),
    ),
    Case(
        "tool deltas",
        "tool_calls is one object",
        {"call": called({"tool_calls": piece(0, "call-1")})},
    ),
    Case(
        "tool deltas",
        "function_call, which OpenAI gave up",
        {"call": called({"function_call": {"name": "weather", "arguments": '{"city": "Ulm"}'}})},
    ),
    Case(
        "tool deltas",
        "ends with the finish reason 'stop', not 'tool_calls'",
        pieces(piece(0, "call-1"), finish="stop"),
    ),
    Case("tool deltas", "do not follow the tool's schema: {}", pieces(piece(0, "call-1", ""))),
    Case(
        "tool deltas",
        "the arguments are no JSON object: 'Paris'",
        pieces(piece(0, "call-1", "Paris")),
        "broken",
        "yes",
    ),
    Case(
        "tool deltas", "the model answered in words", {"call": said("Sunny.")}, "not seen", "n.a."
    ),
    Case(
        "tool deltas",
        "no answer (status 500)",
        {"call": error(500, "no tools here", "server_error")},
        "broken",
        "no",
    ),
    Case(
        "parallel calls",
        "the same index (0)",
        both(piece(0, "a"), piece(0, "b", '{"city": "Rome"}')),
    ),
    Case(
        "parallel calls",
        "the indices of the calls are 1, 2",
        both(piece(1, "a"), piece(2, "b", '{"city": "Rome"}')),
    ),
    Case(
        "parallel calls",
        "have no index",
        both(piece(None, "a"), piece(None, "b", '{"city": "Rome"}')),
    ),
    Case(
        "parallel calls",
        "the calls have no id",
        both(piece(0, None), piece(1, None, '{"city": "Rome"}')),
    ),
    Case(
        "parallel calls",
        "several calls have the same id",
        both(piece(0, "a"), piece(1, "a", '{"city": "Rome"}')),
    ),
    Case("parallel calls", "the model made one call", both(piece(0, "a")), "not seen", "n.a."),
    Case(
        "tool result",
        "no answer (status 400): BadRequest: what is a tool?",
        {"result": error(400, "what is a tool?", "x")},
        "broken",
        "no",
    ),
    Case("tool result", "nothing comes of it", {"result": said("")}),
    # what is in an answer
    Case(
        "reasoning",
        "beside <think> tags",
        {"think": said("<think>Hm.</think>", "5")},
        "deviates",
        "no",
    ),
    Case("reasoning", "the model showed no thoughts", {"think": said("5")}, "not seen", "n.a."),
    Case(
        "reasoning",
        "the field for how much to think is refused",
        {"think": error(400, "unknown field", "x")},
        "not seen",
        "n.a.",
    ),
    Case(
        "token limit",
        "cut off at 16 tokens is called finished ('stop')",
        {"short": said("1, 2", usage={**USAGE, "completion_tokens": 16})},
        "deviates",
        "no",
    ),
    Case(
        "token limit",
        "max_tokens is not heeded: 700 tokens came",
        {"short": said("1, 2", usage={**USAGE, "completion_tokens": 700})},
        "deviates",
        "no",
    ),
    Case(
        "token limit", "the word for it is 'max_tokens'", {"short": said("1", finish="max_tokens")}
    ),
    Case("token limit", "it was over before", {"short": said("1")}, "not seen", "n.a."),
    Case("unicode", "in the bytes of the server", {"rich": said("caf\ufffd")}, "broken", "no"),
    Case(
        "unicode",
        "as bytes that are no UTF-8",
        {"rich": response(200, {}, lines(*chunks({"content": "caf?"})).replace(b"?", b"\xc3"))},
        "broken",
        "no",
    ),
    Case(
        "unicode",
        "in the bytes of the server",
        {
            "rich": sse_response(
                *map(sse, chunks({"content": "\ud83e"}, {"content": "\udd80"})), DONE
            )
        },
        "broken",
        "no",
    ),
    Case("unicode", "none of those letters", {"rich": said("cafe")}, "not seen", "n.a."),
    Case(
        "long prompt",
        "only 512 tokens of a prompt of 2000 words",
        {"long": said("word", usage={**LONG, "prompt_tokens": 512})},
        "deviates",
        "no",
    ),
    Case(
        "long prompt",
        "12 tokens are told for a prompt of 2000 words",
        {"long": said("word")},
        "deviates",
        "no",
    ),
    Case(
        "long prompt",
        "refused as too long (status 400)",
        {"long": error(400, "too long", "context_length_exceeded")},
        "ok",
        "n.a.",
    ),
    Case(
        "long prompt",
        "no answer to 2000 words",
        {"long": [Stall()]},
        "not seen",
        "n.a.",
        4.0,
    ),
    Case("long prompt", "refused, not as too long", {"long": error(500, "oops", "x")}),
    Case("structured output", "a schema is refused", {"formed": error(400, "unknown field", "x")}),
    Case("structured output", "taken, and not followed", {"formed": said("It is Ulm.")}),
    Case(
        "structured output",
        "cut off before",
        {"formed": said('{"name', finish="length")},
        "not seen",
        "n.a.",
    ),
    # optional fields
    Case(
        "optional fields",
        "stream_options is refused",
        {"stream": refusing(b"stream_options", said("1, "))},
    ),
    Case(
        "usage",
        "it is not asked for",
        {"stream": refusing(b"stream_options", stream(*good()[:-1])["stream"])},
        "not seen",
        "n.a.",
    ),
    Case(
        "optional fields",
        "max_tokens is refused",
        {"one-shot": refusing(b"max_tokens", whole(ANSWER))},
    ),
    Case(
        "token limit",
        "max_tokens is refused",
        {"one-shot": refusing(b"max_tokens", whole(ANSWER))},
        "not seen",
        "n.a.",
    ),
    Case(
        "optional fields",
        "tool_choice is refused",
        {"call": refusing(b"tool_choice", called(*call(0, "call-1", "Paris")), 500)},
    ),
    Case(
        "optional fields",
        "parallel_tool_calls is refused",
        {"one at a time": error(400, "unknown field", "x")},
    ),
    Case("optional fields", "and no tool is called", {"call": said("It is sunny.")}),
    Case(
        "optional fields",
        "parallel_tool_calls: false is taken, and several calls come",
        {"one at a time": called(*call(0, "a", "Paris"), *call(1, "b", "Rome"))},
    ),
    # refusals
    Case(
        "unknown model", "a model that there is not answers, as 'm-1'", {"no model": said("Hello.")}
    ),
    Case("unknown model", "status 500, not 404", {"no model": error(500, "oops", "x")}),
    Case("unknown model", "status 400, not 404", {"no model": error(400, "which model?", "x")}),
    Case(
        "unknown model",
        "with status 200, not 404",
        {"no model": sse_response(sse({"error": {"message": "which?", "code": 404}}))},
    ),
    Case("unknown model", "the error has no body", {"no model": response(404)}),
    Case("unknown model", "a page of HTML", {"no model": response(404, body=b"<html>no</html>")}),
    Case("bad request", "the error is no JSON", {"no request": response(400, body=b"no")}),
    Case("bad request", "a request that is none is answered", {"no request": said("Hello.")}),
    Case("bad request", "status 503, not 400 or 422", {"no request": error(503, "busy", "x")}),
    Case("bad request", "no answer: ReadFailed", {"no request": [Reset()]}, "broken", "no"),
    Case("wrong key", "any key will do", {"no key": said("Hello.")}),
    Case("wrong key", "status 500, not 401 or 403", {"no key": error(500, "oops", "x")}),
    Case(
        "unknown route",
        "answers with status 200",
        {"no route": response(200, {"Content-Type": "text/html"}, b"<html>Hi</html>")},
    ),
    Case("unknown route", "answers with status 200", {"no route": whole({"status": "ok"})}),
    # the connection
    Case("cancel", "whoever asks next waits", {"stream": busy_after_leaving()}, "deviates", "no"),
    Case("keep-alives", "no answer took so long", stream(*good()), "not seen", "n.a."),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_broken_promise_is_found(found: Found, case: Case) -> None:
    """The check says what deviates, how bad it is, and what rig_sync makes of it."""
    finding = found(case.check, case.changes, timeout=case.timeout)
    told = [one.what for one in finding.deviations] + [finding.seen, finding.words]
    assert any(case.what in text for text in told), told
    assert (finding.verdict, finding.copes) == (case.verdict, case.copes), finding
    assert finding.words or finding.verdict == "ok"
    assert all(one.what and one.how for one in finding.deviations)


def test_an_endpoint_without_fault(examined: Examined) -> None:
    """Every check finds everything as documented."""
    report = examined()
    assert [one.check for one in report.findings if one.verdict != "ok"] == []
    assert [one.check for one in report.findings] == [check.name for check in CHECKS]
    assert report.copes
    assert (report.model, report.wire, report.complete) == (MODEL, "openai_chat", True)
    assert report.requests == 18
    assert report.tokens


def test_every_check_has_a_case_that_fails_it() -> None:
    """No check is there that nobody has seen fail."""
    failing = {case.check for case in CASES if case.verdict in ("deviates", "broken")}
    others = {"connection", "keep-alives"}  # `test_connection` fails the first; nothing the second
    assert failing | others == {check.name for check in CHECKS}


def test_a_model_that_is_named_needs_no_list(server: ServerFactory) -> None:
    """Without a list, or when it does not have the model, the model is asked all the same."""
    for part, what in (
        (error(404, "no", "x"), "there is no list of models: NotFound: no"),
        (whole({"data": [{"id": "other"}]}), "the list does not have 'm-1'"),
        (whole({"data": []}), "the list of models is empty"),
    ):
        served = server(answering({"list": part}))
        with Client(KEY, base_url=served.url + "/v1") as client:
            finding = examine(client, model=MODEL, checks=["list of models"]).findings[0]
        assert (finding.verdict, finding.copes) == ("deviates", "yes")
        assert finding.deviations[0].what == what


def test_once_may_be_chance(found: Found) -> None:
    """Events that come at once the first time alone are not called held back."""
    asked: list[Request] = []

    def answer(request: Request) -> Script:
        asked.append(request)
        return late() if len(asked) == 1 else said(*(f"{number}, " for number in range(20)))

    finding = found("streaming", {"stream": answer})
    assert finding.verdict == "ok"
    assert len(asked) == 2
