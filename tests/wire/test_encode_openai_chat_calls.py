"""Calls of chat completions that are more than a function's: read, and sent back as they came."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import CompletionRequest
from rig_sync.limits import Limits
from rig_sync.message import ToolCall, assistant
from rig_sync.streaming.items import Delta, ToolCallDelta
from rig_sync.streaming.parts import Parts
from rig_sync.transport.framing import FRAMINGS
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from tests.strategies import cuts
from tests.wire.asking import Outcome, ask
from tests.wire.frames import chat_chunk, chat_message, sse
from tests.wire.loopback import Answer, Loopback

Serve = Callable[[bytes, Wire], Outcome]

CHAT = OpenAIChat()
SIGNED: Json = {"google": {"thought_signature": "s+/="}}
FUNCTION: JsonObject = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"x":1}'},
    "extra_content": SIGNED,
}
QUERY = 'SELECT "a"\n\tFROM \u00e4\\b'
CUSTOM: JsonObject = {
    "id": "call-2",
    "type": "custom",
    "custom": {"name": "sql", "input": QUERY},
}
USED = "tool_calls"


def calls(*pieces: Json, finish: str = USED) -> bytes:
    """A stream whose chunks have these in their `tool_calls`."""
    return sse(*(chat_chunk({USED: [piece]}) for piece in pieces), chat_chunk({}, finish))


def sent_back(outcome: Outcome) -> Json:
    """The calls of the answer, in the next request."""
    request = CompletionRequest("m", (outcome.answer.message,))
    messages = CHAT.encode(request, stream=False)["messages"]
    assert isinstance(messages, list)
    assert isinstance(messages[0], dict)
    return messages[0][USED]


# Google's signatures ----------------------------------------------------------------------------

BEGUN: JsonObject = {**FUNCTION, "function": {"name": "add", "arguments": '{"x"'}}
NEXT: JsonObject = {"index": 0, "function": {"arguments": ":1}"}}
PLAIN: JsonObject = {key: value for key, value in BEGUN.items() if key != "extra_content"}


@pytest.mark.parametrize(
    "pieces",
    [
        [{"index": 0, **FUNCTION}],
        [{"index": 0, **BEGUN}, NEXT],
        [{"index": 0, **PLAIN}, {**NEXT, "extra_content": SIGNED}],
        [{"index": 0, **PLAIN}, NEXT, {"index": 0, "extra_content": SIGNED}],
    ],
)
def test_what_google_wants_back_with_a_call(serve: Serve, pieces: list[Json]) -> None:
    """In whatever piece of the call it comes."""
    outcome = serve(calls(*pieces), CHAT)
    assert outcome.calls == [("add", {"x": 1})]
    assert [call.provider_data for call in outcome.tool_items] == [{"extra_content": SIGNED}]
    assert sent_back(outcome) == [FUNCTION]


def test_each_call_has_its_own(serve: Serve) -> None:
    """Of parallel calls the first alone has one."""
    second: JsonObject = {**FUNCTION, "id": "call-9", "extra_content": None}
    outcome = serve(calls({"index": 0, **FUNCTION}, {"index": 1, **second}), CHAT)
    del second["extra_content"]
    assert sent_back(outcome) == [FUNCTION, second]


def test_the_pieces_add_up(serve: Serve) -> None:
    """A later one takes nothing from an earlier one."""
    outcome = serve(calls({"index": 0, **BEGUN}, {**NEXT, "extra_content": {}}), CHAT)
    assert sent_back(outcome) == [FUNCTION]


@pytest.mark.parametrize("strange", ["s", [1], 7])
def test_extra_content_of_another_kind_is_a_defect(serve: Serve, strange: Json) -> None:
    """The call is whole all the same."""
    outcome = serve(calls({"index": 0, **FUNCTION, "extra_content": strange}), CHAT)
    assert outcome.calls == [("add", {"x": 1})]
    assert len(outcome.errors) == 1


# free text --------------------------------------------------------------------------------------


def told(*texts: str) -> list[Json]:
    """A call of free text, in these pieces."""
    begin: JsonObject = {**CUSTOM, "index": 0, "custom": {"name": "sql", "input": ""}}
    rest: list[Json] = [{"index": 0, "custom": {"input": piece}} for piece in texts]
    return [begin, *rest]


PIECES = told("SELECT ", '"a"\n', "\tFROM \u00e4", "\\b")


def test_free_text_in_pieces(serve: Serve) -> None:
    """Its one argument is `input`; the deltas are pieces of JSON, as of any call."""
    outcome = serve(calls(*PIECES), CHAT)
    (call,) = outcome.tool_items
    assert (call.id, call.name, call.arguments) == ("call-2", "sql", {"input": QUERY})
    assert call.provider_data == {"type": "custom"}
    deltas = [d.content for d in outcome.of(ToolCallDelta) if isinstance(d.content, Delta)]
    assert (
        "".join(delta.arguments for delta in deltas)
        == '{"input":"SELECT \\"a\\"\\n\\tFROM \u00e4\\\\b"}'
    )
    assert sent_back(outcome) == [CUSTOM]


@given(st.data(), st.text(max_size=12))
def test_free_text_however_it_is_cut(data: st.DataObject, text: str) -> None:
    """Every character comes as it was said."""
    body = calls(*told(*data.draw(cuts(text))))
    assembled = Parts()
    list(assembled.feed_all(CHAT.decode_stream(FRAMINGS["sse"].cut([body], Limits().event_bytes))))
    assert [call.arguments for call in assembled.response().message.tool_calls] == [{"input": text}]


def test_calls_of_both_kinds_in_a_whole_answer(loopback: Loopback) -> None:
    """They have no index there; each has its own text."""
    other: JsonObject = {"id": "call-3", "type": "custom", "custom": {"name": "py", "input": "1"}}
    body = compact(chat_message({USED: [CUSTOM, FUNCTION, other]}, USED)).encode()
    answer = Answer(body, content_type="application/json")
    outcome = ask(loopback.add(answer), CHAT, streaming=False)
    assert outcome.calls == [("sql", {"input": QUERY}), ("add", {"x": 1}), ("py", {"input": "1"})]
    assert sent_back(outcome) == [CUSTOM, FUNCTION, other]


def test_free_text_that_was_cut_off_never_runs(serve: Serve) -> None:
    """Nothing tells half a text from a whole one, but the reason for which it ends."""
    outcome = serve(calls(*PIECES[:2], finish="length"), CHAT)
    assert outcome.tool_items == []
    assert "never ran" in str(*outcome.errors)
    broken = serve(sse(chat_chunk({USED: PIECES[:2]}), done=False), CHAT)
    assert broken.tool_items == []
    assert broken.error is not None


def test_empty_fields_do_not_make_a_call_custom(serve: Serve) -> None:
    """Some servers send all there are, on every call."""
    every: JsonObject = {**FUNCTION, "index": 0, "custom": {"name": "", "input": ""}}
    outcome = serve(calls(every), CHAT)
    assert sent_back(outcome) == [FUNCTION]


def test_a_call_of_the_callers_own_without_text() -> None:
    """The field is there all the same."""
    call = ToolCall("call-2", "sql", provider_data={"type": "custom"})
    body = CHAT.encode(CompletionRequest("m", (assistant(call),)), stream=False)
    empty: Json = {**CUSTOM, "custom": {"name": "sql", "input": ""}}
    assert body["messages"] == [{"role": "assistant", "content": None, USED: [empty]}]
