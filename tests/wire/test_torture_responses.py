"""What bad Responses servers send, over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import CompletionRequest
from rig_sync.errors import (
    ContextLengthExceeded,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import AssistantMessage, ReasoningEncrypted, ReasoningSummary, ReasoningText
from rig_sync.streaming.items import (
    Delta,
    Name,
    Reasoning,
    ReasoningDelta,
    Text,
    ToolCallDelta,
    Unknown,
)
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.wire.asking import Outcome, ask
from tests.wire.frames import event, sse, sse_events
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

WIRE = OpenAIResponses()
USAGE: Json = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
ADD = '{"x":1,"y":2}'


def message(*texts: str, item_id: str = "msg-1", kind: str = "output_text") -> JsonObject:
    content: list[Json] = [{"type": kind, kind.removeprefix("output_"): text} for text in texts]
    return {"type": "message", "id": item_id, "status": "completed", "content": content}


def function(
    arguments: Json, name: str = "add", call_id: str = "call-1", item_id: str = "fc-1"
) -> JsonObject:
    return {
        "type": "function_call",
        "id": item_id,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def without(item: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in item.items() if name not in names}


def created() -> JsonObject:
    response: Json = {"id": "resp-1", "model": "m-1", "status": "in_progress", "output": []}
    return event("response.created", response=response)


def completed(*output: Json, status: str = "completed", **more: Json) -> JsonObject:
    response: Json = {
        "id": "resp-1",
        "model": "m-1",
        "status": status,
        "output": list(output),
        "usage": USAGE,
        **more,
    }
    return event(f"response.{status}", response=response)


def said(*texts: str, index: Json = 0, item_id: str = "msg-1") -> list[JsonObject]:
    """The events of one message, as OpenAI sends them."""
    where: JsonObject = {"output_index": index, "item_id": item_id}
    whole = message("".join(texts), item_id=item_id)
    return [
        event("response.output_item.added", output_index=index, item=message(item_id=item_id)),
        event("response.content_part.added", content_index=0, part={}, **where),
        *(event("response.output_text.delta", delta=text, **where) for text in texts),
        event("response.output_text.done", text="".join(texts), **where),
        event("response.content_part.done", content_index=0, part={}, **where),
        event("response.output_item.done", output_index=index, item=whole),
    ]


def called(*pieces: str, index: Json = 0, item: JsonObject | None = None) -> list[JsonObject]:
    """The events of one function call, as OpenAI sends them."""
    arguments = "".join(pieces)
    whole = function(arguments) if item is None else item
    where: JsonObject = {"output_index": index, "item_id": whole["id"]}
    kind = "response.function_call_arguments"
    return [
        event("response.output_item.added", output_index=index, item={**whole, "arguments": ""}),
        *(event(f"{kind}.delta", delta=piece, **where) for piece in pieces),
        event(f"{kind}.done", arguments=arguments, **where),
        event("response.output_item.done", output_index=index, item=whole),
    ]


def stripped(events: list[JsonObject], *names: str) -> list[JsonObject]:
    """The events, without those fields of theirs and of their items."""
    found = []
    for entry in events:
        item = entry.get("item")
        inner: JsonObject = {"item": without(item, *names)} if isinstance(item, dict) else {}
        found.append({**without(entry, *names), **inner})
    return found


def renamed(events: list[JsonObject]) -> list[JsonObject]:
    """The events with another item id each, as Copilot sends them."""
    found = []
    for number, entry in enumerate(events):
        item, name = entry.get("item"), f"id-{number}"
        if isinstance(item, dict):
            entry = {**entry, "item": {**item, "id": name}}
        found.append({**entry, "item_id": name} if "item_id" in entry else entry)
    return found


def kinds(events: list[JsonObject], *names: str) -> list[JsonObject]:
    """Those of the events whose type ends in one of `names`."""
    return [entry for entry in events if str(entry["type"]).endswith(names)]


class Case(Struct):
    """Events, and what they amount to."""

    events: list[JsonObject]
    text: str = ""
    calls: list[tuple[str, Json]] = []


SUM: tuple[str, Json] = ("add", {"x": 1, "y": 2})
HELLO = said("Hel", "lo")
CALL = called('{"x":1,', '"y":2}')
SECOND = called("{}", index=1, item=function("{}", "sub", "call-2", "fc-2"))
CALLS = [SUM, ("sub", {})]
BOTH = [*CALL, *SECOND, completed(function(ADD), function("{}", "sub", "call-2", "fc-2"))]

CASES = {
    "text": Case([*HELLO, completed(message("Hello"))], "Hello"),
    "text with an empty terminal output": Case([*HELLO, completed()], "Hello"),
    "text in the item alone": Case([*kinds(HELLO, "item.done"), completed()], "Hello"),
    "text in the terminal object alone": Case([completed(message("Hel", "lo"))], "Hello"),
    "deltas alone": Case([*kinds(HELLO, "text.delta"), completed()], "Hello"),
    "deltas and the terminal object": Case(
        [*kinds(HELLO, "text.delta"), completed(message("Hello"))], "Hello"
    ),
    "deltas without index and the terminal object": Case(
        [*stripped(kinds(HELLO, "text.delta"), "output_index"), completed(message("Hello"))],
        "Hello",
    ),
    "text without index": Case(
        [*stripped(HELLO, "output_index"), completed(message("Hello"))], "Hello"
    ),
    "text with ids that rotate": Case([*renamed(HELLO), completed(message("Hello"))], "Hello"),
    "two messages": Case(
        [
            *HELLO,
            *said(" you", index=1, item_id="msg-2"),
            completed(message("Hello"), message(" you", item_id="msg-2")),
        ],
        "Hello you",
    ),
    "two messages, the second told by deltas and the terminal object": Case(
        [
            *HELLO,
            *kinds(said(" you", index=1, item_id="msg-2"), "text.delta"),
            completed(message("Hello"), message(" you", item_id="msg-2")),
        ],
        "Hello you",
    ),
    "two messages, the second in the terminal object alone": Case(
        [*HELLO, completed(message("Hello"), message(" you", item_id="msg-2"))], "Hello you"
    ),
    "a refusal": Case(
        [
            event("response.refusal.delta", delta="No", output_index=0),
            event("response.refusal.done", refusal="No", output_index=0),
            event("response.output_item.done", output_index=0, item=message("No", kind="refusal")),
            completed(message("No", kind="refusal")),
        ],
        "No",
    ),
    "a refusal without deltas": Case([completed(message("No", kind="refusal"))], "No"),
    "calls": Case(BOTH, calls=CALLS),
    "calls with an empty terminal output": Case([*CALL, *SECOND, completed()], calls=CALLS),
    "calls without index": Case(stripped(BOTH, "output_index"), calls=CALLS),
    "calls with ids that rotate": Case(renamed(BOTH), calls=CALLS),
    "calls without argument deltas": Case(
        [*kinds(CALL, "added", "item.done"), *kinds(SECOND, "added", "item.done"), completed()],
        calls=CALLS,
    ),
    "calls without added": Case(
        [*kinds(CALL, "delta", "done"), *kinds(SECOND, "delta", "done"), completed()], calls=CALLS
    ),
    "calls as done items alone": Case(
        [*kinds(CALL, "item.done"), *kinds(SECOND, "item.done"), completed()], calls=CALLS
    ),
    "calls in the terminal object alone": Case(BOTH[-1:], calls=CALLS),
    "calls without done items": Case(
        [*kinds(CALL, "added", "delta"), *kinds(SECOND, "added", "delta"), completed()],
        calls=CALLS,
    ),
    "calls without done items, but with the terminal object": Case(
        [*kinds(CALL, "added", "delta"), *kinds(SECOND, "added", "delta"), BOTH[-1]], calls=CALLS
    ),
    "calls without index or done items, but with the terminal object": Case(
        stripped(
            [*kinds(CALL, "added", "delta"), *kinds(SECOND, "added", "delta"), BOTH[-1]],
            "output_index",
        ),
        calls=CALLS,
    ),
    "a call whose done item has no id": Case(
        [
            *stripped(kinds(CALL, "added", "delta"), "output_index"),
            *stripped(kinds(CALL, "item.done"), "output_index", "id"),
            completed(),
        ],
        calls=[SUM],
    ),
    "a call whose items have no id": Case(
        [
            *stripped(kinds(CALL, "added"), "output_index", "id"),
            event("response.function_call_arguments.delta", delta=ADD, item_id="call-1"),
            *stripped(kinds(CALL, "item.done"), "output_index", "id"),
            completed(without(function(ADD), "id")),
        ],
        calls=[SUM],
    ),
    "a call whose done item has no arguments": Case(
        [
            *kinds(CALL, "added", "delta"),
            event(
                "response.output_item.done", output_index=0, item=without(function(""), "arguments")
            ),
            completed(),
        ],
        calls=[SUM],
    ),
    "a call whose done item has empty arguments": Case(
        [
            *kinds(CALL, "added", "delta"),
            event("response.output_item.done", output_index=0, item=function("")),
            completed(),
        ],
        calls=[SUM],
    ),
    "a call with arguments as an object": Case(
        [*called(ADD, item=function({"x": 1, "y": 2})), completed()], calls=[SUM]
    ),
    "a call without arguments": Case(
        [*called(item=function(None)), completed()], calls=[("add", {})]
    ),
    "text and calls": Case([*said("Hello", index=2, item_id="m"), *BOTH], "Hello", CALLS),
}


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_response(serve: Serve, case: Case, named: bool) -> None:
    """However much of it is told, once or three times, it is there once."""
    outcome = serve(sse_events(created(), *case.events, named=named), WIRE)
    assert outcome.error is None
    assert outcome.errors == []
    assert outcome.text == case.text
    assert "".join(item.text for item in outcome.of(Text)) == case.text
    assert outcome.calls == case.calls
    assert [(c.name, c.arguments) for c in outcome.tool_items] == case.calls
    told: dict[str, str] = {}
    for piece in outcome.of(ToolCallDelta):
        if isinstance(piece.content, Delta):
            before = told.get(piece.internal_call_id, "")
            told[piece.internal_call_id] = before + piece.content.arguments
    names = [p.content.name for p in outcome.of(ToolCallDelta) if isinstance(p.content, Name)]
    assert names == [name for name, _ in case.calls]
    for made in outcome.tool_items:
        text = told.get(made.internal_call_id or "", "{}")
        assert text in (compact(made.arguments), "null")
    assert outcome.final is not None
    assert outcome.answer.usage.total_tokens == 5
    assert outcome.answer.ids.response == "resp-1"
    assert outcome.answer.finish_reason is not None
    assert outcome.answer.finish_reason.kind == ("tool_calls" if case.calls else "stop")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_ids_of_calls(serve: Serve, case: Case) -> None:
    """`id` is what joins the call to its result."""
    outcome = serve(sse_events(created(), *case.events), WIRE)
    ids = [made.id for made in outcome.tool_items]
    assert ids == ["call-1", "call-2"][: len(case.calls)]


def test_a_custom_tool_call(serve: Serve) -> None:
    """Its input is free text, under one name; the call is marked as what it was."""
    item: JsonObject = {
        "type": "custom_tool_call",
        "id": "ctc-1",
        "call_id": "call-1",
        "name": "sql",
        "input": "SELECT 1",
    }
    outcome = serve(
        sse_events(
            event("response.output_item.added", output_index=0, item={**item, "input": ""}),
            event("response.custom_tool_call_input.delta", output_index=0, delta="SELECT 1"),
            event("response.custom_tool_call_input.done", output_index=0, input="SELECT 1"),
            event("response.output_item.done", output_index=0, item=item),
            completed(item),
        ),
        WIRE,
    )
    (made,) = outcome.tool_items
    assert (made.id, made.name, made.arguments) == ("call-1", "sql", {"input": "SELECT 1"})
    assert made.provider_data == {"type": "custom_tool_call"}


# thinking -------------------------------------------------------------------------------------


def test_summary_and_encrypted_thoughts(serve: Serve) -> None:
    """The block has the paragraphs, and the payload of the finished item alone."""
    item: JsonObject = {
        "type": "reasoning",
        "id": "rs-1",
        "encrypted_content": "sealed",
        "summary": [{"type": "summary_text", "text": t} for t in ("First.", "Then.")],
    }
    early: JsonObject = {**item, "summary": [], "encrypted_content": "other"}
    kind = "response.reasoning_summary"
    events = [event("response.output_item.added", output_index=0, item=early)]
    for part, text in enumerate(("First.", "Then.")):
        where: JsonObject = {"output_index": 0, "item_id": "rs-1", "summary_index": part}
        events += [
            event(f"{kind}_part.added", part={}, **where),
            *(event(f"{kind}_text.delta", delta=piece, **where) for piece in (text[:2], text[2:])),
            event(f"{kind}_text.done", text=text, **where),
            event(f"{kind}_part.done", part={}, **where),
        ]
    events.append(event("response.output_item.done", output_index=0, item=item))
    outcome = serve(sse_events(*events, *said("Hello", index=1), completed(item)), WIRE)
    (block,) = outcome.answer.message.reasoning
    assert outcome.of(Reasoning) == [block]
    parts = (ReasoningSummary("First."), ReasoningSummary("Then."), ReasoningEncrypted("sealed"))
    assert (block.content, block.id) == (parts, "rs-1")
    assert "".join(item.text for item in outcome.of(ReasoningDelta)) == "First.Then."
    assert [type(part) for part in outcome.answer.message.content[:1]] == [Reasoning]


@pytest.mark.parametrize("index", [{"output_index": 0}, {}], ids=["index", "no index"])
def test_thoughts_in_the_open(serve: Serve, index: JsonObject) -> None:
    """`reasoning_text`, as llama.cpp and DeepSeek send it."""
    item: JsonObject = {
        "type": "reasoning",
        "id": "rs-1",
        "summary": [],
        "encrypted_content": "",
        "content": [{"type": "reasoning_text", "text": "I see"}],
    }
    outcome = serve(
        sse_events(
            event("response.output_item.added", item={**item, "content": []}, **index),
            event("response.reasoning_text.delta", item_id="rs-1", delta="I ", **index),
            event("response.reasoning_text.delta", item_id="rs-1", delta="see", **index),
            event("response.output_item.done", item=item, **index),
            completed(item),
        ),
        WIRE,
    )
    (block,) = outcome.answer.message.reasoning
    assert block.content == (ReasoningText("I see"),)
    assert "".join(item.text for item in outcome.of(ReasoningDelta)) == "I see"


def test_thoughts_of_an_item_that_is_never_done(serve: Serve) -> None:
    """What came of them is a block all the same."""
    delta = event("response.reasoning_summary_text.delta", item_id="rs-1", delta="I see")
    outcome = serve(sse_events(delta, *HELLO, completed()), WIRE)
    assert [block.text for block in outcome.answer.message.reasoning] == ["I see"]
    assert len(outcome.of(Reasoning)) == 1


# ends -----------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[JsonObject, type[RigError], str | None]] = {
    "response.failed": (
        event(
            "response.failed",
            response={"status": "failed", "error": {"code": "server_error", "message": "Oh no"}},
        ),
        ServerError,
        "server_error",
    ),
    "error, flat": (
        event("error", code="rate_limit_exceeded", message="Oh no", param=None),
        RateLimited,
        "rate_limit_exceeded",
    ),
    "error, nested": (
        event("error", error={"code": "context_length_exceeded", "message": "Oh no"}),
        ContextLengthExceeded,
        "context_length_exceeded",
    ),
    "an error object without a type": (
        {"error": {"message": "Oh no", "code": 429}},
        RateLimited,
        "429",
    ),
}


@pytest.mark.parametrize(("end", "kind", "code"), FAILURES.values(), ids=FAILURES.keys())
def test_an_error_inside_a_200(
    serve: Serve, end: JsonObject, kind: type[RigError], code: str | None
) -> None:
    """It is raised after what came, calls that were whole included; no terminal record."""
    body = sse_events(created(), *HELLO, *called(ADD, index=1)) + sse(end, completed(), done=False)
    outcome = serve(body, WIRE)
    assert isinstance(outcome.error, kind)
    assert isinstance(outcome.error, ProviderError)
    assert outcome.error.code == code
    assert "Oh no" in str(outcome.error)
    assert outcome.text == "Hello"
    assert [made.name for made in outcome.tool_items] == ["add"]
    assert outcome.final is None


def test_an_event_named_error_that_is_no_json(serve: Serve) -> None:
    """The text is the message."""
    body = sse_events(created(), *HELLO) + b"event: error\ndata: Oh no\n\n"
    error = serve(body, WIRE).error
    assert isinstance(error, ProviderError)
    assert "Oh no" in str(error)


def test_usage_of_a_failed_response(serve: Serve) -> None:
    """The tokens were spent all the same."""
    response: Json = {"status": "failed", "error": {"message": "Oh no"}, "usage": USAGE}
    outcome = serve(sse_events(event("response.failed", response=response)), WIRE)
    assert outcome.error is not None
    assert outcome.answer.usage.total_tokens == 5


@pytest.mark.parametrize("events", [HELLO, [*HELLO, *called(ADD, index=1)[:-1]], []])
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'data: {"type":"response.compl'])
def test_an_end_without_proof_is_truncation(
    serve: Serve, events: list[JsonObject], end: bytes
) -> None:
    """Neither EOF nor `[DONE]` says that the model was done: its own event does."""
    outcome = serve(sse_events(created(), *events) + end, WIRE)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.final is None
    assert outcome.text == ("Hello" if events else "")


@pytest.mark.parametrize("done", [True, False], ids=["with item", "without item"])
def test_a_call_cut_off_by_the_token_limit_never_runs(serve: Serve, done: bool) -> None:
    """It is told as an error; the finish reason is `length`."""
    cut = called('{"x":1,"y', item={**function('{"x":1,"y'), "status": "incomplete"})
    end = completed(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    outcome = serve(sse_events(created(), *(cut if done else cut[:-2]), end), WIRE)
    assert outcome.error is None
    assert outcome.tool_items == []
    assert outcome.calls == []
    (error,) = outcome.errors
    assert isinstance(error, ResponseDecodeError)
    assert error.code == "incomplete_tool_call"
    reason = outcome.answer.finish_reason
    assert reason is not None
    assert (reason.kind, reason.raw) == ("length", "incomplete:max_output_tokens")


@pytest.mark.parametrize(
    ("status", "details", "kind"),
    [
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("incomplete", None, "other"),
    ],
)
def test_other_ends(serve: Serve, status: str, details: Json, kind: str) -> None:
    """Each is a terminal proof, with its own finish reason."""
    end = completed(message("Hello"), status=status, incomplete_details=details)
    outcome = serve(sse_events(*HELLO, end), WIRE)
    assert outcome.final is not None
    assert outcome.final.finish_reason is not None
    assert outcome.final.finish_reason.kind == kind


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (completed(message("Hello"), status="cancelled"), "the answer was cancelled"),
        (event("response.cancelled"), "the answer was cancelled"),
        (event("response.completed", response={"status": "failed"}), "the answer was failed"),
        (
            event("response.completed", response={"error": {"message": "no room"}}),
            "no room",
        ),
    ],
)
def test_an_end_that_is_no_answer(serve: Serve, end: JsonObject, says: str) -> None:
    """Whatever the event is called: what came is in hand, and nothing says success."""
    outcome = serve(sse_events(*HELLO, end), WIRE)
    assert isinstance(outcome.error, ProviderError)
    assert outcome.error.message == says
    assert outcome.text == "Hello"
    assert outcome.final is None


@pytest.mark.parametrize("response", [None, {}, {"output": None}, {"output": ["x"], "usage": 3}])
def test_a_terminal_event_without_much_in_it(serve: Serve, response: Json) -> None:
    """What the events told is the answer."""
    outcome = serve(sse_events(*HELLO, event("response.completed", response=response)), WIRE)
    assert outcome.error is None
    assert outcome.final is not None
    assert outcome.text == "Hello"
    assert not outcome.answer.usage


# odd frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["null", "", "[DONE]"])
def test_frames_that_carry_nothing(serve: Serve, frame: str) -> None:
    """They are passed over."""
    body = sse(created(), frame, *HELLO, frame, completed(), frame, done=False)
    outcome = serve(body, WIRE)
    assert (outcome.error, outcome.errors, outcome.text) == (None, [], "Hello")


ODD: dict[str, Json] = {
    "bad JSON": '{"type":"response.output_te',
    "a list": [],
    "a number": 7,
    "text": "hello",
    "delta": event("response.output_text.delta", output_index=0, delta=7),
    "index": {**HELLO[0], "output_index": "first"},
    "item": event("response.output_item.done", output_index=5, item=[]),
    "response": event("response.in_progress", response="soon"),
    "nesting": f'{{"type": {"[" * 100_000 + "]" * 100_000}}}',
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD.keys())
def test_one_bad_frame_does_not_end_the_answer(serve: Serve, frame: Json) -> None:
    """It is a `StreamError` in its place; the rest and the terminal record come."""
    outcome = serve(sse(created(), *HELLO[:3], frame, *HELLO[3:], completed(), done=False), WIRE)
    assert outcome.error is None
    assert len(outcome.errors) == 1
    assert isinstance(outcome.errors[0], ResponseDecodeError)
    assert outcome.text == "Hello"
    assert outcome.final is not None


@pytest.mark.parametrize(
    "frame",
    [
        event("response.web_search_call.searching", output_index=0),
        event("something.new", value=1),
        {"whatever": True},
    ],
)
def test_an_event_of_unknown_type_is_handed_over(serve: Serve, frame: JsonObject) -> None:
    """As `Unknown`, with all it has."""
    outcome = serve(sse(*HELLO, frame, completed(), done=False), WIRE)
    assert [item.payload for item in outcome.of(Unknown)] == [frame]
    assert outcome.text == "Hello"
    assert outcome.errors == []


def test_an_item_of_unknown_type_is_handed_over_once(serve: Serve) -> None:
    """Such as a search that the server made by itself."""
    item: JsonObject = {"type": "web_search_call", "id": "ws-1", "status": "completed"}
    done = event("response.output_item.done", output_index=0, item=item)
    outcome = serve(sse(done, *said("Hello", index=1), completed(item), done=False), WIRE)
    assert [unknown.payload for unknown in outcome.of(Unknown)] == [item]


def test_a_whole_body_instead_of_a_stream(loopback: Loopback) -> None:
    """A server that does not stream is read as one that answers at once."""
    body = compact(completed(message("Hello"), function(ADD))["response"]).encode()
    outcome = ask(loopback.add(Answer(body, content_type="application/json")), WIRE)
    assert outcome.error is None
    assert outcome.text == "Hello"
    assert outcome.calls == [SUM]
    assert outcome.final is not None


def test_a_failed_body(loopback: Loopback) -> None:
    """One-shot, an error in a 200 is raised too."""
    body = b'{"id":"resp-1","status":"failed","error":{"code":"server_error","message":"Oh no"}}'
    answer = Answer(body, content_type="application/json")
    outcome = ask(loopback.add(answer), WIRE, streaming=False)
    assert isinstance(outcome.error, ServerError)


# what goes back as it came --------------------------------------------------------------------

CUSTOM: JsonObject = {
    "type": "custom_tool_call",
    "id": "ctc-1",
    "call_id": "call-1",
    "name": "sql",
    "input": "SELECT 1",
}
REFUSED: Json = [
    {"type": "output_text", "text": "Well. ", "annotations": []},
    {"type": "refusal", "refusal": "No"},
]
JSON = "application/json"
GOES_BACK: dict[str, JsonObject] = {
    "a call with a namespace": {**function(ADD), "namespace": "math"},
    "a custom tool call": CUSTOM,
    "a custom tool call with a namespace": {**CUSTOM, "namespace": "math"},
    "a message with a phase": {
        **message("Hm"),
        "role": "assistant",
        "phase": "commentary",
        "content": [{"type": "output_text", "text": "Hm", "annotations": []}],
    },
    "a refusal behind a text": {**message(), "role": "assistant", "content": REFUSED},
    "thoughts": {
        "type": "reasoning",
        "id": "rs-1",
        "summary": [{"type": "summary_text", "text": "Hm"}],
        "content": [{"type": "reasoning_text", "text": "Well"}],
        "encrypted_content": "sealed",
        "format": "unheard-of",
    },
    "thoughts without an id": {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
    "a hosted tool's": {"type": "web_search_call", "id": "ws-1", "action": {"query": "a"}},
}


@pytest.mark.parametrize("item", GOES_BACK.values(), ids=GOES_BACK.keys())
@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
def test_items_go_back_as_they_came(
    loopback: Loopback, item: JsonObject, *, streaming: bool
) -> None:
    """Streamed or not; null is left out, but in what only the provider understands."""
    null: JsonObject = {} if item["type"] == "web_search_call" else {"caller": None}
    told = {**item, **null}
    output: list[Json] = [told]
    whole: JsonObject = {"id": "r-1", "model": "m-1", "status": "completed", "output": output}
    stream = sse_events(
        created(), event("response.output_item.done", output_index=0, item=told), completed(told)
    )
    answer = Answer(stream) if streaming else Answer(compact(whole).encode(), 200, JSON)
    outcome = ask(loopback.add(answer), WIRE, streaming=streaming)
    body = WIRE.encode(CompletionRequest("m-1", (outcome.answer.message,)), stream=False)
    assert body["input"] == [item]


def test_several_texts_of_one_message_are_one_item(serve: Serve) -> None:
    """The words in one part of ours; in theirs they are apart again, unless they were changed."""
    parts: list[Json] = [
        {"type": "output_text", "text": text, "annotations": []} for text in ("one, ", "two")
    ]
    item: JsonObject = {**message(), "role": "assistant", "content": parts}
    done = event("response.output_item.done", output_index=0, item=item)
    deltas = [
        event("response.output_text.delta", output_index=0, content_index=index, delta=text)
        for index, text in enumerate(("one, ", "two"))
    ]
    said = serve(sse_events(created(), *deltas, done, completed(item)), WIRE).answer.message
    assert said.text == "one, two"
    assert WIRE.encode(CompletionRequest("m-1", (said,)), stream=False)["input"] == [item]
    (text,) = said.content
    assert isinstance(text, Text)
    changed = AssistantMessage((Text("three", text.provider_data),))
    body = WIRE.encode(CompletionRequest("m-1", (changed,)), stream=False)
    anew: list[Json] = [{"type": "output_text", "text": "three", "annotations": []}]
    assert body["input"] == [{**item, "content": anew}]
