"""What has to be so of whatever a decoder makes of hostile input.

Each function raises nothing but what it says; anything else is a finding: a foreign exception, or
an `AssertionError` of ours.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rig_sync._json import JsonObject, is_deeper, to_json
from rig_sync.agent.items import FinalResponse, StreamAssistantItem, dump_item, load_item
from rig_sync.completion import CompletionRequest, CompletionResponse, ToolDefinition
from rig_sync.errors import ConfigError, RigError, StreamTruncated, error_fields, error_from_fields
from rig_sync.limits import Limits, exceeded
from rig_sync.message import (
    AssistantMessage,
    Message,
    Text,
    ToolResult,
    UserMessage,
    dump_messages,
    load_messages,
    user,
)
from rig_sync.streaming.items import StreamedAssistantContent, StreamError
from rig_sync.streaming.parts import Parts
from rig_sync.streaming.raw import RawEvent
from rig_sync.transport.framing import FrameSource
from rig_sync.wire.base import Frame, Wire
from rig_sync.wire.openai_chat import OpenAIChat
from tests.faults.fuzz.seeds import WIRES

__all__ = ["a_conversation", "an_answer", "an_error", "guarded", "guarded_frames"]

LIMITS = Limits()
ENCODERS: tuple[Wire, ...] = (
    *WIRES.values(),
    OpenAIChat(reasoning_field="reasoning_details"),
    OpenAIChat(reasoning_field="content"),
)
TOOLS = (ToolDefinition("f", "Does it.", {"type": "object"}),)


def guarded(text: str | bytes) -> None:
    """Raise `LimitExceeded` where a stream would, before anything is decoded."""
    if is_deeper(text, LIMITS.json_depth):
        raise exceeded(LIMITS, "json_depth", "the JSON of the answer is deeper")


def guarded_frames(source: FrameSource | Iterable[Frame]) -> Iterator[Frame]:
    """The frames, as far as they are not nested too deeply."""
    for frame in source:
        guarded(frame.data)
        yield frame


def an_answer(wire: str, events: Iterable[RawEvent]) -> CompletionResponse:
    """Put together what a decoder says, as a stream does, and look at all that a caller gets."""
    parts = Parts(wire, lambda: "ours", LIMITS)
    failure: RigError | None = None
    items: list[StreamedAssistantContent] = []
    try:
        for event in events:
            items += parts.feed(event)
            if parts.error is not None:
                break
        failure = parts.error
        if failure is None and not parts.ended:
            failure = StreamTruncated("the body ended before the answer did")
    except RigError as error:
        failure = error
    if failure is not None:
        try:
            items += parts.flush()
        except RigError as error:
            failure = error
    response = parts.response()
    for item in items:
        an_item(item)
    a_response(response)
    if failure is not None:
        failure.partial = response
        an_error(failure)
    return response


def an_item(item: StreamedAssistantContent) -> None:
    """It can be shown, and goes to JSON and back."""
    assert repr(item)
    assert isinstance(str(item), str)
    outer = item if isinstance(item, StreamError) else StreamAssistantItem(item)
    line = dump_item(outer)
    assert b"\n" not in line
    back = load_item(line)
    if isinstance(item, StreamError):
        an_error(item.error)
    else:
        assert back == outer


def an_error(error: RigError, most: float = 20_000) -> None:
    """It can be shown in at most so many characters, pickled and told in JSON."""
    assert isinstance(error, RigError)
    text = str(error)
    assert repr(error)
    assert len(text) < most
    text.encode()
    assert "".join(traceback.format_exception(error))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == text
    fields = msgspec.json.decode(to_json(error_fields(error)))
    assert type(error_from_fields(fields)) is type(error)


def a_response(response: CompletionResponse) -> None:
    """It goes to JSON and back, is pickled, and its message goes back over every wire."""
    assert repr(response)
    assert msgspec.json.decode(to_json(response), type=CompletionResponse) == response
    assert pickle.loads(pickle.dumps(response)) == response
    for count in (response.usage.input_tokens, response.usage.output_tokens):
        assert count is None or count >= 0
    assert response.usage + response.usage is not None
    a_history(response.message)


def a_history(message: AssistantMessage) -> None:
    """What was said is history that every wire sends, or refuses in words."""
    calls = message.tool_calls
    assert len({call.id for call in calls}) == len(calls)
    assert all(call.id and not (call.malformed is not None and call.arguments) for call in calls)
    results = tuple(ToolResult(call.id, (Text("1"),), call.name) for call in calls)
    messages: list[Message] = [user("Hi"), message, UserMessage((*results, Text("go on")))]
    assert load_messages(dump_messages(messages)) == messages
    final = FinalResponse(message.text, messages=tuple(messages))
    assert load_item(dump_item(final)) == final
    a_conversation(messages)


def a_conversation(messages: Sequence[Message], most: float = 20_000) -> None:
    """Every wire sends it, or refuses it, in at most so many characters."""
    request = CompletionRequest("m", tuple(messages), tools=TOOLS)
    for wire in ENCODERS:
        to_json(_encoded(wire, request, most)).decode()


def _encoded(wire: Wire, request: CompletionRequest, most: float) -> JsonObject:
    try:
        return wire.encode(request, stream=True)
    except ConfigError as error:
        an_error(error, most)
    return {}
