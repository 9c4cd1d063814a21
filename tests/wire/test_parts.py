"""Assembling, as properties: what comes out depends on what was said, not on how it was cut."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rig_sync._json import Json, JsonObject, compact
from rig_sync.completion import CompletionResponse
from rig_sync.errors import ProviderError
from rig_sync.message import Text
from rig_sync.streaming.calls import OpenCall
from rig_sync.streaming.items import StreamError, ToolCallDelta
from rig_sync.streaming.parts import Parts
from rig_sync.streaming.raw import CallFragment, End, RawEvent
from rig_sync.streaming.written import Written
from rig_sync.transport.sse import EventSource
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.strategies import Answer, answers, cuts, json_objects, merges, replacements
from tests.wire.frames import chat_chunk, chat_message, event, sse, sse_events

CHAT, RESPONSES = OpenAIChat(), OpenAIResponses()
USAGE: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
MORE: Json = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}

some = settings(max_examples=40, deadline=None)


def parts() -> Parts:
    """With ids of ours that do not change from run to run."""
    return Parts(mint=lambda: "ours")


def streamed(wire: Wire, body: bytes | Iterable[bytes]) -> tuple[list[object], CompletionResponse]:
    """The items and the response of a stream."""
    assembled = parts()
    source = EventSource([body] if isinstance(body, bytes) else body, salvage=True)
    found = assembled.feed_all(wire.decode_stream(source))
    items: list[object] = [repr(i) if isinstance(i, StreamError) else i for i in found]
    return items, assembled.response()


def at_once(wire: Wire, body: Json) -> CompletionResponse:
    """The response of a whole body."""
    assembled = parts()
    for _ in assembled.feed_all(wire.decode_body(compact(body).encode())):
        pass
    return assembled.response()


# one answer, as each wire tells it ------------------------------------------------------------


def arguments_of(answer: Answer) -> list[str]:
    return [json.dumps(arguments) for _, arguments in answer.calls]


def chat_stream(answer: Answer, draw: st.DataObject) -> bytes:
    """The answer as a chat stream, cut into deltas anyhow."""
    deltas: list[JsonObject] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in draw.draw(cuts(answer.thoughts))]
    deltas += [{"content": piece} for piece in draw.draw(cuts(answer.words))]
    for index, (name, _) in enumerate(answer.calls):
        function: JsonObject = {"name": name, "arguments": ""}
        head: JsonObject = {"index": index, "id": f"call-{index}", "function": function}
        deltas.append({"tool_calls": [head]})
        for piece in draw.draw(cuts(arguments_of(answer)[index])):
            rest: Json = {"index": index, "function": {"arguments": piece}}
            deltas.append({"tool_calls": [rest]})
    finish = "tool_calls" if answer.calls else "stop"
    return sse(*map(chat_chunk, deltas), chat_chunk({}, finish), {"choices": [], "usage": USAGE})


def chat_body(answer: Answer) -> JsonObject:
    calls: list[Json] = [
        {"id": f"call-{index}", "function": {"name": name, "arguments": text}}
        for index, ((name, _), text) in enumerate(
            zip(answer.calls, arguments_of(answer), strict=True)
        )
    ]
    message: JsonObject = {"content": answer.words or None, "tool_calls": calls or None}
    message["reasoning_content"] = answer.thoughts
    return chat_message(message, "tool_calls" if calls else "stop", usage=USAGE)


def output_of(answer: Answer) -> list[JsonObject]:
    output: list[JsonObject] = []
    if answer.thoughts:
        summary: Json = [{"type": "summary_text", "text": answer.thoughts}]
        output.append({"type": "reasoning", "id": "rs-1", "summary": summary})
    if answer.words:
        content: Json = [{"type": "output_text", "text": answer.words}]
        output.append({"type": "message", "id": "msg-1", "content": content})
    for index, ((name, _), text) in enumerate(zip(answer.calls, arguments_of(answer), strict=True)):
        call: JsonObject = {"id": f"fc-{index}", "call_id": f"call-{index}"}
        output.append({"type": "function_call", "name": name, "arguments": text, **call})
    return output


def responses_body(answer: Answer) -> JsonObject:
    output: list[Json] = list(output_of(answer))
    return {"id": "resp-1", "model": "m-1", "status": "completed", "output": output, "usage": MORE}


DELTAS = {
    "reasoning": "response.reasoning_summary_text.delta",
    "message": "response.output_text.delta",
    "function_call": "response.function_call_arguments.delta",
}


def responses_stream(answer: Answer, draw: st.DataObject) -> bytes:
    """The answer as a Responses stream, cut into deltas anyhow."""
    events = [event("response.created", response={"id": "resp-1", "model": "m-1"})]
    arguments = iter(arguments_of(answer))
    for index, item in enumerate(output_of(answer)):
        kind = str(item["type"])
        whole = {"reasoning": answer.thoughts, "message": answer.words}.get(kind)
        whole = next(arguments) if whole is None else whole
        empty = {**item, "content": [], "summary": [], "arguments": ""}
        events.append(event("response.output_item.added", output_index=index, item=empty))
        where: JsonObject = {"output_index": index, "item_id": item["id"]}
        events += [event(DELTAS[kind], delta=p, **where) for p in draw.draw(cuts(whole))]
        events.append(event("response.output_item.done", output_index=index, item=item))
    events.append(event("response.completed", response=responses_body(answer)))
    return sse_events(*events)


Streamer = Callable[[Answer, st.DataObject], bytes]
WIRES: list[tuple[Wire, Streamer, Callable[[Answer], JsonObject]]] = [
    (CHAT, chat_stream, chat_body),
    (RESPONSES, responses_stream, responses_body),
]
every_wire = pytest.mark.parametrize(
    ("wire", "stream", "body"), WIRES, ids=[wire.name for wire, _, _ in WIRES]
)


@every_wire
@given(answers, st.data())
@some
def test_however_the_deltas_are_split(
    wire: Wire,
    stream: Streamer,
    body: Callable[[Answer], JsonObject],
    answer: Answer,
    data: st.DataObject,
) -> None:
    """The response is what the model said; so are the deltas, joined."""
    items, response = streamed(wire, stream(answer, data))
    assert response.text == answer.words
    assert "".join(item.text for item in items if isinstance(item, Text)) == answer.words
    assert "".join(block.text for block in response.message.reasoning) == answer.thoughts
    made = tuple((call.name, call.arguments) for call in response.message.tool_calls)
    assert made == answer.calls
    assert response.usage.total_tokens == 5
    assert response.defects == ()


@every_wire
@given(answers, st.data())
@some
def test_streamed_and_one_shot_are_equal(
    wire: Wire,
    stream: Streamer,
    body: Callable[[Answer], JsonObject],
    answer: Answer,
    data: st.DataObject,
) -> None:
    """The same answer makes the same response, part for part."""
    _, response = streamed(wire, stream(answer, data))
    assert replace(response, raw=None) == replace(at_once(wire, body(answer)), raw=None)


@every_wire
@given(answers, st.data())
@some
def test_wherever_the_bytes_are_cut(
    wire: Wire,
    stream: Streamer,
    body: Callable[[Answer], JsonObject],
    answer: Answer,
    data: st.DataObject,
) -> None:
    """Item for item the same, and the response too."""
    whole = stream(answer, data)
    assert streamed(wire, data.draw(cuts(whole))) == streamed(wire, whole)


ODD = sse(
    chat_chunk({"content": "é\u2028🦀"}),
    "{bad",
    {"what": 1},
    chat_chunk({"content": 7}),
    done=False,
)
CALLS = sse(
    chat_chunk({"tool_calls": [{"function": {"name": "a", "arguments": '{"é":"}"}'}}]}),
    chat_chunk({"tool_calls": [{"function": {"name": "b", "arguments": "{}"}}]}, "stop"),
    line_end="\r\n",
)


@pytest.mark.parametrize("body", [ODD, CALLS, ODD + CALLS, ODD + b"event: error\ndata: {}\n\n"])
def test_at_every_single_cut(body: bytes) -> None:
    """Two pieces, and one byte at a time: bad frames and errors included."""
    whole = streamed(CHAT, body)
    for at in range(len(body)):
        assert streamed(CHAT, (body[:at], body[at:])) == whole
    assert streamed(CHAT, (bytes([byte]) for byte in body)) == whole


# calls ----------------------------------------------------------------------------------------


@given(json_objects, json_objects, st.data())
@some
def test_interleaved_calls_do_not_mix(x: JsonObject, y: JsonObject, data: st.DataObject) -> None:
    """Told by index, two calls may come in any order of their pieces."""
    first, second = (
        [CallFragment(index, f"call-{index}", name)]
        + [CallFragment(index, arguments=p) for p in data.draw(cuts(compact(arguments)))]
        for index, (name, arguments) in enumerate((("a", x), ("b", y)))
    )
    assembled = parts()
    items = list(assembled.feed_all([*data.draw(merges(first, second)), End()]))
    made = {call.name: call.arguments for call in assembled.response().message.tool_calls}
    assert made == {"a": x, "b": y}
    told = {item.internal_call_id for item in items if isinstance(item, ToolCallDelta)}
    assert len(told) == 2


@given(json_objects, st.data())
@example({"a": '"}'}, None)
@example({"a": "\\"}, None)
@some
def test_arguments_are_whole_at_their_end_and_never_before(
    arguments: JsonObject, data: st.DataObject | None
) -> None:
    """However they are cut, in or out of strings and escapes."""
    text = json.dumps(arguments)
    pieces = list(text) if data is None else data.draw(cuts(text))
    call, left = OpenCall("ours"), len(text)
    for piece in pieces:
        for _ in call.take(CallFragment(arguments=piece)):
            pass
        left -= len(piece)
        assert call.whole == (left == 0)


def steps_of(work: Callable[[], object]) -> int:
    """How many lines, calls and returns Python and C went through; time does not count."""
    steps = 0

    def step(frame: FrameType, what: str, arg: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        work()
    finally:
        sys.setprofile(before)
    return steps


@pytest.mark.parametrize("piece", ['{"a":', "}", "x", '"', "\\", "[]", "{}"])
def test_telling_whole_arguments_is_linear(piece: str) -> None:
    """Twice the pieces are twice the work, also when every one might be the last."""

    def assemble(count: int) -> Callable[[], object]:
        fragments: list[RawEvent] = [CallFragment(0, "a", "add", '{"a":[')]
        fragments += [CallFragment(0, arguments=piece) for _ in range(count)]
        return lambda: list(parts().feed_all(fragments))

    once, twice = steps_of(assemble(500)), steps_of(assemble(1000))
    assert twice < 2.2 * once


# what else `Parts` promises -------------------------------------------------------------------


def test_a_reader_in_a_hurry_may_append_text_itself() -> None:
    """`open_text` is what `feed` would have appended to."""
    usual, hurried = parts(), parts()
    for assembled in (usual, hurried):
        assert list(assembled.feed(Text("Hel"))) == [Text("Hel")]
    assert list(usual.feed(Text("lo"))) == [Text("lo")]
    assert hurried.open_text is not None
    hurried.open_text.add("lo")
    for assembled in (usual, hurried):
        list(assembled.feed(CallFragment(0, "a", "add", "{}")))
        assert assembled.open_text is None
        list(assembled.feed(Text("!")))
    assert usual.response() == hurried.response()
    assert usual.response().text == "Hello!"


@given(st.lists(st.text(max_size=3), max_size=40), st.integers(1, 5))
def test_a_folded_text_is_the_same(words: list[str], every: int) -> None:
    """However often its pieces are joined on the way."""
    written, pieces = Written(), words * 100
    for number, word in enumerate(pieces):
        written.add(word)
        if number % every == 0:
            written.fold()
    assert written.text() == "".join(pieces)


def test_the_response_can_be_asked_for_at_any_time() -> None:
    """It holds what was fed so far; a call that is not whole is not in it."""
    assembled = parts()
    assert assembled.response() == CompletionResponse(message=assembled.response().message)
    list(assembled.feed(Text("Hello")))
    list(assembled.feed(CallFragment(0, "a", "add", '{"x":')))
    assert assembled.response().text == "Hello"
    assert assembled.response().message.tool_calls == ()
    list(assembled.feed(CallFragment(0, arguments="1}")))
    assert [call.arguments for call in assembled.response().message.tool_calls] == [{"x": 1}]
    assert not assembled.ended


# anything at all ------------------------------------------------------------------------------

CHUNK = chat_chunk(
    {
        "content": "a",
        "reasoning_content": "b",
        "reasoning_details": [{"type": "reasoning.text", "text": "c", "index": 0}],
        "tool_calls": [{"index": 0, "id": "d", "function": {"name": "e", "arguments": "{}"}}],
        "function_call": {"name": "f", "arguments": "{}"},
    },
    "stop",
    usage={"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}},
    x_groq={"usage": {"prompt_tokens": 1}},
    error=None,
)
RESPONSE = responses_body(Answer("a", "b", (("c", {"x": 1}),)))
EVENTS = [
    event("response.created", response=RESPONSE),
    *(
        event(f"response.output_item.{what}", output_index=index, item=item)
        for index, item in enumerate(output_of(Answer("a", "b", (("c", {"x": 1}),))))
        for what in ("added", "done")
    ),
    *(event(kind, output_index=0, item_id="x", delta="y") for kind in DELTAS.values()),
    event("response.failed", response={"error": {"code": "a", "message": "b"}}),
    event("error", error={"code": "a", "message": "b"}),
    event("response.incomplete", response={**RESPONSE, "incomplete_details": {"reason": "x"}}),
]


@given(replacements(CHUNK))
@settings(max_examples=150, deadline=None)
def test_no_chat_chunk_breaks_the_decoder(chunk: Json) -> None:
    """Whatever is in it: items, defects or an error, and the answer around it."""
    hello = chat_chunk({"content": "Hello"})
    _, response = streamed(CHAT, sse(hello, chunk, hello, chat_chunk({}, "stop")))
    assert response.text.startswith("Hello")


@given(st.lists(st.sampled_from(EVENTS).flatmap(replacements), max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_event_breaks_the_responses_decoder(events: list[Json]) -> None:
    """Whatever is in it, and in whatever order."""
    streamed(RESPONSES, sse(*events, EVENTS[-1], done=False))


@pytest.mark.parametrize("wire", [CHAT, RESPONSES], ids=["chat", "responses"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_body_breaks_a_decoder(wire: Wire, data: st.DataObject) -> None:
    """It is an answer, or one of our errors."""
    usual: Json = RESPONSE if wire is RESPONSES else chat_message(CHUNK["choices"], usage=USAGE)
    body = data.draw(replacements(usual))
    with contextlib.suppress(ProviderError):
        at_once(wire, body)


@given(st.one_of(st.text(), json_objects.map(compact), replacements(EVENTS[-2]).map(compact)))
@settings(max_examples=150, deadline=None)
def test_no_error_body_breaks_the_error(body: str) -> None:
    """There is always one, and it has something to say."""
    error = CHAT.decode_error(body, 500)
    assert isinstance(error, ProviderError)
    assert error.status is not None
    assert error.message
