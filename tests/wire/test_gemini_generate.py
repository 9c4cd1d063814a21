"""What Gemini and what stands before it send, streamed and whole; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import AssistantContent, Image, ProviderBlock, ReasoningText, ToolCall
from rig_sync.streaming.calls import parse_arguments
from rig_sync.streaming.items import Delta, Reasoning, ReasoningDelta, Text, ToolCallDelta, Unknown
from rig_sync.wire.base import Wire
from rig_sync.wire.gemini_generate import GeminiGenerate
from tests.wire.asking import Outcome, ask
from tests.wire.frames import sse
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

WIRE = GeminiGenerate()
NAME = "gemini_generate"
COUNTS: JsonObject = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
PNG: JsonObject = {"mimeType": "image/png", "data": "iVBORw=="}


def chunk(*parts: Json, finish: str | int | None = None, **more: Json) -> JsonObject:
    """One object of a stream; without parts, one without content."""
    candidate: JsonObject = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m-1", "responseId": "r-1", **more}


def text(words: str, signature: str | None = None) -> JsonObject:
    return {"text": words} if signature is None else {"text": words, "thoughtSignature": signature}


def thought(words: str, signature: str | None = None) -> JsonObject:
    return {**text(words, signature), "thought": True}


def call(name: str | None, args: Json = None, signature: str | None = None) -> JsonObject:
    function: JsonObject = {} if name is None else {"name": name}
    if args is not None:
        function["args"] = args
    part: JsonObject = {"functionCall": function}
    return part if signature is None else {**part, "thoughtSignature": signature}


def piece(*partials: Json, name: str | None = None, more: bool = True) -> JsonObject:
    """A piece of a call whose arguments are streamed."""
    function: JsonObject = {"name": name} if name else {}
    if partials:
        function["partialArgs"] = list(partials)
    return {"functionCall": {**function, "willContinue": True} if more else function}


def at(path: str, value: Json = "", *, more: bool = False) -> JsonObject:
    """A value of an argument, or a piece of it."""
    kinds = {str: "stringValue", bool: "boolValue", type(None): "nullValue"}
    kind = kinds.get(type(value), "numberValue")
    partial: JsonObject = {"jsonPath": path, kind: "NULL_VALUE" if value is None else value}
    return {**partial, "willContinue": True} if more else partial


HEL, LO = chunk(text("Hel")), chunk(text("lo"))
STOP = chunk(finish="STOP", usageMetadata=COUNTS)


def stream(*frames: Json) -> bytes:
    """A stream as Google sends it."""
    return sse(*frames, done=False, line_end="\r\n")


def hello(outcome: Outcome) -> Outcome:
    """`outcome`, which has to be a complete answer of "Hello"."""
    assert outcome.error is None
    assert outcome.final is not None
    assert outcome.text == "Hello"
    assert "".join(item.text for item in outcome.of(Text)) == "Hello"
    assert outcome.answer.ids.response == "r-1"
    assert outcome.answer.model == "m-1"
    assert outcome.answer.finish_reason is not None
    assert outcome.answer.finish_reason.kind == "stop"
    return outcome


def block(*content: ReasoningText) -> Reasoning:
    return Reasoning(content, origin=NAME)


def opaque(kind: str, payload: JsonObject) -> ProviderBlock:
    return ProviderBlock(kind, payload, NAME)


# frames that carry nothing --------------------------------------------------------------------

SILENT: dict[str, Json] = {
    "no candidates": {"responseId": "r-1", "candidates": []},
    "null candidates": {"candidates": None},
    "no content": chunk(),
    "no parts": {"candidates": [{"content": {"role": "model"}}]},
    "null content": {"candidates": [{"content": None, "finishReason": None}]},
    "an empty part": chunk({}),
    "empty text": chunk(text("")),
    "a null beside the text": chunk({"text": "", "functionCall": None, "thought": False}),
    "usage alone": {"usageMetadata": {"promptTokenCount": 3}},
    "usage without counts": {"usageMetadata": {"trafficType": "ON_DEMAND"}},
    "feedback without a reason": {"promptFeedback": {"safetyRatings": []}},
    "a stray end of a call": chunk({"functionCall": {}}),
    "the second of two answers": {
        "candidates": [{"index": 1, "content": {"parts": [{"text": "no"}]}}]
    },
    "data: null": "null",
    "[DONE]": "[DONE]",
    "blank data": "",
    "null error": {**chunk(), "error": None},
    "an empty object": {},
}


@pytest.mark.parametrize("frame", SILENT.values(), ids=SILENT.keys())
def test_a_frame_without_content_is_no_error(serve: Serve, frame: Json) -> None:
    """The answer is the same with such a frame before, within and after it."""
    outcome = hello(serve(stream(frame, HEL, frame, LO, frame, STOP, frame), WIRE))
    assert outcome.errors == []
    assert outcome.of(Unknown) == []
    assert outcome.answer.message.content == (Text("Hello"),)


@pytest.mark.parametrize(
    "body",
    [
        sse(HEL, LO, STOP, done=False),
        sse(HEL, LO, STOP, done=False, line_end="\r"),
        sse(HEL, LO, STOP, data="data:"),
        b": comment\r\n\r\n" * 3 + stream(HEL, LO, STOP),
        b"\xef\xbb\xbf" + stream(HEL, LO, STOP),
        stream(HEL, LO, STOP)[:-4],
    ],
    ids=["LF", "CR", "no space", "comments first", "byte order mark", "unterminated"],
)
def test_framing(serve: Serve, body: bytes) -> None:
    """Whatever the standard allows, and the ends that servers leave off."""
    assert hello(serve(body, WIRE)).errors == []


def test_any_character_at_any_cut(loopback: Loopback) -> None:
    """U+2028 ends no line, and a character cut in two is one again."""
    words = "a\u2028b\u2029c\x85d é € 🦀 \x1a"
    body = stream(chunk(text(words), finish="STOP"))
    assert ask(loopback.add(Answer(body, sizes=(1,) * len(body))), WIRE).text == words


# what an answer is made of --------------------------------------------------------------------

CODE: JsonObject = {"executableCode": {"language": "PYTHON", "code": "1", "id": "e"}}
RESULT: JsonObject = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}
SEARCH: JsonObject = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "s"}
SPEECH: JsonObject = {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}
SKETCH: JsonObject = {"inlineData": PNG, "thought": True}


class Parts(Struct):
    """Parts of a stream, a frame each, and the message that they make."""

    parts: list[JsonObject]
    content: list[AssistantContent]


SIGNED: JsonObject = {"thoughtSignature": "s"}
CONTENT = {
    "text": Parts([text("Hel"), text("lo")], [Text("Hello")]),
    "thoughts and text": Parts(
        [thought("I "), thought("see"), text("Yes")],
        [block(ReasoningText("I see")), Text("Yes")],
    ),
    "text signed at its end": Parts(
        [text("Hel"), text("lo"), text("", "s")], [Text("Hello"), Text("", SIGNED)]
    ),
    "text signed at its beginning": Parts(
        [text("Hel", "s"), text("lo")], [Text("Hel", SIGNED), Text("lo")]
    ),
    "text signed in its middle": Parts(
        [text("H"), text("el", "s"), text("lo")], [Text("H"), Text("el", SIGNED), Text("lo")]
    ),
    "a signature alone": Parts([text("Yes"), SIGNED], [Text("Yes"), Text("", SIGNED)]),
    "signed thoughts": Parts(
        [thought("I "), thought("see", "s"), thought("more"), text("Yes")],
        [block(ReasoningText("I see", "s"), ReasoningText("more")), Text("Yes")],
    ),
    "thoughts signed at their end": Parts(
        [thought("I see"), thought("", "s"), text("Yes")],
        [block(ReasoningText("I see", "s")), Text("Yes")],
    ),
    "a signature for hidden thoughts": Parts(
        [thought("", "s"), text("Yes")], [block(ReasoningText("", "s")), Text("Yes")]
    ),
    "thoughts in two places": Parts(
        [thought("I"), SEARCH, thought("see"), text("Yes")],
        [
            block(ReasoningText("I")),
            opaque("toolCall", SEARCH),
            block(ReasoningText("see")),
            Text("Yes"),
        ],
    ),
    "an image": Parts(
        [text("Here:"), {"inlineData": PNG, **SIGNED}],
        [
            Text("Here:"),
            Image(data="iVBORw==", media_type="image/png", provider_data=SIGNED),
        ],
    ),
    "code": Parts(
        [CODE, RESULT, text("1")],
        [opaque("executableCode", CODE), opaque("codeExecutionResult", RESULT), Text("1")],
    ),
    "speech": Parts([SPEECH], [opaque("inlineData", SPEECH)]),
    "a sketch on the way": Parts(
        [SKETCH, text("Yes")], [opaque("inlineData", SKETCH), Text("Yes")]
    ),
}


@pytest.mark.parametrize("case", CONTENT.values(), ids=CONTENT.keys())
def test_content(serve: Serve, loopback: Loopback, case: Parts) -> None:
    """Every part in its place with its signature; streamed, whole and in one chunk alike."""
    streamed = serve(stream(*(chunk(part) for part in case.parts), STOP), WIRE)
    one_chunk = serve(stream(chunk(*case.parts, finish="STOP", usageMetadata=COUNTS)), WIRE)
    body = compact(chunk(*case.parts, finish="STOP", usageMetadata=COUNTS)).encode()
    whole = ask(loopback.add(Answer(body, content_type="application/json")), WIRE, streaming=False)
    for outcome in (streamed, one_chunk, whole):
        assert outcome.error is None
        assert outcome.errors == []
        assert list(outcome.answer.message.content) == case.content
        assert outcome.answer.usage == Usage(3, 2, 5)
    for outcome in (streamed, one_chunk):
        thoughts = "".join(item.text for item in outcome.of(ReasoningDelta))
        assert thoughts == "".join(b.text for b in outcome.answer.message.reasoning).replace(
            "\n\n", ""
        )
        assert outcome.of(Reasoning) == list(outcome.answer.message.reasoning)
        assert "".join(item.text for item in outcome.of(Text)) == outcome.text
        assert len(outcome.of(Unknown)) == sum(isinstance(p, ProviderBlock) for p in case.content)
        assert outcome.of(Image) == [p for p in case.content if isinstance(p, Image)]


# tool calls -----------------------------------------------------------------------------------


class Calls(Struct):
    """Parts, a frame each, and the calls they make: name, arguments, signature."""

    parts: list[JsonObject]
    expected: list[tuple[str, Json, str | None]]


ADD: Json = {"x": 1, "y": [True]}
CALLS = {
    "one": Calls([call("add", ADD, "s")], [("add", ADD, "s")]),
    "parallel, the first signed": Calls(
        [call("add", ADD, "s"), call("add", {"x": 2}), call("sub")],
        [("add", ADD, "s"), ("add", {"x": 2}, None), ("sub", {}, None)],
    ),
    "many": Calls(
        [call("add", {"x": n}, "s" if n == 0 else None) for n in range(76)],
        [("add", {"x": n}, "s" if n == 0 else None) for n in range(76)],
    ),
    "empty arguments": Calls([call("add", {})], [("add", {}, None)]),
    "arguments as text": Calls([call("add", '{"x":1}')], [("add", {"x": 1}, None)]),
    "arguments that are no object": Calls([call("add", [1])], [("add", "[1]", None)]),
    "after text and thoughts": Calls(
        [thought("I see"), text("Let me see."), call("add", ADD, "s")], [("add", ADD, "s")]
    ),
    "streamed": Calls(
        [
            {**piece(name="add"), "thoughtSignature": "s"},
            piece(at("$.x", 1)),
            piece(at("$.city", "Bos", more=True)),
            piece(at("$.city", 't"on\\', more=True)),
            piece(at("$.city")),
            call(None),
            piece(name="add"),
            piece(at("$.x", 2.0), more=False),
        ],
        [("add", {"x": 1, "city": 'Bost"on\\'}, "s"), ("add", {"x": 2}, None)],
    ),
    "streamed, all kinds of places": Calls(
        [
            piece(
                at("$.a.b[0].c", "x"),
                at("$.a.b[0].d", 1.5),
                at("$.a.b[1].c", None),
                at("$.a['e.f'][0][0]", True),
                at('$["q\\"q"]', False),
                name="add",
            ),
            call(None),
        ],
        [
            (
                "add",
                {
                    "a": {"b": [{"c": "x", "d": 1.5}, {"c": None}], "e.f": [[True]]},
                    'q"q': False,
                },
                None,
            )
        ],
    ),
    "streamed, without arguments": Calls([piece(name="add"), call(None)], [("add", {}, None)]),
    "streamed, named in every piece": Calls(
        [piece(at("$.x", 1), name="add"), piece(at("$.y", 2), name="add"), call(None)],
        [("add", {"x": 1, "y": 2}, None)],
    ),
    "streamed, the end left out before another": Calls(
        [piece(at("$.x", 1), name="add"), call("sub", {"y": 2})],
        [("add", {"x": 1}, None), ("sub", {"y": 2}, None)],
    ),
    "streamed, a text that goes on elsewhere": Calls(
        [piece(at("$.x", "a", more=True), at("$.y", 1), name="add"), call(None)],
        [("add", {"x": "a", "y": 1}, None)],
    ),
}


@pytest.mark.parametrize("case", CALLS.values(), ids=CALLS.keys())
def test_tool_calls(serve: Serve, loopback: Loopback, case: Calls) -> None:
    """Whole or in pieces; ids are ours, and told apart; the deltas amount to the arguments."""
    streamed = serve(stream(*(chunk(part) for part in case.parts), STOP), WIRE)
    body = compact(chunk(*case.parts, finish="STOP")).encode()
    whole = ask(loopback.add(Answer(body, content_type="application/json")), WIRE, streaming=False)
    for outcome in (streamed, whole):
        assert outcome.error is None
        made = outcome.answer.message.tool_calls
        assert [(c.name, c.malformed or c.arguments, c.signature) for c in made] == case.expected
        assert len({c.id for c in made}) == len(made)
        assert not any(c.provider_data for c in made)
        assert outcome.answer.finish_reason is not None
        assert outcome.answer.finish_reason.kind == "tool_calls"
    assert [c.id for c in streamed.tool_items] == [c.id for c in streamed.answer.message.tool_calls]
    for made_call in streamed.tool_items:
        told = "".join(
            item.content.arguments
            for item in streamed.of(ToolCallDelta)
            if item.internal_call_id == made_call.internal_call_id
            and isinstance(item.content, Delta)
        )
        assert parse_arguments(told) == (None if made_call.malformed else made_call.arguments)


def test_the_provider_s_id_of_a_call(serve: Serve) -> None:
    """It is the call's, and marked as Gemini's own, so that it goes back."""
    part: JsonObject = {"functionCall": {"id": "c-1", "name": "add", "args": ADD}}
    (made,) = serve(stream(chunk(part, finish="STOP")), WIRE).tool_items
    assert (made.id, made.provider_data) == ("c-1", {"functionCall": {"id": "c-1"}})


def test_values_out_of_order_still_make_the_arguments(serve: Serve) -> None:
    """The text that was shown has a key twice then; the call has all values."""
    parts = [piece(at("$.a.x", 1), at("$.b", 2), at("$.a.y", 3), name="add"), call(None)]
    outcome = serve(stream(*map(chunk, parts), STOP), WIRE)
    assert outcome.calls == [("add", {"a": {"x": 1, "y": 3}, "b": 2})]


@pytest.mark.parametrize(
    "partials",
    [
        [at("$..x", 1)],
        [at("$", 1)],
        [at("x", 1)],
        [at("$[0]", 1)],
        [{"numberValue": 1}],
        [at("$.x[1]", 1)],
        [at("$.x", 1), at("$.x.y", 1)],
        [at("$.x", 1), at("$.x[0]", 1)],
    ],
)
def test_values_without_a_place_never_run(serve: Serve, partials: list[Json]) -> None:
    """The call is malformed, so that the model can be told."""
    outcome = serve(stream(chunk(piece(*partials, name="add")), chunk(call(None)), STOP), WIRE)
    (made,) = outcome.tool_items
    assert made.malformed
    assert made.arguments == {}


@pytest.mark.parametrize("partials", [[], [at("$.x", 1)], [at("$.x", "a", more=True)]])
def test_a_call_cut_off_by_the_token_limit_never_runs(serve: Serve, partials: list[Json]) -> None:
    """It is told as an error and is in no message; a whole one stays."""
    frames = [chunk(call("add", ADD)), chunk(piece(*partials, name="send"))]
    outcome = serve(stream(*frames, chunk(finish="MAX_TOKENS")), WIRE)
    assert outcome.calls == [("add", ADD)]
    (error,) = outcome.errors
    assert isinstance(error, ResponseDecodeError)
    assert error.code == "incomplete_tool_call"


def test_a_call_that_stays_open_never_runs(serve: Serve) -> None:
    """The model stopped in its middle; it is told."""
    (made,) = serve(stream(chunk(piece(name="send")), STOP), WIRE).tool_items
    assert made.malformed == "{"


# ends -----------------------------------------------------------------------------------------

FINISHES = [
    ("STOP", "stop"),
    ("MAX_TOKENS", "length"),
    ("SAFETY", "content_filter"),
    ("RECITATION", "content_filter"),
    ("MODEL_ARMOR", "content_filter"),
    ("PROHIBITED_CONTENT", "content_filter"),
    ("UNEXPECTED_TOOL_CALL", "other"),
    ("MALFORMED_FUNCTION_CALL", "other"),
    ("SOMETHING_NEW", "other"),
]


@pytest.mark.parametrize(("word", "kind"), FINISHES)
def test_finish_reasons(serve: Serve, word: str, kind: str) -> None:
    """In our words, and in Google's."""
    outcome = serve(stream(HEL, chunk(finish=word)), WIRE)
    assert outcome.final is not None
    reason = outcome.answer.finish_reason
    assert reason is not None
    assert (reason.kind, reason.raw) == (kind, word)


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (1, "stop", "STOP"),
        (2, "length", "MAX_TOKENS"),
        (3, "content_filter", "SAFETY"),
        (4, "content_filter", "RECITATION"),
        (5, "other", "OTHER"),
        (99, "other", "99"),
    ],
)
def test_finish_reasons_as_numbers(
    serve: Serve, loopback: Loopback, number: int, kind: str, word: str
) -> None:
    """As of `$alt=json;enum-encoding=int`: in Google's word where it is known."""
    frame = chunk(text("Hello"), finish=number)
    answer = Answer(compact(frame).encode(), content_type="application/json")
    for outcome in (
        serve(stream(frame), WIRE),
        ask(loopback.add(answer), WIRE, streaming=False),
    ):
        assert (outcome.text, outcome.error, outcome.answer.defects) == ("Hello", None, ())
        reason = outcome.answer.finish_reason
        assert reason is not None
        assert (reason.kind, reason.raw) == (kind, word)


def test_content_after_a_finish_reason_counts(serve: Serve) -> None:
    """Code execution has two: the body is read to its end, and the last one is the reason."""
    frames = [chunk(CODE, finish="OTHER"), chunk(RESULT), HEL, chunk(text("lo"), finish="STOP")]
    outcome = hello(serve(stream(*frames, {"usageMetadata": COUNTS}), WIRE))
    assert len(outcome.of(Unknown)) == 2
    assert outcome.answer.usage.total_tokens == 5


def test_the_finish_reason_need_not_be_in_the_last_chunk(serve: Serve) -> None:
    """It is the proof wherever it stands."""
    hello(serve(stream(chunk(text("Hel"), finish="STOP"), LO), WIRE))


@pytest.mark.parametrize(
    "body",
    [
        stream(HEL, LO),
        stream(HEL, LO, chunk(usageMetadata=COUNTS)),
        stream(HEL, chunk(text("lo"), finish="STOP"))[:-40],
    ],
)
def test_a_stream_without_a_finish_reason_is_truncated(serve: Serve, body: bytes) -> None:
    """What came is kept."""
    outcome = serve(body, WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.final is None
    assert outcome.text in ("Hel", "Hello")


@pytest.mark.parametrize("why", ["SAFETY", 1])
def test_a_blocked_prompt(serve: Serve, loopback: Loopback, why: str | int) -> None:
    """There is no answer, and the reason says why."""
    body: JsonObject = {"promptFeedback": {"blockReason": why}, "usageMetadata": COUNTS}
    answer = Answer(compact(body).encode(), content_type="application/json")
    for outcome in (serve(stream(body), WIRE), ask(loopback.add(answer), WIRE, streaming=False)):
        assert outcome.error is None
        assert outcome.text == ""
        reason = outcome.answer.finish_reason
        assert reason is not None
        assert (reason.kind, reason.raw) == ("content_filter", f"blocked:{why}")
        assert outcome.answer.usage.input_tokens == 3


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ([COUNTS], Usage(3, 2, 5)),
        ([{**COUNTS, "thoughtsTokenCount": 4}], Usage(3, 6, 5, reasoning_tokens=4)),
        ([{"promptTokenCount": 3, "thoughtsTokenCount": 4}], Usage(3, 4, reasoning_tokens=4)),
        ([{**COUNTS, "cachedContentTokenCount": 1}], Usage(3, 2, 5, 1)),
        ([{**COUNTS, "toolUsePromptTokenCount": 9, "totalTokenCount": 14}], Usage(3, 2, 14)),
        ([{"promptTokenCount": 3}, COUNTS, {"trafficType": "ON_DEMAND"}], Usage(3, 2, 5)),
        ([{"promptTokenCount": 0}], Usage(0)),
        ([None], Usage()),
    ],
)
def test_usage(serve: Serve, counts: list[Json], usage: Usage) -> None:
    """The last counts are those of the answer; what was not told is None."""
    frames = [chunk(text("Hi"), usageMetadata=entry) for entry in counts]
    assert serve(stream(*frames, chunk(finish="STOP")), WIRE).answer.usage == usage


def test_metadata_stays_in_raw(serve: Serve) -> None:
    """The last object, with what earlier chunks told beside the words."""
    grounded = chunk(text("Hi"))
    grounded["candidates"] = [
        {"content": {"parts": [text("Hi")]}, "groundingMetadata": {"webSearchQueries": ["a"]}}
    ]
    final = serve(stream(grounded, STOP), WIRE).final
    assert final is not None
    assert final.raw is not None
    assert final.raw["usageMetadata"] == COUNTS
    assert final.raw["candidates"] == [
        {
            "index": 0,
            "finishReason": "STOP",
            "groundingMetadata": {"webSearchQueries": ["a"]},
        }
    ]


# errors ---------------------------------------------------------------------------------------


def error(code: int, status: str, *details: Json) -> JsonObject:
    inner: JsonObject = {"code": code, "message": "No.", "status": status}
    return {"error": {**inner, "details": list(details)} if details else inner}


BAD_KEY: JsonObject = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
}
WAIT: JsonObject = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
ERRORS: dict[str, tuple[JsonObject, type[ProviderError], float | None]] = {
    "a bad request": (error(400, "INVALID_ARGUMENT"), BadRequest, None),
    "a bad key": (error(400, "INVALID_ARGUMENT", BAD_KEY), AuthenticationError, None),
    "no key": (error(401, "UNAUTHENTICATED"), AuthenticationError, None),
    "forbidden": (error(403, "PERMISSION_DENIED"), PermissionDenied, None),
    "no such model": (error(404, "NOT_FOUND"), NotFound, None),
    "the quota": (error(429, "RESOURCE_EXHAUSTED", {"violations": []}, WAIT), RateLimited, 34.5),
    "its own fault": (error(500, "INTERNAL"), ServerError, None),
    "overloaded": (error(503, "UNAVAILABLE"), Overloaded, None),
    "too slow": (error(504, "DEADLINE_EXCEEDED"), ServerError, None),
}


@pytest.mark.parametrize("array", [False, True], ids=["object", "array"])
@pytest.mark.parametrize(("body", "kind", "wait"), ERRORS.values(), ids=ERRORS.keys())
def test_errors(
    serve: Serve,
    loopback: Loopback,
    body: JsonObject,
    kind: type[ProviderError],
    wait: float | None,
    array: bool,
) -> None:
    """By status, inside a 200 and within a stream, alone or in an array: typed, and once."""
    inner = body["error"]
    assert isinstance(inner, dict)
    status = inner["code"]
    assert isinstance(status, int)
    payload: Json = [body] if array else body
    text_of = compact(payload).encode()
    outcomes = [
        ask(loopback.add(Answer(text_of, status)), WIRE),
        ask(loopback.add(Answer(text_of, status, "application/json")), WIRE, streaming=False),
        ask(loopback.add(Answer(text_of, 200, "application/json")), WIRE, streaming=False),
        serve(stream(HEL, payload, LO, STOP), WIRE),
    ]
    for outcome in outcomes:
        assert type(outcome.error) is kind
        assert (outcome.error.status, outcome.error.code) == (status, inner["status"])
        assert outcome.error.retry_after == wait
        assert outcome.error.message == "No."
        assert outcome.final is None
    assert outcomes[-1].text == "Hel"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (stream({"error": "No."}), ProviderError),
        (stream({"message": "No.", "code": 503}), Overloaded),
        (b"event: error\ndata: No.\n\n", ProviderError),
        (b'event: error\ndata: ["No."]\n\n', ProviderError),
    ],
)
def test_errors_of_gateways(serve: Serve, body: bytes, kind: type[RigError]) -> None:
    """Other shapes, after a 200."""
    outcome = serve(body, WIRE)
    assert isinstance(outcome.error, kind)
    assert "No." in str(outcome.error)


@pytest.mark.parametrize("frame", ["[]", "7", '"text"', "hello", "{", '{"candidates":[{"cont'])
def test_one_bad_frame_does_not_end_the_answer(serve: Serve, frame: str) -> None:
    """It is a `StreamError` in its place; the rest and the terminal record come."""
    outcome = hello(serve(stream(HEL, frame, LO, STOP), WIRE))
    (defect,) = outcome.errors
    assert isinstance(defect, ResponseDecodeError)
    assert outcome.answer.defects == (str(defect),)


MISFITS: dict[str, JsonObject] = {
    "text that is none": chunk({"text": 7}, text("lo")),
    "a call that is none": chunk({"functionCall": "add"}, text("lo")),
    "an image that is none": chunk({"inlineData": "AAAA"}, text("lo")),
    "parts that are none": chunk("no", text("lo")),
    "a count in words": chunk(text("lo"), usageMetadata={"promptTokenCount": "three"}),
    "an index in words": {"candidates": [{"index": "0", "content": {"parts": [text("lo")]}}]},
    "one candidate without a list": {"candidates": {"content": {"parts": [text("lo")]}}},
    "metadata that is none": {
        "candidates": [{"content": {"parts": [text("lo")]}, "groundingMetadata": []}]
    },
}


@pytest.mark.parametrize("frame", MISFITS.values(), ids=MISFITS.keys())
def test_what_does_not_fit_is_left_out_and_told(serve: Serve, frame: JsonObject) -> None:
    """All else of the frame counts."""
    assert len(hello(serve(stream(HEL, frame, STOP), WIRE)).errors) == 1


def test_something_new(serve: Serve) -> None:
    """An object that says nothing we know is handed over."""
    outcome = hello(serve(stream(HEL, {"weather": "fine"}, LO, STOP), WIRE))
    assert [item.payload for item in outcome.of(Unknown)] == [{"weather": "fine"}]


# bodies that are no event stream --------------------------------------------------------------


def test_a_stream_as_one_array(loopback: Loopback) -> None:
    """As Google answers where `?alt=sse` got lost: it is read all the same."""
    body = compact([HEL, LO, STOP]).encode()
    hello(ask(loopback.add(Answer(body, content_type="application/json")), WIRE))


def test_an_array_without_a_finish_reason_is_truncated(loopback: Loopback) -> None:
    """As a stream would be."""
    body = compact([HEL, LO]).encode()
    outcome = ask(loopback.add(Answer(body, content_type="application/json")), WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.text == "Hello"


def test_an_array_that_breaks_off(loopback: Loopback) -> None:
    """The message says what is wrong on the way."""
    body = compact([HEL, LO]).encode()[:-9]
    outcome = ask(loopback.add(Answer(body, content_type="application/json")), WIRE)
    assert isinstance(outcome.error, ResponseDecodeError)
    assert "alt=sse" in str(outcome.error)


@pytest.mark.parametrize("body", [b"hello", b"7", b"<html>No</html>"])
def test_a_body_that_is_no_answer(loopback: Loopback, body: bytes) -> None:
    """It is said with its beginning."""
    answer = Answer(body, content_type="application/json")
    outcome = ask(loopback.add(answer), WIRE, streaming=False)
    assert isinstance(outcome.error, ResponseDecodeError)


def test_calls_are_equal_streamed_and_whole(serve: Serve, loopback: Loopback) -> None:
    """But for the ids, which are made here."""
    whole = chunk(call("add", ADD, "s"), finish="STOP")
    answer = Answer(compact(whole).encode(), content_type="application/json")
    (one,) = ask(loopback.add(answer), WIRE, streaming=False).answer.message.tool_calls
    (other,) = serve(stream(whole), WIRE).answer.message.tool_calls
    assert ToolCall("c", one.name, one.arguments, signature=one.signature) == ToolCall(
        "c", other.name, other.arguments, signature=other.signature
    )
