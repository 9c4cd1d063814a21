"""The agent over a real socket: turns, tools, results, usage; streamed and one-shot alike."""

from __future__ import annotations

import gc
import json
import traceback
import weakref
from typing import cast

import pytest

from rig_sync import (
    Agent,
    AgentRun,
    AgentStream,
    Chat,
    Completion,
    CompletionCall,
    ConfigError,
    FinalResponse,
    MaxTurnsExceeded,
    Prompt,
    PromptError,
    ServerError,
    StreamAssistantItem,
    StreamError,
    StreamingChat,
    StreamingCompletion,
    StreamingPrompt,
    StreamUserItem,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolExecutionCommitted,
    ToolExecutionStarted,
    ToolResult,
    UnknownToolCall,
    Usage,
    UserMessage,
    assistant,
    system,
    tool,
    user,
)
from rig_sync.agent.options import RunOptions
from rig_sync.agent.steps import NOT_RUN
from rig_sync.providers import anthropic
from rig_sync.streaming.handle import RaiseErrors
from tests.conftest import ModelFactory, ServerFactory
from tests.server import (
    Request,
    Script,
    call_chunks,
    chat_chunk,
    chat_chunks,
    error_response,
    response,
    sse_response,
)

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def whole(message: object, finish: str = "stop") -> Script:
    """A one-shot answer."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "chat-1", "model": "scripted", "choices": [choice], "usage": USAGE}
    return response(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


def calling(name: str, arguments: str) -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": "c0", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def sent(request: Request) -> dict[str, object]:
    return cast("dict[str, object]", request.json)


def test_one_prompt_comes_as_words_and_an_end(server: ServerFactory, model: ModelFactory) -> None:
    """Text items, the model call, the final response with usage and history."""
    served = server(sse_response(*chat_chunks("Once ", "upon.", usage=USAGE)))
    items = list(Agent(model(served)).stream_prompt("A story."))
    assert [item.content for item in items[:2] if isinstance(item, StreamAssistantItem)] == [
        Text("Once "),
        Text("upon."),
    ]
    call, final = items[-2:]
    assert isinstance(call, CompletionCall)
    assert (call.turn, call.usage.input_tokens, call.model) == (1, 10, "scripted")
    assert isinstance(final, FinalResponse)
    assert final.output == str(final) == "Once upon."
    assert final.usage == Usage(input_tokens=10, output_tokens=3, total_tokens=13)
    assert final.messages == (user("A story."), assistant("Once upon."))


def test_a_tool_is_run_and_its_result_goes_back(server: ServerFactory, model: ModelFactory) -> None:
    """Deltas, the call, start, commit, result in that order; the next request carries both."""
    served = server(
        sse_response(*call_chunks(("add", {"a": 1, "b": 2}))),
        sse_response(*chat_chunks("Three.", usage=USAGE)),
    )
    stream = Agent(model(served), tools=[add]).stream_prompt("What is 1 + 2?")
    items = list(stream)
    kinds = [type(i.content if isinstance(i, StreamAssistantItem) else i).__name__ for i in items]
    assert kinds == [
        "ToolCallDelta",
        "ToolCallDelta",
        "ToolCall",
        "StreamFinal",
        "CompletionCall",
        "ToolExecutionStarted",
        "ToolExecutionCommitted",
        "StreamUserItem",
        "Text",
        "StreamFinal",
        "CompletionCall",
        "FinalResponse",
    ]
    result = items[7]
    assert isinstance(result, StreamUserItem)
    assert result.content == ToolResult("c0", (Text("3"),), "add")
    internal = {
        found.internal_call_id
        for item in items
        for found in [item.content if isinstance(item, StreamAssistantItem) else item]
        if isinstance(
            found,
            (ToolCallDelta, ToolCall, ToolExecutionStarted, ToolExecutionCommitted, StreamUserItem),
        )
    }
    assert len(internal) == 1
    messages = cast("list[dict[str, object]]", sent(served.requests[1])["messages"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert (messages[2]["tool_call_id"], messages[2]["content"]) == ("c0", "3")
    assert stream.final is not None
    assert stream.messages == stream.final.messages


def test_streamed_and_one_shot_end_equal(server: ServerFactory, model: ModelFactory) -> None:
    """The same answers, as streams and as whole bodies, give equal histories."""
    streamed = server(
        sse_response(*call_chunks(("add", {"a": 1, "b": 2}))),
        sse_response(*chat_chunks("Three.", usage=USAGE)),
    )
    bodies = server(
        whole(calling("add", '{"a": 1, "b": 2}'), "tool_calls"),
        whole({"role": "assistant", "content": "Three."}),
    )
    by_stream = Agent(model(streamed), tools=[add]).prompt("What is 1 + 2?", stream=True)
    by_body = Agent(model(bodies), tools=[add]).prompt("What is 1 + 2?")
    assert by_stream.messages == by_body.messages
    assert by_stream.output == by_body.output == "Three."
    assert sent(bodies.requests[0]).get("stream") is None


def test_a_forced_tool_is_forced_once(server: ServerFactory, model: ModelFactory) -> None:
    """`required` holds for the first turn, or the model could never answer."""
    served = server(
        sse_response(*call_chunks(("add", {"a": 1, "b": 2}))), sse_response(*chat_chunks("3"))
    )
    agent = Agent(model(served), tools=[add], tool_choice=ToolChoice("required"))
    assert agent.prompt("Add.", stream=True).output == "3"
    assert [sent(one).get("tool_choice") for one in served.requests] == ["required", None]


def test_the_settings_go_out(server: ServerFactory, model: ModelFactory) -> None:
    """Every step of the builder is in the request; additional parameters win."""
    served = server(sse_response(*chat_chunks("Yes.")))
    agent = Agent(
        model(served),
        preamble="Be brief.",
        context=["Bolt is a robot."],
        temperature=0.5,
        max_tokens=7,
        additional_params={"temperature": 0.1, "top_k": 3},
    )
    history = [system("Be kind."), user("Hi"), assistant("Hello")]
    agent.chat("Who is Bolt?", history, stream=True)
    body = sent(served.requests[0])
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.1, 7, 3)
    messages = cast("list[dict[str, object]]", body["messages"])
    assert [message["content"] for message in messages] == [
        "Be brief.",
        [{"type": "text", "text": '<file name="context_0.txt">\nBolt is a robot.\n</file>'}],
        "Be kind.",
        "Hi",
        "Hello",
        "Who is Bolt?",
    ]


def test_a_tool_that_fails_speaks_to_the_model(server: ServerFactory, model: ModelFactory) -> None:
    """An exception becomes a result with its type and words; the run goes on."""

    def divide(a: int, b: int) -> float:
        """Divide two numbers."""
        return a / b

    served = server(
        sse_response(*call_chunks(("divide", {"a": 1, "b": 0}))), sse_response(*chat_chunks("No."))
    )
    items = list(Agent(model(served), tools=[divide]).stream_prompt("1 / 0?"))
    results = [item.content for item in items if isinstance(item, StreamUserItem)]
    assert [(one.text, one.is_error) for one in results] == [
        ("ZeroDivisionError: division by zero", True)
    ]


WRONG_OPTIONS: dict[str, tuple[object, str]] = {
    "pause": (True, "pause=True: give a PauseControl, or leave it out"),
    "cancel": (5, "cancel=5: give a CancelToken"),
    "timeouts": (30, "timeouts=30: give a Timeouts"),
    "output_mode": (
        "tool",
        "there is no option 'output_mode'; the options are: max_turns, .*stream$",
    ),
    "turns": (3, "there is no option 'turns'; the options are: max_turns, .*stream$"),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_options_that_cannot_be(server: ServerFactory, model: ModelFactory, name: str) -> None:
    """Refused before anything is sent, with what there is: here, and not for typed answers."""
    value, words = WRONG_OPTIONS[name]
    served = server()
    agent = Agent(model(served))
    options = cast(RunOptions, {name: value})
    for begin in (agent.prompt, agent.stream_prompt):
        with pytest.raises(ConfigError, match=words):
            begin("Hi", **options)
    for resume in (agent.resume, agent.stream_resume):
        with pytest.raises(ConfigError, match=words):
            resume(AgentRun([user("Hi")], 1), **options)
    assert served.requests == []


WRONG_PARTS: dict[str, tuple[object, str]] = {
    "dynamic_tools": ([add], "give a ToolIndex, or leave it out"),
    "tool_choice": ("required", "tool_choice='required': give a ToolChoice"),
    "fallbacks": (None, r"fallbacks=None: write `\[...\]` around it"),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_an_agent_that_cannot_be(server: ServerFactory, model: ModelFactory, name: str) -> None:
    """Refused where it is made."""
    value, words = WRONG_PARTS[name]
    with pytest.raises(ConfigError, match=words):
        Agent(model(server()), tools=[add], **{name: value})  # type: ignore[arg-type]  # on purpose


def test_an_unknown_tool_ends_the_run(server: ServerFactory, model: ModelFactory) -> None:
    """The error names the tool and the ones there are; its history is whole."""
    served = server(sse_response(*call_chunks(("subtract", {}))))
    stream = Agent(model(served), tools=[add]).stream_prompt("Subtract.")
    with pytest.raises(UnknownToolCall, match=r"'subtract'; the agent's tools are: add") as caught:
        list(stream)
    last = caught.value.history[-1]
    assert isinstance(last, UserMessage)
    assert [part.text for part in last.content if isinstance(part, ToolResult)] == [NOT_RUN]


def test_too_many_turns(server: ServerFactory, model: ModelFactory) -> None:
    """The run stops at `max_turns` with a history to go on from."""
    served = server(sse_response(*call_chunks(("add", {"a": 1, "b": 2}))))
    with pytest.raises(MaxTurnsExceeded) as caught:
        Agent(model(served), tools=[add]).prompt("Loop.", max_turns=2, stream=True)
    assert len(served.requests) == 2
    assert isinstance(caught.value.history[-1].content, tuple)


def test_a_cut_call_never_runs(server: ServerFactory, model: ModelFactory) -> None:
    """A length finish in the middle of the arguments: an error item, no call, no answer."""
    ran: list[int] = []

    def wipe(disk: int) -> str:
        """Wipe a disk."""
        ran.append(disk)
        return "gone"

    function = {"name": "wipe", "arguments": '{"disk": 1'}
    piece = chat_chunk({"tool_calls": [{"index": 0, "id": "c0", "function": function}]})
    served = server(sse_response(piece, *chat_chunks(finish="length")))
    stream = Agent(model(served), tools=[wipe]).stream_prompt("Wipe.", raise_errors="none")
    errors = [item.error for item in stream if isinstance(item, StreamError)]
    assert ran == []
    assert ["cut off" in str(error) for error in errors] == [True, False]
    assert isinstance(errors[1], PromptError)
    assert "raise max_tokens" in str(errors[1])


def test_the_six_protocols(server: ServerFactory, model: ModelFactory) -> None:
    """An agent is all six; a model has the last two."""
    served = server(sse_response(*chat_chunks("Hi.")))
    one = model(served)
    agent = Agent(one)
    agents_alone: list[type] = [Prompt, StreamingPrompt, Chat, StreamingChat]
    both: list[type] = [Completion, StreamingCompletion]
    assert all(isinstance(agent, protocol) for protocol in [*agents_alone, *both])
    assert [isinstance(one, protocol) for protocol in agents_alone] == [False] * 4
    assert all(isinstance(one, protocol) for protocol in both)


def test_the_low_level_interface(server: ServerFactory, model: ModelFactory) -> None:
    """A request is completed, streamed, and afterwards the stream has it all."""
    served = server(sse_response(*chat_chunks("Hel", "lo.", usage=USAGE)))
    agent = Agent(model(served), preamble="Be brief.")
    stream = agent.stream_completion("Hi", [user("a"), assistant("b")]).temperature(0.9).stream()
    assert [type(item).__name__ for item in stream] == ["Text", "Text", "StreamFinal"]
    assert stream.message == assistant("Hello.")
    assert stream.usage.output_tokens == 3
    assert stream.raw is not None
    assert stream.raw["id"] == "chat-1"
    assert sent(served.requests[0])["temperature"] == 0.9


def test_an_agent_stream_is_what_it_says(server: ServerFactory, model: ModelFactory) -> None:
    """The repr tells its state and none of its content."""
    served = server(sse_response(*chat_chunks("secret")))
    stream = Agent(model(served)).stream_prompt("Hi")
    assert repr(stream) == "AgentStream(not started)"
    assert isinstance(stream, AgentStream)
    assert list(stream.text_deltas()) == ["secret"]
    assert repr(stream) == "AgentStream(over)"


def anthropic_says(text: str, stop: str) -> Script:
    body = {"type": "message", "role": "assistant", "model": "m", "stop_reason": stop}
    content = [{"type": "text", "text": text}]
    whole = json.dumps({**body, "content": content, "usage": {"output_tokens": 1}})
    return response(200, {"Content-Type": "application/json"}, whole.encode())


def test_a_typed_answer_in_a_paused_turn(server: ServerFactory) -> None:
    """The answer is what was said before the pause and after it."""
    served = server(
        anthropic_says('{"value": [1, ', "pause_turn"), anthropic_says("2]}", "end_turn")
    )
    with anthropic.Client("key", base_url=served.url) as client:
        assert client.agent("claude-opus-4-5").build().prompt_typed(list[int], "Go.") == [1, 2]


def test_a_paused_turn_goes_on(server: ServerFactory) -> None:
    """What the provider paused goes back to it as it is, and the rest is added to it."""
    served = server(anthropic_says("Let me ", "pause_turn"), anthropic_says("see.", "end_turn"))
    with anthropic.Client("key", base_url=served.url) as client:
        final = client.agent("claude").build().prompt("Search.")
    assert final.output == "Let me see."
    assert [type(message).__name__ for message in final.messages] == [
        "UserMessage",
        "AssistantMessage",
    ]
    assert len(final.completion_calls) == 2
    asked = cast("dict[str, list[dict[str, object]]]", sent(served.requests[1]))
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize("raise_errors", ["terminal", "all", "none"])
def test_a_one_shot_call_raises(
    server: ServerFactory, model: ModelFactory, raise_errors: RaiseErrors
) -> None:
    """Whatever a stream would do: there are no items that could carry the error; nothing stays."""
    agent = Agent(model(server(error_response(500))))
    gc.collect()
    gc.disable()
    try:
        agent.prompt("Hi", raise_errors=raise_errors)
    except ServerError as error:
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert "fold" in frames
        held = weakref.ref(error)
    finally:
        gc.enable()
    assert held() is None
