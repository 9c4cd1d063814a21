"""Values go to JSON and back, pickle, and keep payloads out of their repr."""

from __future__ import annotations

import pickle
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rig_sync
from rig_sync import (
    Audio,
    CompletionCall,
    CompletionRequest,
    CompletionResponse,
    ConfigError,
    Delta,
    Document,
    FinalResponse,
    FinishReason,
    IdleTimeout,
    Image,
    Message,
    ModelTurnRetried,
    MultiTurnStreamItem,
    Name,
    OutputSchema,
    ProviderBlock,
    RateLimited,
    Reasoning,
    ReasoningDelta,
    ReasoningOptions,
    RigError,
    RunPending,
    StreamAssistantItem,
    StreamError,
    StreamFinal,
    StreamUserItem,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolDefinition,
    ToolExecutionCommitted,
    ToolExecutionStarted,
    ToolProgress,
    ToolResult,
    Unknown,
    Usage,
    Video,
    assistant,
    dump_item,
    dump_messages,
    load_item,
    load_messages,
    system,
    user,
)
from rig_sync.completion import ResponseIds
from rig_sync.message import (
    ReasoningEncrypted,
    ReasoningRedacted,
    ReasoningSummary,
    ReasoningText,
    unanswered_calls,
)
from rig_sync.output import PartialJson

CALL = ToolCall("c1", "add", {"a": [1, {"b": None}]}, item_id="fc_1")
BLOCK = ProviderBlock("tool_reference", {"tool_name": "secret"}, "anthropic_messages")
RESULT = ToolResult("c1", (Text("2"), Image(url="https://example.com/a.png"), BLOCK), "add")
THOUGHT = Reasoning(
    (
        ReasoningText("hm", "signature"),
        ReasoningSummary("thought"),
        ReasoningEncrypted("gAAA"),
        ReasoningRedacted("EroB"),
    ),
    "rs_1",
)
HISTORY: list[Message] = [
    system("Be kind."),
    user(
        "Look:",
        Image.from_bytes(b"\x89PNG", "image/png"),
        Audio.from_bytes(b"RIFF", "audio/wav"),
        Video.from_bytes(b"film", "video/mp4"),
        Document.from_bytes(b"%PDF", "application/pdf", "a.pdf"),
        Document(text="plain", name="b.txt"),
        BLOCK,
    ),
    assistant(THOUGHT, Text("I see.", {"id": "msg_1", "phase": "final_answer"}), CALL),
    user(RESULT),
]
FINAL = FinalResponse("Two.", Usage(output_tokens=1), tuple(HISTORY), (CompletionCall(1),))
ITEMS: list[MultiTurnStreamItem] = [
    StreamAssistantItem(Text("a")),
    StreamAssistantItem(ToolCallDelta("call_0", Name("add"))),
    StreamAssistantItem(ToolCallDelta("call_0", Delta('{"a"'))),
    StreamAssistantItem(CALL),
    StreamAssistantItem(ReasoningDelta("hm", "rs_1")),
    StreamAssistantItem(THOUGHT),
    StreamAssistantItem(StreamFinal(Usage(1, 2), FinishReason("stop", "stop"), raw={"id": "x"})),
    StreamAssistantItem(Unknown("news", {"a": 1})),
    StreamUserItem(RESULT, "call_0"),
    ToolExecutionStarted(CALL, "call_0"),
    ToolExecutionCommitted(CALL, "call_0"),
    CompletionCall(1, Usage(1, 2), FinishReason("length", "length"), ResponseIds("r"), "m"),
    ModelTurnRetried(2),
    ToolProgress(CALL, StreamAssistantItem(Text("a")), "call_0"),
    ToolProgress(CALL, "half way"),
    RunPending((CALL,), (CALL,)),
    FINAL,
]


def test_a_history_goes_to_json_and_back() -> None:
    """Every kind of message and content comes back equal, each with its tag."""
    data = dump_messages(HISTORY)
    assert load_messages(data) == HISTORY
    for tag in (b'"role":"system"', b'"type":"tool_result"', b'"type":"redacted"'):
        assert tag in data


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(item).__name__)
def test_an_item_goes_to_json_and_back(item: MultiTurnStreamItem) -> None:
    """So does every item of a stream, and it pickles."""
    assert load_item(dump_item(item)) == item
    assert pickle.loads(pickle.dumps(item)) == item


def test_a_partial_answer_can_be_told() -> None:
    """What is there of it, for a page that shows it."""
    partial = PartialJson().feed('{"name": "Ad')
    assert partial is not None
    assert dump_item(partial) == b'{"type":"partial","value":{"name":"Ad"},"complete":false}'


def test_every_kind_of_item_is_tested() -> None:
    """The table above has every member of the union, but the error that has its own test."""
    assert {type(item) for item in ITEMS} | {StreamError} == set(get_args(MultiTurnStreamItem))


def test_an_error_item_tells_in_json_what_can_be_told() -> None:
    """Kind, words and facts come back; the partial answer and the traceback do not."""
    error = RateLimited("slow down", provider="openai", status=429, retry_after=2.0)
    loaded = load_item(dump_item(StreamError(error)))
    assert isinstance(loaded, StreamError)
    assert isinstance(loaded.error, RateLimited)
    assert str(loaded.error) == str(error)
    assert loaded.error.retry_after == 2.0


@pytest.mark.parametrize(
    "value",
    [
        CompletionRequest(
            "m",
            tuple(HISTORY),
            preamble="Be brief.",
            documents=(Document(text="x"),),
            tools=(ToolDefinition("add", "Adds.", {"type": "object"}),),
            tool_choice=ToolChoice("specific", ("add",)),
            reasoning=ReasoningOptions("low"),
            output_schema=OutputSchema("answer", {"type": "object"}),
            additional_params={"k": [1]},
        ),
        CompletionResponse(
            assistant("Hi"), Usage(1), FinishReason("other", "paused"), raw={"a": 1}
        ),
        Usage(1, 2, 3, 4, 5, 6),
        FinishReason("other", "paused"),
        ToolDefinition("add", "Adds.", {"type": "object"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_requests_and_responses_go_to_json_and_back(value: object) -> None:
    """So do the values of one model call, each with its tag."""
    data = msgspec.json.encode(value)
    assert msgspec.json.decode(data, type=type(value)) == value
    assert data.startswith(b'{"type":"')
    assert pickle.loads(pickle.dumps(value)) == value


def kinds_of_errors() -> list[type[RigError]]:
    found = [getattr(rig_sync, name) for name in rig_sync.__all__]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, RigError)]


@pytest.mark.parametrize("kind", kinds_of_errors(), ids=lambda kind: kind.__name__)
def test_every_error_pickles(kind: type[RigError]) -> None:
    """With its attributes, as a process pool needs it."""
    error = kind("what happened")
    error.partial = CompletionResponse(assistant("so far"))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.partial) == (str(error), error.partial)


def test_the_error_tree_is_as_documented() -> None:
    """The classes that users catch sit where the documentation says."""
    assert issubclass(IdleTimeout, rig_sync.StreamTimeout)
    assert issubclass(rig_sync.StreamTimeout, rig_sync.TransportError)
    assert issubclass(RateLimited, rig_sync.ProviderError)
    assert issubclass(rig_sync.ContextLengthExceeded, rig_sync.BadRequest)
    assert not issubclass(ConfigError, rig_sync.ProviderError)


def test_payloads_stay_out_of_repr() -> None:
    """Logs of values do not fill with base64, secrets or model output of unknown shape."""
    shown = repr([*HISTORY, *ITEMS])
    for payload in ("gAAA", "EroB", "iVBORw", "UklGRg", "secret"):
        assert payload not in shown


counts = st.none() | st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts, counts)


@given(usages, usages, usages)
def test_usage_adds_up(a: Usage, b: Usage, c: Usage) -> None:
    """In any order and grouping; what nobody reported stays unknown."""
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a


def test_unanswered_calls_are_found() -> None:
    """A call counts until a later message has its result."""
    assert unanswered_calls(HISTORY) == []
    assert unanswered_calls(HISTORY[:-1]) == [CALL]


def test_a_result_tells_its_parts() -> None:
    """Words in one, and all else in order."""
    assert RESULT.text == "2"
    assert RESULT.media == (Image(url="https://example.com/a.png"), BLOCK)


def test_a_message_tells_its_parts() -> None:
    """Text, thoughts and calls of an assistant's message, each in order."""
    message = HISTORY[2]
    assert isinstance(message, rig_sync.AssistantMessage)
    assert (message.text, message.tool_calls) == ("I see.", (CALL,))
    assert message.reasoning[0].text == "hm\n\nthought"
    assert (message.reasoning[0].signature, message.reasoning[0].encrypted) == ("signature", "gAAA")
