"""The public API as a type checker sees it; mypy reads this file, nobody runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rig_sync import (
    Agent,
    AgentStream,
    CompletionModel,
    CompletionResponse,
    FinalResponse,
    MultiTurnStreamItem,
    Prompt,
    StreamAssistantItem,
    StreamedAssistantContent,
    StreamError,
    StreamingCompletion,
    StreamingCompletionResponse,
    Text,
    ToolCall,
    Usage,
    assistant,
    stream_to_stdout,
    tool,
    user,
)
from rig_sync.providers import openai

if TYPE_CHECKING:
    from typing_extensions import assert_type


@tool
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


def one_shot(agent: Agent) -> None:
    assert_type(agent.prompt("Hi"), FinalResponse)
    assert_type(agent.chat("Hi", [user("a"), assistant("b")], max_turns=2), FinalResponse)
    assert_type(agent.prompt("Hi").usage, Usage)
    agent.prompt("Hi", max_turn=2)  # type: ignore[call-arg]


def streamed(agent: Agent) -> Iterator[str]:
    with agent.stream_prompt("Hi", raise_errors="all") as stream:
        assert_type(stream, AgentStream)
        for item in stream:
            assert_type(item, MultiTurnStreamItem)
            match item:
                case StreamAssistantItem(Text(text)):
                    assert_type(text, str)
                    yield text
                case StreamAssistantItem(ToolCall(name=name)):
                    yield name
                case StreamError(error):
                    raise error
                case _:
                    pass


def low_level(model: CompletionModel) -> None:
    stream = model.stream_completion("Hi").temperature(0.5).stream()
    assert_type(stream, StreamingCompletionResponse)
    for content in stream:
        assert_type(content, StreamedAssistantContent)
    assert_type(model.completion("Hi").send(), CompletionResponse)
    assert_type(stream_to_stdout(stream), CompletionResponse)


def protocols(agent: Agent, model: CompletionModel) -> None:
    def ask(one: Prompt, low: StreamingCompletion) -> None:
        one.prompt("Hi")
        low.stream_completion("Hi")

    ask(agent, model)
    ask(agent, agent)
    ask(model, model)  # type: ignore[arg-type]


def tools(client: openai.Client) -> None:
    assert_type(add(1, b=2), int)
    add("1")  # type: ignore[arg-type]
    assert_type(client.agent("m").tool(add).tools([add]).build(), Agent)
    assert_type(openai.Client.from_env(), openai.Client)
    openai.Client("key", base_urls="x")  # type: ignore[call-arg]
