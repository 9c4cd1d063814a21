"""What Messages servers send, good and bad, over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import Usage
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ContextLengthExceeded,
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
from rig_sync.message import (
    AssistantContent,
    ProviderBlock,
    Reasoning,
    ReasoningRedacted,
    ReasoningText,
    ToolCall,
)
from rig_sync.streaming.items import Delta, Name, ReasoningDelta, Text, ToolCallDelta, Unknown
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from tests.wire.asking import Outcome, ask
from tests.wire.frames import event, sse, sse_events
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

WIRE = AnthropicMessages()
ADD = '{"x":1,"y":2}'
SUM: tuple[str, Json] = ("add", {"x": 1, "y": 2})


def message(*content: Json, stop: Json = "end_turn", **more: Json) -> JsonObject:
    """The whole body of a one-shot answer."""
    return {
        "id": "msg-1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
        **more,
    }


def start(**more: Json) -> JsonObject:
    return event("message_start", message={**message(stop=None), **more})


def block(index: int, opening: JsonObject, *deltas: JsonObject) -> list[JsonObject]:
    """The events of one content block."""
    return [
        event("content_block_start", index=index, content_block=opening),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def text(*pieces: str, index: int = 0) -> list[JsonObject]:
    deltas: list[JsonObject] = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas)


def called(*pieces: str, index: int = 1, **opening: Json) -> list[JsonObject]:
    first: JsonObject = {"type": "tool_use", "id": "call-1", "name": "add", "input": {}, **opening}
    return block(index, first, *map(piece_of_input, pieces))


def piece_of_input(piece: str) -> JsonObject:
    return {"type": "input_json_delta", "partial_json": piece}


def thought(*pieces: str, signature: str | None = "sig", index: int = 0) -> list[JsonObject]:
    deltas: list[JsonObject] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    if signature is not None:
        deltas.append({"type": "signature_delta", "signature": signature})
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas)


def end(stop: Json = "end_turn", **usage: Json) -> list[JsonObject]:
    return [
        event(
            "message_delta",
            delta={"stop_reason": stop, "stop_sequence": None},
            usage={"output_tokens": 2, **usage},
        ),
        event("message_stop"),
    ]


def without(events: list[JsonObject], field: str) -> list[JsonObject]:
    return [{name: value for name, value in e.items() if name != field} for e in events]


def no_stops(events: list[JsonObject]) -> list[JsonObject]:
    return [entry for entry in events if entry["type"] != "content_block_stop"]


def no_starts(events: list[JsonObject]) -> list[JsonObject]:
    return [entry for entry in events if entry["type"] != "content_block_start"]


HELLO = text("Hel", "lo")
CALL = called("", '{"x":1,', '"y":2}')
SECOND = called("{}", index=2, id="call-2", name="sub")
BOTH = [*CALL, *SECOND, *end("tool_use")]
CALLS = [SUM, ("sub", {})]
PING = event("ping")


# content --------------------------------------------------------------------------------------


class Case(Struct):
    """Events, and what they amount to."""

    events: list[JsonObject]
    text: str = ""
    calls: list[tuple[str, Json]] = []


CASES = {
    "text": Case([start(), PING, *HELLO, PING, *end()], "Hello"),
    "text in the start of its block": Case(
        [start(), *block(0, {"type": "text", "text": "Hello"}), *end()], "Hello"
    ),
    "text in the start of the message": Case(
        [start(content=[{"type": "text", "text": "Hello"}]), *end()], "Hello"
    ),
    "two texts": Case([start(), *HELLO, *text(" you", index=1), *end()], "Hello you"),
    "text without index": Case([start(), *without(HELLO, "index"), *end()], "Hello"),
    "text whose block never stops": Case([start(), *no_stops(HELLO), *end()], "Hello"),
    "text whose block never started": Case([start(), *no_starts(HELLO), *end()], "Hello"),
    "text in a block that has stopped": Case(
        [start(), *HELLO, *no_starts(text(" you")), *end()], "Hello you"
    ),
    "text without message_start": Case([*HELLO, *end()], "Hello"),
    "a call": Case([start(), *CALL, *end("tool_use")], calls=[SUM]),
    "calls": Case([start(), *HELLO, *BOTH], "Hello", CALLS),
    "calls without index": Case([start(), *without(BOTH, "index")], calls=CALLS),
    "calls that share an index": Case(
        [
            *(start(), *CALL, *called("{}", id="call-2", name="sub")),
            *end("tool_use"),
        ],
        calls=CALLS,
    ),
    "calls whose blocks never stop": Case([start(), *no_stops(BOTH)], calls=CALLS),
    "calls whose pieces take turns": Case(
        [
            *(start(), CALL[0], SECOND[0], *CALL[1:3], *SECOND[1:2], CALL[3]),
            *(CALL[4], SECOND[2], *end("tool_use")),
        ],
        calls=CALLS,
    ),
    "a call whose input comes at once": Case(
        [start(), *called(input={"x": 1, "y": 2}), *end("tool_use")], calls=[SUM]
    ),
    "a call whose input comes at once, then empty pieces": Case(
        [start(), *called("", input={"x": 1, "y": 2}), *end("tool_use")], calls=[SUM]
    ),
    "a call whose input comes at once, as text": Case(
        [start(), *called(input=ADD), *end("tool_use")], calls=[SUM]
    ),
    "a call whose input comes twice": Case(
        [start(), *called(ADD, input={"x": 1, "y": 2}), *end("tool_use")], calls=[SUM]
    ),
    "a call whose input comes at once, in a block that never stops": Case(
        [start(), *no_stops(called(input={"x": 1, "y": 2})), *end("tool_use")], calls=[SUM]
    ),
    "a call without arguments": Case([start(), *called(), *end("tool_use")], calls=[("add", {})]),
    "a call with empty arguments": Case(
        [start(), *called("", ""), *end("tool_use")], calls=[("add", {})]
    ),
    "a call in the start of the message": Case(
        [
            start(
                content=[{"type": "tool_use", "id": "call-1", "name": "add", "input": SUM[1]}],
                stop_reason="tool_use",
            ),
            event("message_stop"),
        ],
        calls=[SUM],
    ),
    "text and a call in one index": Case(
        [start(), *no_stops(HELLO), *called(ADD, index=0), *end("tool_use")], "Hello", [SUM]
    ),
}


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_answer(serve: Serve, case: Case, named: bool) -> None:
    """However it is told, text and calls are there once, in order."""
    outcome = serve(sse_events(*case.events, named=named), WIRE)
    assert outcome.error is None
    assert outcome.errors == []
    assert outcome.text == case.text
    assert "".join(item.text for item in outcome.of(Text)) == case.text
    assert outcome.calls == case.calls
    assert [call.id for call in outcome.tool_items] == ["call-1", "call-2"][: len(case.calls)]
    assert [(call.name, call.arguments) for call in outcome.tool_items] == case.calls
    pieces = [item.content for item in outcome.of(ToolCallDelta)]
    names = [piece.name for piece in pieces if isinstance(piece, Name)]
    assert names == [name for name, _ in case.calls]
    told = "".join(piece.arguments for piece in pieces if isinstance(piece, Delta))
    if len(case.calls) == 1:
        assert told in (compact(case.calls[0][1]), "")
    assert outcome.final is not None
    assert outcome.final.finish_reason is not None
    assert outcome.final.finish_reason.kind == ("tool_calls" if case.calls else "stop")


def test_ids_and_model(loopback: Loopback) -> None:
    """The id is that of the message; the request's is in the header."""
    answer = Answer(sse_events(start(), *HELLO, *end()), headers={"request-id": "req-1"})
    outcome = ask(loopback.add(answer), WIRE)
    ids = outcome.answer.ids
    assert (ids.response, ids.message, ids.request) == ("msg-1", "msg-1", "req-1")
    assert outcome.answer.message.id == "msg-1"
    assert outcome.answer.model == "m-1"


def test_the_terminal_object_is_the_end_of_the_message(serve: Serve) -> None:
    """With the sequence that it stopped at, and whatever else the provider says there."""
    delta: JsonObject = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    last = event("message_delta", delta=delta, usage={"output_tokens": 2})
    outcome = serve(sse_events(start(), *HELLO, last, event("message_stop")), WIRE)
    assert outcome.final is not None
    assert outcome.final.raw == last


def test_two_texts_are_two_parts(serve: Serve) -> None:
    """They go back as they came: block for block."""
    outcome = serve(sse_events(start(), *HELLO, *text("you", index=1), *end()), WIRE)
    assert outcome.answer.message.content == (Text("Hello"), Text("you"))


def test_where_a_text_was_found(serve: Serve) -> None:
    """Citations belong to the text of their own block."""
    page: JsonObject = {"type": "page_location", "cited_text": "Bolt", "document_index": 0}
    cited = block(
        1,
        {"type": "text", "text": "", "citations": []},
        {"type": "citations_delta", "citation": page},
        {"type": "text_delta", "text": "you"},
        {"type": "citations_delta", "citation": {**page, "document_index": 1}},
    )
    outcome = serve(sse_events(start(), *HELLO, *cited, *text("!", index=2), *end()), WIRE)
    kept: JsonObject = {"citations": [page, {**page, "document_index": 1}]}
    assert outcome.answer.message.content == (Text("Hello"), Text("you", kept), Text("!"))


# thinking -------------------------------------------------------------------------------------


def reasoning(*content: ReasoningText | ReasoningRedacted) -> Reasoning:
    return Reasoning(content, origin="anthropic_messages")


THOUGHTS: dict[str, tuple[list[JsonObject], Reasoning]] = {
    "signed": (thought("I ", "see"), reasoning(ReasoningText("I see", "sig"))),
    "unsigned": (thought("I see", signature=None), reasoning(ReasoningText("I see"))),
    "signature alone": (thought(), reasoning(ReasoningText("", "sig"))),
    "empty": (thought(signature=None), reasoning(ReasoningText(""))),
    "signature in pieces": (
        block(
            0,
            {"type": "thinking", "thinking": ""},
            {"type": "signature_delta", "signature": "s"},
            {"type": "signature_delta", "signature": "ig"},
        ),
        reasoning(ReasoningText("", "sig")),
    ),
    "all in the start": (
        block(0, {"type": "thinking", "thinking": "I see", "signature": "sig"}),
        reasoning(ReasoningText("I see", "sig")),
    ),
    "signature twice": (
        block(
            0,
            {"type": "thinking", "thinking": "I see", "signature": "sig"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        reasoning(ReasoningText("I see", "sig")),
    ),
    "redacted": (
        block(0, {"type": "redacted_thinking", "data": "sealed"}),
        reasoning(ReasoningRedacted("sealed")),
    ),
    "a block that never stops": (
        no_stops(thought("I see")),
        reasoning(ReasoningText("I see", "sig")),
    ),
    "a block that never started": (
        no_starts(thought("I see")),
        reasoning(ReasoningText("I see", "sig")),
    ),
}


@pytest.mark.parametrize(("events", "expected"), THOUGHTS.values(), ids=THOUGHTS.keys())
def test_thoughts(serve: Serve, events: list[JsonObject], expected: Reasoning) -> None:
    """One block, with what proves that it is the provider's own, ahead of the text."""
    outcome = serve(sse_events(start(), *events, *text("Hello", index=1), *end()), WIRE)
    assert outcome.errors == []
    assert outcome.answer.message.content == (expected, Text("Hello"))
    assert outcome.of(Reasoning) == [expected]
    assert "".join(item.text for item in outcome.of(ReasoningDelta)) == expected.text


def test_thoughts_between_calls(serve: Serve) -> None:
    """Blocks keep their places, also when thinking goes on after a call."""
    events = [*thought("A"), *CALL, *thought("B", index=2), *text("C", index=3), *end("tool_use")]
    kinds = [type(p) for p in serve(sse_events(start(), *events), WIRE).answer.message.content]
    assert kinds == [Reasoning, ToolCall, Reasoning, Text]


# what only the provider understands -----------------------------------------------------------


def hosted(kind: str, **fields: Json) -> JsonObject:
    return {"type": kind, **fields}


SEARCH = hosted("server_tool_use", id="srv-1", name="web_search", input={})
FOUND = hosted("web_search_tool_result", tool_use_id="srv-1", content=[{"url": "u"}])
HOSTED: dict[str, tuple[list[JsonObject], JsonObject]] = {
    "a search": (
        block(
            1, dict(SEARCH), piece_of_input(""), piece_of_input('{"query":'), piece_of_input('"é"}')
        ),
        {**SEARCH, "input": {"query": "é"}},
    ),
    "a search whose input comes at once": (
        block(1, {**SEARCH, "input": {"query": "é"}}),
        {**SEARCH, "input": {"query": "é"}},
    ),
    "a search without input": (block(1, dict(SEARCH), piece_of_input("")), SEARCH),
    "what it found": (block(1, dict(FOUND)), FOUND),
    "a call of an MCP server's tool": (
        block(1, hosted("mcp_tool_use", id="m", name="n", input={}), piece_of_input("{}")),
        hosted("mcp_tool_use", id="m", name="n", input={}),
    ),
    "a compaction": (
        block(
            1,
            hosted("compaction", content=None),
            {"type": "compaction_delta", "content": "So "},
            {"type": "compaction_delta", "content": "far.", "encrypted_content": None},
        ),
        hosted("compaction", content="So far."),
    ),
    "a fallback": (
        block(1, hosted("fallback", to={"model": "m-2"})),
        hosted("fallback", to={"model": "m-2"}),
    ),
    "something new": (
        block(
            1,
            hosted("novelty", text="a"),
            {"type": "text_delta", "text": "b"},
            {"type": "novel_delta", "list": [1]},
        ),
        hosted("novelty", text="ab", list=[1]),
    ),
    "a block that never stops": (no_stops(block(1, dict(FOUND))), FOUND),
}


@pytest.mark.parametrize(("events", "payload"), HOSTED.values(), ids=HOSTED.keys())
def test_blocks_of_the_provider_itself(
    serve: Serve, events: list[JsonObject], payload: JsonObject
) -> None:
    """They are told as `Unknown`, and keep their place in the message to be sent back."""
    outcome = serve(sse_events(start(), *HELLO, *events, *text("!", index=2), *end()), WIRE)
    assert outcome.errors == []
    kept = ProviderBlock(str(payload["type"]), payload, "anthropic_messages")
    assert outcome.answer.message.content == (Text("Hello"), kept, Text("!"))
    assert [(item.kind, item.payload) for item in outcome.of(Unknown)] == [
        (payload["type"], payload)
    ]


def test_a_hosted_call_that_was_cut_off(serve: Serve) -> None:
    """It is told, but is no part of the message: it could not go back."""
    events = block(1, dict(SEARCH), piece_of_input('{"que'))
    outcome = serve(sse_events(start(), *HELLO, *events, *end("max_tokens")), WIRE)
    assert outcome.answer.message.content == (Text("Hello"),)
    assert [item.payload for item in outcome.of(Unknown)] == [{**SEARCH, "input": '{"que'}]


def test_who_made_a_call(serve: Serve) -> None:
    """Code that the provider runs: that has to go back; the model itself: that goes without."""
    code: JsonObject = {"type": "code_execution_20250825", "tool_id": "srv-1"}
    first, second = called(ADD, caller=code), called(ADD, index=2, caller={"type": "direct"})
    outcome = serve(sse_events(start(), *first, *second, *end("tool_use")), WIRE)
    assert [call.provider_data for call in outcome.tool_items] == [{"caller": code}, None]


# usage ----------------------------------------------------------------------------------------

USAGES: dict[str, tuple[JsonObject, JsonObject, Usage]] = {
    "the later count replaces": (
        {"input_tokens": 3, "output_tokens": 1},
        {"input_tokens": 4, "output_tokens": 9},
        Usage(input_tokens=4, output_tokens=9),
    ),
    "what the end does not tell stays": (
        {"input_tokens": 3, "output_tokens": 1},
        {"output_tokens": 9, "input_tokens": None},
        Usage(input_tokens=3, output_tokens=9),
    ),
    "zeros first": (
        {"input_tokens": 0, "output_tokens": 0},
        {"input_tokens": 3, "output_tokens": 9},
        Usage(input_tokens=3, output_tokens=9),
    ),
    "the cache is part of the input": (
        {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 100},
        {"output_tokens": 9},
        Usage(
            input_tokens=113,
            output_tokens=9,
            cached_input_tokens=10,
            cache_creation_input_tokens=100,
        ),
    ),
    "thoughts are part of the output": (
        {"input_tokens": 3},
        {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}},
        Usage(input_tokens=3, output_tokens=9, reasoning_tokens=7),
    ),
    "none": ({}, {}, Usage()),
}


@pytest.mark.parametrize(("first", "last", "expected"), USAGES.values(), ids=USAGES.keys())
def test_usage(serve: Serve, first: JsonObject, last: JsonObject, expected: Usage) -> None:
    """Field by field, the last report counts; what was not reported is None."""
    stop = event("message_delta", delta={"stop_reason": "end_turn"}, usage=last)
    outcome = serve(sse_events(start(usage=first), *HELLO, stop, event("message_stop")), WIRE)
    assert outcome.answer.usage == expected


# ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "other"),
        ("something_new", "other"),
    ],
)
def test_why_it_stopped(serve: Serve, word: str, kind: str) -> None:
    """In our words and in the provider's."""
    reason = serve(sse_events(start(), *HELLO, *end(word)), WIRE).answer.finish_reason
    assert reason is not None
    assert (reason.kind, reason.raw) == (kind, word)
    assert reason.unfinished == (word == "pause_turn")


@pytest.mark.parametrize(
    "events",
    [
        [start(), *HELLO, end()[0]],
        [start(), *HELLO, end()[1]],
        [start(), *HELLO[:-1], *end()],
        [start(stop_reason="end_turn"), *HELLO],
    ],
    ids=["no message_stop", "no message_delta", "no block stop", "reason at the start"],
)
@pytest.mark.parametrize("last", [b"", b"data: [DONE]\n\n"], ids=["EOF", "DONE"])
def test_a_reason_or_message_stop_is_proof(
    serve: Serve, events: list[JsonObject], last: bytes
) -> None:
    """Either says that the model was done; a gateway's `[DONE]` behind it says nothing new."""
    outcome = serve(sse_events(*events) + last, WIRE)
    assert outcome.error is None
    assert outcome.errors == []
    assert outcome.text == "Hello"
    assert outcome.final is not None


def test_a_last_event_without_a_blank_line(serve: Serve) -> None:
    """It counts all the same."""
    outcome = serve(sse_events(start(), *HELLO, *end()).rstrip(b"\n"), WIRE)
    assert outcome.error is None
    assert outcome.final is not None


@pytest.mark.parametrize("events", [HELLO, [*HELLO, *CALL[:-1]], []])
@pytest.mark.parametrize("last", [b"", b"data: [DONE]\n\n", b'data: {"type":"message_st'])
def test_an_end_without_proof_is_truncation(
    serve: Serve, events: list[JsonObject], last: bytes
) -> None:
    """Neither EOF nor `[DONE]` alone says that the model was done."""
    outcome = serve(sse_events(start(), *events) + last, WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.final is None
    assert outcome.text == ("Hello" if events else "")


@pytest.mark.parametrize("pieces", [(), ("",), ('{"x":1,"y',)])
@pytest.mark.parametrize("word", ["max_tokens", "model_context_window_exceeded"])
@pytest.mark.parametrize("stops", [True, False], ids=["stopped", "not stopped"])
def test_a_call_cut_off_by_a_limit_never_runs(
    serve: Serve, pieces: tuple[str, ...], word: str, stops: bool
) -> None:
    """It is told as an error, also when nothing of its input had come."""
    cut = called(*pieces) if stops else no_stops(called(*pieces))
    outcome = serve(sse_events(start(), *HELLO, *cut, *end(word)), WIRE)
    assert outcome.error is None
    assert (outcome.tool_items, outcome.calls) == ([], [])
    (error,) = outcome.errors
    assert isinstance(error, ResponseDecodeError)
    assert error.code == "incomplete_tool_call"


def test_pieces_of_a_call_that_never_began(serve: Serve) -> None:
    """Nobody knows what to call: that is an error in its place, and no call."""
    outcome = serve(sse_events(start(), *HELLO, *no_starts(CALL), *end("tool_use")), WIRE)
    assert outcome.error is None
    assert outcome.tool_items == []
    assert len(outcome.errors) == 1


# errors ---------------------------------------------------------------------------------------


def failure(kind: str, words: str = "Oh no") -> JsonObject:
    error: JsonObject = {"type": kind, "message": words}
    return event("error", error=error, request_id="req-1")


KINDS: list[tuple[str, type[ProviderError]]] = [
    ("api_error", ServerError),
    ("authentication_error", AuthenticationError),
    ("invalid_request_error", BadRequest),
    ("not_found_error", NotFound),
    ("overloaded_error", Overloaded),
    ("permission_error", PermissionDenied),
    ("rate_limit_error", RateLimited),
    ("request_too_large", BadRequest),
    ("timeout_error", ServerError),
    ("something_new", ProviderError),
]


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize(("word", "kind"), KINDS)
def test_an_error_inside_a_stream(
    serve: Serve, word: str, kind: type[ProviderError], named: bool
) -> None:
    """It is raised after what came, calls that were whole included; no terminal record."""
    events = [start(), *HELLO, *CALL, failure(word), *end()]
    outcome = serve(sse_events(*events, named=named), WIRE)
    assert type(outcome.error) is kind
    assert isinstance(outcome.error, ProviderError)
    assert (outcome.error.code, outcome.error.request_id) == (word, "req-1")
    assert outcome.error.message == "Oh no"
    assert outcome.text == "Hello"
    assert [call.name for call in outcome.tool_items] == ["add"]
    assert outcome.final is None


@pytest.mark.parametrize(
    "frame",
    [
        "event: error\ndata: Oh no\n\n",
        'event: error\ndata: {"error":{"message":"Oh no"}}\n\n',
        'data: {"error":{"message":"Oh no"}}\n\n',
        'data: {"type":"error","message":"Oh no"}\n\n',
    ],
)
def test_errors_of_other_shapes(serve: Serve, frame: str) -> None:
    """Gateways have their own."""
    error = serve(sse_events(start(), *HELLO) + frame.encode(), WIRE).error
    assert isinstance(error, ProviderError)
    assert "Oh no" in str(error)


STATUSES: list[tuple[int, JsonObject, type[ProviderError]]] = [
    (400, failure("invalid_request_error"), BadRequest),
    (401, failure("authentication_error"), AuthenticationError),
    (404, failure("not_found_error"), NotFound),
    (413, failure("request_too_large"), BadRequest),
    (429, failure("rate_limit_error"), RateLimited),
    (529, failure("overloaded_error"), Overloaded),
    (
        400,
        failure("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        ContextLengthExceeded,
    ),
]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("status", "body", "kind"), STATUSES)
def test_an_error_status(
    loopback: Loopback, status: int, body: JsonObject, kind: type[RigError], streaming: bool
) -> None:
    """Typed, with the provider's word and the id to quote."""
    answer = Answer(compact(body).encode(), status, "application/json")
    error = ask(loopback.add(answer), WIRE, streaming=streaming).error
    assert type(error) is kind
    assert isinstance(error, ProviderError)
    assert (error.status, error.request_id) == (status, "req-1")


# odd frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["null", "", "[DONE]", '{"type":"ping"}'])
def test_frames_that_carry_nothing(serve: Serve, frame: str) -> None:
    """They are passed over."""
    body = sse(start(), frame, *HELLO, frame, *end(), frame, done=False)
    outcome = serve(body, WIRE)
    assert (outcome.error, outcome.errors, outcome.text) == (None, [], "Hello")
    assert outcome.of(Unknown) == []


ODD: dict[str, Json] = {
    "bad JSON": '{"type":"content_block_de',
    "a list": [],
    "a number": 7,
    "text": "hello",
    "a delta's text": event(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": 7}
    ),
    "a delta": event("content_block_delta", index=0, delta="lo"),
    "an index": event("content_block_stop", index="first"),
    "a block": event("content_block_start", index=5, content_block=[]),
    "a usage": event("message_delta", delta={}, usage=[]),
    "nesting": f'{{"type": {"[" * 100_000 + "]" * 100_000}}}',
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD.keys())
def test_one_bad_frame_does_not_end_the_answer(serve: Serve, frame: Json) -> None:
    """It is a `StreamError` in its place; the rest and the terminal record come."""
    body = sse(start(), *HELLO[:2], frame, *HELLO[2:], *end(), done=False)
    outcome = serve(body, WIRE)
    assert outcome.error is None
    assert len(outcome.errors) == 1
    assert isinstance(outcome.errors[0], ResponseDecodeError)
    assert outcome.text == "Hello"
    assert outcome.final is not None


@pytest.mark.parametrize(
    "frame",
    [
        event("something_new", value=1),
        event("content_block_delta", index=0, delta={"type": "novel_delta", "value": 1}),
        {"whatever": True},
    ],
)
def test_an_event_of_unknown_type_is_handed_over(serve: Serve, frame: JsonObject) -> None:
    """As `Unknown`, with all it has."""
    outcome = serve(sse(start(), *HELLO[:2], frame, *HELLO[2:], *end(), done=False), WIRE)
    assert [item.payload for item in outcome.of(Unknown)] == [frame]
    assert outcome.text == "Hello"
    assert outcome.errors == []


@pytest.mark.parametrize("kind", [None, 7, {}])
def test_a_block_that_does_not_say_what_it_is(serve: Serve, kind: Json) -> None:
    """It is handed over as `Unknown`, and is no part of the message; streamed or whole."""
    odd: JsonObject = {"type": kind, "text": "Oh no"}
    begun = event("content_block_start", index=5, content_block=odd)
    outcome = serve(sse_events(start(content=[odd]), *HELLO, begun, *end()), WIRE)
    assert [item.payload for item in outcome.of(Unknown)] == [odd, odd]
    assert outcome.answer.message.content == (Text("Hello"),)


@pytest.mark.parametrize(
    "frame",
    [
        event("content_block_stop", index=7),
        event("content_block_delta", index=0),
        event("content_block_delta", index=0, delta=None),
        event("message_start", message=None),
        event("message_delta", delta=None, usage=None),
    ],
)
def test_events_with_nothing_in_them(serve: Serve, frame: JsonObject) -> None:
    """They change nothing."""
    outcome = serve(sse(start(), *HELLO[:2], frame, *HELLO[2:], *end(), done=False), WIRE)
    assert (outcome.error, outcome.errors, outcome.text) == (None, [], "Hello")


# whole answers --------------------------------------------------------------------------------

PARTS: list[JsonObject] = [
    {"type": "thinking", "thinking": "I see", "signature": "sig"},
    {"type": "redacted_thinking", "data": "sealed"},
    {"type": "text", "text": "Hello", "citations": [{"type": "page_location"}]},
    {"type": "text", "text": "you", "citations": None},
    {**SEARCH, "input": {"query": "é"}},
    FOUND,
    {"type": "tool_use", "id": "call-1", "name": "add", "input": {"x": 1, "y": 2}},
    {"type": "tool_use", "id": "call-2", "name": "sub", "input": {}},
]
MESSAGE: tuple[AssistantContent, ...] = (
    reasoning(ReasoningText("I see", "sig")),
    reasoning(ReasoningRedacted("sealed")),
    Text("Hello", {"citations": [{"type": "page_location"}]}),
    Text("you"),
    ProviderBlock("server_tool_use", PARTS[4], "anthropic_messages"),
    ProviderBlock("web_search_tool_result", FOUND, "anthropic_messages"),
    ToolCall("call-1", "add", {"x": 1, "y": 2}),
    ToolCall("call-2", "sub"),
)


@pytest.mark.parametrize("streaming", [True, False])
def test_a_whole_answer(loopback: Loopback, streaming: bool) -> None:
    """Every kind of block, in order; also where a stream was asked for and the body is whole."""
    body = message(*PARTS, stop="tool_use", usage={"input_tokens": 3, "output_tokens": 2})
    answer = Answer(compact(body).encode(), content_type="application/json")
    outcome = ask(loopback.add(answer), WIRE, streaming=streaming)
    assert outcome.error is None
    response = outcome.answer
    assert response.message.content == MESSAGE
    assert response.usage == Usage(input_tokens=3, output_tokens=2)
    assert (response.ids.response, response.model, response.raw) == ("msg-1", "m-1", body)
    assert response.finish_reason is not None
    assert response.finish_reason.kind == "tool_calls"


def test_a_whole_answer_and_its_stream_are_equal(serve: Serve) -> None:
    """But for the terminal object."""
    events = [start()]
    for index, part in enumerate(PARTS):
        events += block(index, part)
    outcome = serve(sse_events(*events, *end("tool_use")), WIRE)
    assert outcome.answer.message.content == MESSAGE


@pytest.mark.parametrize(
    "body",
    [failure("overloaded_error"), {"error": {"type": "overloaded_error", "message": "Oh no"}}],
)
def test_an_error_in_a_whole_answer(loopback: Loopback, body: JsonObject) -> None:
    """With a status of 200, it is raised too."""
    answer = Answer(compact(body).encode(), content_type="application/json")
    assert isinstance(ask(loopback.add(answer), WIRE, streaming=False).error, Overloaded)


def test_a_whole_answer_with_a_defect(loopback: Loopback) -> None:
    """What fits is there, and what does not is named."""
    body = compact(message({"type": "text", "text": "Hello"}, model=7)).encode()
    answer = Answer(body, content_type="application/json")
    outcome = ask(loopback.add(answer), WIRE, streaming=False)
    assert outcome.text == "Hello"
    assert outcome.answer.model is None
    assert len(outcome.answer.defects) == 1


def test_a_refusal(serve: Serve) -> None:
    """An answer without content, and why: no error."""
    outcome = serve(sse_events(start(), *end("refusal")), WIRE)
    assert outcome.error is None
    assert outcome.answer.message.content == ()
    assert outcome.final is not None
