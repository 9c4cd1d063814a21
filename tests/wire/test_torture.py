"""What bad chat servers send (DEMANDS §1), over a real connection; what a caller gets of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct

from rig_sync._json import Json, compact
from rig_sync.errors import (
    BadRequest,
    ContextLengthExceeded,
    Overloaded,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    RigError,
    ServerError,
    StreamTruncated,
)
from rig_sync.streaming.items import Reasoning, ReasoningDelta, Text, ToolCallDelta, Unknown
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from tests.wire.asking import Outcome, ask
from tests.wire.frames import chat_chunk, chat_message, sse
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

CHAT = OpenAIChat()
HEL, LO = chat_chunk({"role": "assistant", "content": "Hel"}), chat_chunk({"content": "lo"})
STOP = chat_chunk({}, "stop")
USAGE: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def whole(outcome: Outcome) -> Outcome:
    """`outcome`, which has to be a complete answer of "Hello"."""
    assert outcome.error is None
    assert outcome.final is not None
    assert outcome.text == "Hello"
    assert "".join(item.text for item in outcome.of(Text)) == "Hello"
    return outcome


# frames that carry nothing --------------------------------------------------------------------

SILENT: dict[str, Json] = {
    "null choices": {"id": "chat-1", "choices": None},
    "no choices": {"id": "chat-1", "choices": [], "prompt_filter_results": [{}]},
    "null delta": chat_chunk(None),
    "empty delta": chat_chunk({}),
    "null fields": chat_chunk({"content": None, "tool_calls": None, "refusal": None}),
    "data: null": "null",
    "blank data": "",
    "null error": chat_chunk({}, error=None),
    "null usage": chat_chunk({}, usage=None),
    "an empty object": {},
    "the second of two answers": {"choices": [{"index": 1, "delta": {"content": "no"}}]},
}


@pytest.mark.parametrize("frame", SILENT.values(), ids=SILENT.keys())
def test_a_frame_without_content_is_no_error(serve: Serve, frame: Json) -> None:
    """The answer is the same with such a frame before, within and after it."""
    outcome = whole(serve(sse(frame, HEL, frame, LO, frame, STOP, frame), CHAT))
    assert outcome.errors == []
    assert outcome.of(Unknown) == []


@pytest.mark.parametrize(
    "body",
    [
        sse(HEL, LO, STOP, line_end="\r\n"),
        sse(HEL, LO, STOP, line_end="\r"),
        sse(HEL, LO, STOP, data="data:"),
        sse(HEL, LO, STOP, data="data:   "),
        b"\n\n: PROCESSING\n\n" * 3 + sse(HEL, LO, STOP),
        b"\xef\xbb\xbf" + sse(HEL, LO, STOP),
        sse(HEL, LO, STOP, done=False) + b"data: [DONE]",
        sse(HEL, LO, STOP, done=False)[:-2],
        sse(HEL, LO) + b": held open\n\n",
    ],
    ids=[
        *("CRLF", "CR", "no space", "more space", "comments first", "byte order mark"),
        *("unterminated [DONE]", "unterminated finish", "[DONE] alone"),
    ],
)
def test_framing(serve: Serve, body: bytes) -> None:
    """Whatever the standard allows, and the ends that servers leave off."""
    assert whole(serve(body, CHAT)).errors == []


def test_any_character_at_any_cut(loopback: Loopback) -> None:
    """U+2028 ends no line, and a character cut in two is one again."""
    text = "a\u2028b\u2029c\x85d é € 🦀 \x1a"
    body = sse(chat_chunk({"content": text}), STOP)
    outcome = ask(loopback.add(Answer(body, sizes=(1,) * len(body))), CHAT)
    assert outcome.text == text


# tool calls -----------------------------------------------------------------------------------


def call(
    index: Json = 0, id: Json = None, name: Json = None, arguments: Json = None
) -> dict[str, Json]:
    """One entry of `tool_calls`; None is left out."""
    inner = {"name": name, "arguments": arguments}
    function: Json = {key: value for key, value in inner.items() if value is not None}
    entry: dict[str, Json] = {"index": index, "id": id, "function": function or None}
    return {key: value for key, value in entry.items() if value is not None}


class Calls(Struct):
    """Entries, one a chunk, and the calls they make: id (None: one of ours), name, arguments."""

    entries: list[dict[str, Json]]
    expected: list[tuple[str | None, str, Json]]


ADD: Json = {"x": 1, "y": 2}
CALLS = {
    "as documented": Calls(
        [
            call(0, "a", "add", ""),
            call(0, arguments='{"x":1,'),
            call(0, arguments='"y":2}'),
            call(1, "b", "sub", ""),
            call(1, arguments="{}"),
        ],
        [("a", "add", ADD), ("b", "sub", {})],
    ),
    "interleaved": Calls(
        [
            call(0, "a", "add", '{"x":1,'),
            call(1, "b", "sub", '{"z"'),
            call(0, arguments='"y":2}'),
            call(1, arguments=":3}"),
        ],
        [("a", "add", ADD), ("b", "sub", {"z": 3})],
    ),
    "no index": Calls(
        [
            call(None, "a", "add", '{"x":1,'),
            call(None, arguments='"y":2}'),
            call(None, "b", "sub", "{}"),
        ],
        [("a", "add", ADD), ("b", "sub", {})],
    ),
    "no index, ids repeated": Calls(
        [
            call(None, "a", "add", '{"x":1,'),
            call(None, "a", arguments='"y":2}'),
            call(None, "b", "sub", '{"z":'),
            call(None, "b", arguments="3}"),
        ],
        [("a", "add", ADD), ("b", "sub", {"z": 3})],
    ),
    "one index, new id": Calls(
        [call(0, "a", "add", '{"x":1,"y":2}'), call(0, "b", "add", '{"x":3}')],
        [("a", "add", ADD), ("b", "add", {"x": 3})],
    ),
    "one index, new id, in pieces": Calls(
        [
            call(0, "a", "add", '{"x":1,'),
            call(0, arguments='"y":2}'),
            call(0, "b", "add", ""),
            call(0, arguments='{"x":'),
            call(0, arguments="3}"),
        ],
        [("a", "add", ADD), ("b", "add", {"x": 3})],
    ),
    "one index, new name without id": Calls(
        [call(0, None, "add", '{"x":1,"y":2}'), call(0, None, "sub", '{"z":3}')],
        [(None, "add", ADD), (None, "sub", {"z": 3})],
    ),
    "one index, same name without id": Calls(
        [call(0, None, "add", '{"x":1,"y":2}'), call(0, None, "add", '{"x":3}')],
        [(None, "add", ADD), (None, "add", {"x": 3})],
    ),
    "one index, same name without id, the first without arguments": Calls(
        [call(0, None, "add", "{}"), call(0, None, "add", '{"x":3}')],
        [(None, "add", {}), (None, "add", {"x": 3})],
    ),
    "complete JSON, then more": Calls(
        [call(0, "a", "add", '{"x":1,"y":2}'), call(0, arguments='{"x":3}')],
        [("a", "add", ADD), (None, "add", {"x": 3})],
    ),
    "complete JSON, then white space": Calls(
        [call(0, "a", "add", '{"x":1,"y":2}'), call(0, arguments=" \n"), call(0, arguments="")],
        [("a", "add", ADD)],
    ),
    "braces and quotes in strings": Calls(
        [
            call(0, "a", "add", '{"x":"}\\'),
            call(0, arguments='"{","y'),
            call(0, arguments='":"\\\\"}'),
        ],
        [("a", "add", {"x": '}"{', "y": "\\"})],
    ),
    "id and name in every piece": Calls(
        [
            call(0, "a", "add", '{"x":1,'),
            call(0, "a", "add", '"y":2'),
            call(0, "a", "add", "}"),
        ],
        [("a", "add", ADD)],
    ),
    "an id that changes from piece to piece": Calls(
        [call(0, "a", "add", '{"x":1,'), call(0, "b", None, '"y":2'), call(0, "c", None, "}")],
        [("a", "add", ADD)],
    ),
    "no id": Calls([call(0, None, "add", '{"x":1,"y":2}')], [(None, "add", ADD)]),
    "an empty id": Calls([call(0, "", "add", '{"x":1,"y":2}')], [(None, "add", ADD)]),
    "a number as the id": Calls([call(0, 7, "add", "{}")], [("7", "add", {})]),
    "one id for two calls": Calls(
        [call(0, "a", "add", '{"x":1,"y":2}'), call(1, "a", "sub", "{}")],
        [("a", "add", ADD), (None, "sub", {})],
    ),
    "the id comes late": Calls(
        [call(0, None, "add", '{"x":1,'), call(0, "a", None, '"y":2}')], [("a", "add", ADD)]
    ),
    "arguments as an object": Calls([call(0, "a", "add", ADD)], [("a", "add", ADD)]),
    "arguments as JSON in JSON": Calls(
        [call(0, "a", "add", '"{\\"x\\":1}"')], [("a", "add", {"x": 1})]
    ),
    "no arguments": Calls([call(0, "a", "add")], [("a", "add", {})]),
    "empty arguments": Calls([call(0, "a", "add", "")], [("a", "add", {})]),
    "null arguments": Calls(
        [{"index": 0, "id": "a", "function": {"name": "add", "arguments": None}}],
        [("a", "add", {})],
    ),
    "the word null": Calls([call(0, "a", "add", "null")], [("a", "add", {})]),
    "blank arguments": Calls([call(0, "a", "add", " \n ")], [("a", "add", {})]),
    "a placeholder before the arguments": Calls(
        [call(0, "a", "add", "{}"), call(0, arguments='{"x":1,"y":2}')], [("a", "add", ADD)]
    ),
    "arguments that are no object": Calls([call(0, "a", "add", "[1]")], [("a", "add", "[1]")]),
    "arguments that are no JSON": Calls([call(0, "a", "add", "x=1")], [("a", "add", "x=1")]),
    "the index as text": Calls(
        [
            call("0", "a", "add", '{"x":1,"y":2}'),
            call("1", "b", "sub", '{"z":'),
            call("1", "b", arguments="3}"),
        ],
        [("a", "add", ADD), ("b", "sub", {"z": 3})],
    ),
}


def assert_calls(outcome: Outcome, expected: list[tuple[str | None, str, Json]]) -> None:
    """The message and the items have these calls, and every delta belongs to one of them."""
    assert outcome.error is None
    calls = outcome.answer.message.tool_calls
    assert outcome.calls == [(name, arguments) for _, name, arguments in expected]
    assert [call.id for call in outcome.tool_items] == [call.id for call in calls]
    for made, (wanted, _, _) in zip(calls, expected, strict=True):
        assert made.id
        assert wanted is None or made.id == wanted
    assert len({made.id for made in calls}) == len(calls)
    inner = {call.internal_call_id for call in outcome.tool_items}
    assert {delta.internal_call_id for delta in outcome.of(ToolCallDelta)} == inner
    assert outcome.answer.finish_reason is not None
    assert outcome.answer.finish_reason.kind == "tool_calls"


@pytest.mark.parametrize("case", CALLS.values(), ids=CALLS.keys())
def test_tool_calls_in_chunks(serve: Serve, case: Calls) -> None:
    """Each piece finds its call, however little the server says about it."""
    chunks = [chat_chunk({"tool_calls": [entry]}) for entry in case.entries]
    assert_calls(serve(sse(*chunks, chat_chunk({}, "tool_calls")), CHAT), case.expected)


@pytest.mark.parametrize("case", CALLS.values(), ids=CALLS.keys())
def test_tool_calls_in_one_chunk(serve: Serve, case: Calls) -> None:
    """All pieces in one list mean the same, with `stop` as the finish reason too."""
    entries: list[Json] = list(case.entries)
    assert_calls(serve(sse(chat_chunk({"tool_calls": entries}, "stop")), CHAT), case.expected)


def test_one_call_without_a_list(serve: Serve) -> None:
    """`tool_calls` as an object is one call."""
    body = sse(chat_chunk({"tool_calls": call(0, "a", "add", "{}")}, "tool_calls"))
    assert_calls(serve(body, CHAT), [("a", "add", {})])


def test_the_old_function_call(serve: Serve) -> None:
    """`function_call`, of before there were tools, is a call with an id of ours."""
    pieces: list[Json] = [{"name": "add", "arguments": ""}, {"arguments": '{"x":1,"y":2}'}]
    chunks = [chat_chunk({"function_call": piece}) for piece in pieces]
    body = sse(*chunks, chat_chunk({}, "function_call"))
    assert_calls(serve(body, CHAT), [(None, "add", ADD)])


def test_arguments_that_are_no_object_come_as_text(serve: Serve) -> None:
    """Such a call is handed over marked as malformed, so that the model can be told."""
    body = sse(chat_chunk({"tool_calls": [call(0, "a", "add", "x=1")]}, "tool_calls"))
    (made,) = serve(body, CHAT).tool_items
    assert (made.malformed, made.arguments) == ("x=1", {})


@pytest.mark.parametrize("arguments", ['{"x":1,"y', "", " ", '{"x":[1,2]'])
def test_a_call_cut_off_by_the_token_limit_never_runs(serve: Serve, arguments: str) -> None:
    """With finish `length` it is told as an error and is in no message; a whole one stays."""
    first = chat_chunk({"tool_calls": [call(0, "a", "add", '{"x":1,"y":2}')]})
    cut = chat_chunk({"tool_calls": [call(1, "b", "send", arguments)]})
    outcome = serve(sse(first, cut, chat_chunk({}, "length")), CHAT)
    assert outcome.error is None
    assert outcome.calls == [("add", ADD)]
    assert [made.name for made in outcome.tool_items] == ["add"]
    (error,) = outcome.errors
    assert isinstance(error, ResponseDecodeError)
    assert error.code == "incomplete_tool_call"
    assert "send" in str(error)
    assert outcome.answer.defects == (str(error),)
    assert outcome.final is not None


@pytest.mark.parametrize("word", ["content_filter", "sensitive", "abort", "timeout"])
@pytest.mark.parametrize("arguments", ["", '{"path":'])
def test_a_call_that_was_stopped_never_runs(serve: Serve, word: str, arguments: str) -> None:
    """No arguments are none only where the model was done; else they never came."""
    begun = chat_chunk({"tool_calls": [call(0, "a", "wipe", arguments)]})
    outcome = serve(sse(begun, chat_chunk({}, word)), CHAT)
    assert (outcome.error, outcome.tool_items, outcome.calls) == (None, [], [])
    (error,) = outcome.errors
    assert isinstance(error, ResponseDecodeError)
    assert error.code == "incomplete_tool_call"


def test_a_finish_reason_that_is_a_failure(serve: Serve) -> None:
    """Z.ai's `network_error` ends no answer."""
    outcome = serve(sse(HEL, chat_chunk({}, "network_error")), CHAT)
    assert isinstance(outcome.error, ProviderError)
    assert outcome.final is None


def test_a_call_without_a_name_is_told_and_dropped(serve: Serve) -> None:
    """Nobody could run it."""
    outcome = serve(sse(chat_chunk({"tool_calls": [call(0, "a", None, "{}")]}, "stop")), CHAT)
    assert outcome.calls == []
    assert len(outcome.errors) == 1


# errors ---------------------------------------------------------------------------------------


def test_one_bad_frame_does_not_end_the_answer(serve: Serve) -> None:
    """It is a `StreamError` in its place; the rest and the terminal record come."""
    outcome = whole(serve(sse(HEL, '{"choices":[{"delta":{"conte', LO, STOP), CHAT))
    kinds = [type(item).__name__ for item in outcome.items or ()]
    assert kinds == ["Text", "StreamError", "Text", "StreamFinal"]
    assert isinstance(outcome.errors[0], ResponseDecodeError)
    assert outcome.answer.defects == (str(outcome.errors[0]),)


@pytest.mark.parametrize("frame", ["[]", "7", '"text"', "true", "hello", "[[1]]", "{"])
def test_a_frame_that_is_no_object_is_a_defect(serve: Serve, frame: str) -> None:
    """It is told, with its beginning, and the answer goes on."""
    outcome = whole(serve(sse(HEL, frame, LO, STOP), CHAT))
    (error,) = outcome.errors
    assert frame in str(error)


IN_BAND: dict[str, tuple[bytes, type[RigError], str | None]] = {
    "an error object": (
        sse({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}),
        RateLimited,
        "rate_limit_exceeded",
    ),
    "an error string": (sse({"error": "Slow down"}), ProviderError, None),
    "an error in a chunk": (
        sse(chat_chunk({}, "error", error={"message": "Slow down", "code": 502})),
        ServerError,
        "502",
    ),
    "event: error": (
        b'event: error\ndata: {"error":{"message":"Slow down","status_code":503}}\n\n',
        Overloaded,
        None,
    ),
    "event: error without error key": (
        b'event: error\ndata: {"message":"Slow down","code":"overloaded"}\n\n',
        Overloaded,
        "overloaded",
    ),
    "event: error with text": (b"event: error\ndata: Slow down\n\n", ProviderError, None),
    "a finish reason alone": (
        sse(chat_chunk({}, "error", message="Slow down")),
        ProviderError,
        None,
    ),
    "object: error": (
        sse({"object": "error", "message": "Slow down", "code": 429}),
        RateLimited,
        "429",
    ),
    "a flat object": (sse({"message": "Slow down", "code": 500}), ServerError, "500"),
}


@pytest.mark.parametrize(("end", "kind", "code"), IN_BAND.values(), ids=IN_BAND.keys())
def test_an_error_inside_a_200(
    serve: Serve, end: bytes, kind: type[RigError], code: str | None
) -> None:
    """It is raised after what came, typed; there is no terminal record."""
    outcome = serve(sse(HEL, LO, done=False) + end, CHAT)
    assert isinstance(outcome.error, ProviderError)
    assert isinstance(outcome.error, kind)
    assert "Slow down" in str(outcome.error)
    assert outcome.error.code == code
    assert outcome.text == "Hello"
    assert outcome.final is None


def test_complete_calls_come_before_the_error(serve: Serve) -> None:
    """The whole call is handed over; the one that was being written is not."""
    entries: list[Json] = [call(0, "a", "add", '{"x":1,"y":2}'), call(1, "b", "sub", '{"z":')]
    outcome = serve(sse(chat_chunk({"tool_calls": entries}), {"error": "No"}), CHAT)
    assert isinstance(outcome.error, ProviderError)
    assert [made.name for made in outcome.tool_items] == ["add"]
    assert outcome.calls == [("add", ADD)]


@pytest.mark.parametrize(
    "body",
    [
        sse(HEL, LO, done=False),
        sse(HEL, LO, chat_chunk({}), done=False),
        sse(HEL, LO, chat_chunk({}, usage=USAGE), done=False),
        sse(HEL, LO, done=False) + b'data: {"choices":[{"del',
        sse(HEL, LO, done=False) + b"data: [DO",
    ],
    ids=["EOF", "null finish", "usage", "cut frame", "cut [DONE]"],
)
def test_an_end_without_proof_is_truncation(serve: Serve, body: bytes) -> None:
    """Neither `[DONE]` nor a finish reason: the error has what came, and nothing says success."""
    outcome = serve(body, CHAT)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.text == "Hello"
    assert outcome.final is None
    assert outcome.answer.finish_reason is None


def test_a_server_may_be_declared_to_end_so(serve: Serve) -> None:
    """With `ends_without_proof` the end of the body is the end of the answer."""
    outcome = whole(serve(sse(HEL, LO, done=False), OpenAIChat(ends_without_proof=True)))
    assert outcome.answer.finish_reason is None


@pytest.mark.parametrize("body", [b"", b": ping\n\n", b"null", b"data: ?\n\n", b"<html>no</html>"])
def test_such_a_server_too_has_to_say_something(serve: Serve, body: bytes) -> None:
    """What is no event is no answer."""
    outcome = serve(body, OpenAIChat(ends_without_proof=True))
    assert isinstance(outcome.error, StreamTruncated | ResponseDecodeError)
    assert outcome.final is None


@pytest.mark.parametrize("body", [b"", b"\n\n", b": ping\n\n", b"event: x\n\n"])
def test_an_empty_200_is_truncation(serve: Serve, body: bytes) -> None:
    """Nothing came, which is no answer."""
    outcome = serve(body, CHAT)
    assert isinstance(outcome.error, StreamTruncated)
    assert outcome.final is None


def test_a_whole_json_body_instead_of_a_stream(loopback: Loopback) -> None:
    """A server that does not stream is read as one that answers at once."""
    body = chat_message({"role": "assistant", "content": "Hello"}, usage=USAGE)
    url = loopback.add(Answer(sse(body, done=False)[6:], content_type="application/json"))
    outcome = whole(ask(url, CHAT))
    assert outcome.answer.usage.total_tokens == 5


def test_whole_calls_do_not_go_on_from_each_other(loopback: Loopback) -> None:
    """In one body each entry is a call of its own, though none has an id and one is malformed."""
    calls: list[Json] = [
        {"function": {"name": "add", "arguments": text}} for text in ('{"x": ', '{"x": 1}')
    ]
    body = chat_message({"role": "assistant", "content": None, "tool_calls": calls}, usage=USAGE)
    url = loopback.add(Answer(sse(body, done=False)[6:], content_type="application/json"))
    first, second = ask(url, CHAT).answer.message.tool_calls
    assert (first.malformed, second.arguments) == ('{"x": ', {"x": 1})


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain"])
def test_an_error_body_instead_of_a_stream(loopback: Loopback, content_type: str) -> None:
    """An error of status 200 is one, whatever it says it is."""
    body = b'{"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}'
    outcome = ask(loopback.add(Answer(body, content_type=content_type)), CHAT)
    assert isinstance(outcome.error, RateLimited)
    assert outcome.final is None


TOO_LONG: list[Json] = [
    {"error": {"message": "Oh no", "code": "context_length_exceeded"}},
    {"error": {"message": "Oh no", "type": "too_many_prompt_tokens", "code": 400}},
    {"message": "Oh no", "error_type": "TOO_MANY_TOKENS"},
    {"message": "too many tokens: 9 of 8"},
    {"error": {"message": "At 9 tokens it exceeds the available context size", "code": 400}},
    {"error": {"message": "Input and `max_tokens` exceed context limit: 6 + 4 > 8"}},
    {"error": {"message": "Your input exceeds the context window of m-1."}},
    {"message": "Input is too long for m-1."},
    {"message": "Input Tokens Exceeded: make it shorter."},
    {"error": {"message": "Prompt too long; exceeded max context length by 1 token"}},
    {"error": {"message": "The maximum context length of m-1 is 8 tokens.", "code": None}},
    {"error": {"message": "Over the maximum number of tokens allowed (8)", "code": 400}},
    {"code": "400", "error": "The maximum prompt length of m-1 is 8, yours has 9 tokens."},
    {"error": {"message": "prompt is too long: 9 tokens > 8"}},
]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("payload", TOO_LONG)
def test_a_prompt_that_is_too_long(loopback: Loopback, payload: Json, streaming: bool) -> None:
    """It has a class of its own, however the provider says so."""
    answer = Answer(compact(payload).encode(), 400, "application/json")
    error = ask(loopback.add(answer), CHAT, streaming=streaming).error
    assert type(error) is ContextLengthExceeded
    assert error.status == 400


def test_words_of_a_long_prompt_in_another_error(loopback: Loopback) -> None:
    """A limit of rate is none of length."""
    body = b'{"error": {"message": "too many tokens a minute", "code": "rate_limit_exceeded"}}'
    error = ask(loopback.add(Answer(body, 429, "application/json")), CHAT).error
    assert type(error) is RateLimited


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
@pytest.mark.parametrize("told", [{}, {"status": 400}])
def test_a_filtered_prompt_in_a_200(
    loopback: Loopback, code: str, told: dict[str, Json], streaming: bool
) -> None:
    """A gateway's 200 around a refusal of the prompt: never tried again."""
    payload: Json = {"error": {"message": "Filtered", "type": None, "code": code, **told}}
    answer = Answer(compact(payload).encode(), content_type="application/json")
    error = ask(loopback.add(answer), CHAT, streaming=streaming).error
    assert type(error) is BadRequest
    assert (error.code, error.status) == (code, told.get("status", 200))


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", ""])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_page_instead_of_an_answer(
    loopback: Loopback, content_type: str, streaming: bool
) -> None:
    """The error shows how the page begins."""
    answer = Answer(b"<html><body>Log in</body></html>", content_type=content_type)
    outcome = ask(loopback.add(answer), CHAT, streaming=streaming)
    assert isinstance(outcome.error, ResponseDecodeError)
    assert not outcome.error.recoverable
    assert "<html>" in str(outcome.error)
    assert outcome.error.status == 200


# usage ----------------------------------------------------------------------------------------

USAGES: dict[str, tuple[list[Json], tuple[int | None, int | None]]] = {
    "in a last chunk without choices": ([STOP, {"choices": [], "usage": USAGE}], (3, 2)),
    "in a last chunk with null choices": ([STOP, {"choices": None, "usage": USAGE}], (3, 2)),
    "in a last chunk of its own": ([STOP, {"usage": USAGE}], (3, 2)),
    "with the finish reason": ([chat_chunk({}, "stop", usage=USAGE)], (3, 2)),
    "in x_groq": ([chat_chunk({}, "stop", x_groq={"usage": USAGE})], (3, 2)),
    "the last that is not null counts": (
        [
            chat_chunk({}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
            chat_chunk({}, "stop", usage=USAGE),
            chat_chunk({}, usage=None),
        ],
        (3, 2),
    ),
    "zero is a count": (
        [chat_chunk({}, "stop", usage={"prompt_tokens": 0, "completion_tokens": 0})],
        (0, 0),
    ),
    "a null count is none": (
        [chat_chunk({}, "stop", usage={"prompt_tokens": 3, "completion_tokens": None})],
        (3, None),
    ),
    "none at all": ([STOP], (None, None)),
}


@pytest.mark.parametrize(("frames", "counts"), USAGES.values(), ids=USAGES.keys())
def test_usage(serve: Serve, frames: list[Json], counts: tuple[int | None, int | None]) -> None:
    """Read from whatever chunk has it; what was not reported is None."""
    outcome = whole(serve(sse(HEL, LO, *frames), CHAT))
    assert outcome.errors == []
    usage = outcome.answer.usage
    assert (usage.input_tokens, usage.output_tokens) == counts
    assert outcome.final is not None
    assert outcome.final.usage == usage
    assert bool(usage) == (counts != (None, None))


DETAILS: dict[str, tuple[dict[str, Json], tuple[int | None, int | None, int | None]]] = {
    "as documented": (
        {
            "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        (1, 2, 0),
    ),
    "DeepSeek": ({"prompt_cache_hit_tokens": 1, "prompt_cache_miss_tokens": 2}, (1, None, None)),
    "Doubleword": (
        {"cache_read_input_tokens": 1, "cache_creation_input_tokens": 2},
        (1, 2, None),
    ),
    "Together": ({"cached_tokens": 0}, (0, None, None)),
    "Copilot": ({"reasoning_tokens": 3}, (None, None, 3)),
    "null details": (
        {"prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": None}},
        (None, None, None),
    ),
}


@pytest.mark.parametrize(("fields", "counts"), DETAILS.values(), ids=DETAILS.keys())
def test_details_of_usage(
    serve: Serve, fields: dict[str, Json], counts: tuple[int | None, int | None, int | None]
) -> None:
    """Cached, written to the cache, thought: under all the names that servers have for them."""
    outcome = whole(serve(sse(HEL, LO, chat_chunk({}, "stop", usage=fields)), CHAT))
    usage = outcome.answer.usage
    found = (usage.cached_input_tokens, usage.cache_creation_input_tokens, usage.reasoning_tokens)
    assert found == counts


# wrong types ----------------------------------------------------------------------------------

WRONG: dict[str, tuple[Json, str]] = {
    "content": (chat_chunk({"content": 5}), "content"),
    "id": ({**LO, "id": 7}, "id"),
    "model": ({**LO, "model": ["m"]}, "model"),
    "usage": (chat_chunk({}, usage="many"), "usage"),
    "finish reason": (chat_chunk({}, finish={"type": "stop"}), "finish_reason"),
    "choices as text": ({"id": "chat-1", "choices": "none"}, "choices"),
    "choices of nothing": ({"id": "chat-1", "choices": [None]}, "choices"),
    "delta as a list": (chat_chunk([]), "delta"),
    "delta as text": (chat_chunk("lo"), "delta"),
    "index": ({"choices": [{"index": "zero", "delta": {}}]}, "index"),
    "tool calls as text": (chat_chunk({"tool_calls": "add"}), "tool_calls"),
    "tool call of nothing": (chat_chunk({"tool_calls": [None]}), "tool_calls"),
    "reasoning": (chat_chunk({"reasoning_content": {"text": "hm"}}), "reasoning_content"),
    "reasoning details": (chat_chunk({"reasoning_details": ["hm"]}), "reasoning_details"),
    "x_groq": (chat_chunk({}, x_groq=3), "x_groq"),
}


@pytest.mark.parametrize(("frame", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_field_of_the_wrong_type_is_left_out(serve: Serve, frame: Json, field: str) -> None:
    """The defect names the field; the rest of the answer is there."""
    outcome = serve(sse(HEL, frame, LO, STOP), CHAT)
    assert outcome.error is None
    assert outcome.text in ("Hello", "Hellolo")  # the frame may be LO with one bad field
    assert outcome.final is not None
    (error,) = outcome.errors
    assert field in str(error)


def test_what_fits_beside_a_wrong_field_is_kept(serve: Serve) -> None:
    """One bad field costs that field alone."""
    good: Json = {"index": 0, "delta": {"content": "lo", "refusal": 3}, "finish_reason": "stop"}
    frame: Json = {"id": 7, "model": "m-2", "choices": [good, 5], "usage": USAGE}
    outcome = whole(serve(sse({"choices": [{"delta": {"content": "Hel"}}]}, frame), CHAT))
    assert outcome.answer.model == "m-2"
    assert outcome.answer.usage.total_tokens == 5
    assert outcome.answer.finish_reason is not None
    assert len(outcome.errors) == 3


def test_a_single_choice_without_a_list_is_read(serve: Serve) -> None:
    """`choices` as an object is one choice, told as a defect."""
    frame: Json = {"choices": {"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}}
    assert len(whole(serve(sse(HEL, frame), CHAT)).errors) == 1


@pytest.mark.parametrize(
    "frame", [{"object": "chat.ping"}, {"type": "x.y", "value": 1}, {"whatever": True}]
)
def test_an_object_of_unknown_kind_is_handed_over(serve: Serve, frame: Json) -> None:
    """As `Unknown`, with all it has; it is no error."""
    outcome = whole(serve(sse(HEL, frame, LO, STOP), CHAT))
    assert [item.payload for item in outcome.of(Unknown)] == [frame]
    assert outcome.errors == []


DEEP = "[" * 100_000 + "]" * 100_000


def test_a_frame_that_is_nested_too_deeply_is_a_defect(serve: Serve) -> None:
    """It is no crash."""
    outcome = whole(serve(sse(HEL, f'{{"choices": {DEEP}}}', LO, STOP), CHAT))
    assert len(outcome.errors) == 1


def test_arguments_that_are_nested_too_deeply_are_malformed(serve: Serve) -> None:
    """Like any that are no JSON."""
    arguments = f'{{"x": {DEEP}}}'
    tool = chat_chunk({"tool_calls": [call(0, "a", "add", arguments)]}, "tool_calls")
    assert_calls(serve(sse(tool), CHAT), [("a", "add", arguments)])


# thinking and refusals ------------------------------------------------------------------------

THOUGHTS: dict[str, list[Json]] = {
    "reasoning_content": [{"reasoning_content": "I "}, {"reasoning_content": "see"}],
    "reasoning": [{"reasoning": "I "}, {"reasoning": "see"}],
    "both, counted once": [{"reasoning": "I see", "reasoning_content": "I see"}],
    "details": [
        {"reasoning_details": [{"type": "reasoning.text", "text": "I ", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "see", "index": 0}]},
    ],
    "details and text, counted once": [
        {"reasoning": "I see", "reasoning_details": [{"type": "reasoning.text", "text": "I see"}]}
    ],
    "content parts": [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "I "}]}]},
        {"content": [{"type": "thinking", "thinking": "see"}]},
    ],
}


@pytest.mark.parametrize("deltas", THOUGHTS.values(), ids=THOUGHTS.keys())
def test_thinking(serve: Serve, deltas: list[Json]) -> None:
    """One block, told in pieces and once as a whole, ahead of the text."""
    outcome = whole(serve(sse(*map(chat_chunk, deltas), HEL, LO, STOP), CHAT))
    (block,) = outcome.answer.message.reasoning
    assert block.text == "I see"
    assert outcome.of(Reasoning) == [block]
    assert "".join(item.text for item in outcome.of(ReasoningDelta)) == "I see"
    assert outcome.answer.message.content[0] is not None
    assert isinstance(outcome.answer.message.content[0], Reasoning)


@pytest.mark.parametrize(
    "deltas", [[{"refusal": "Hel"}, {"refusal": "lo"}], [{"content": "Hel", "refusal": "lo"}]]
)
def test_a_refusal_is_text(serve: Serve, deltas: list[Json]) -> None:
    """What the model says is what the model says."""
    start = chat_chunk({"role": "assistant", "content": ""})
    chunks = map(chat_chunk, deltas)
    outcome = whole(serve(sse(start, *chunks, chat_chunk({}, "content_filter")), CHAT))
    reason = outcome.answer.finish_reason
    assert reason is not None
    assert reason.kind == "content_filter"
