"""The public API as a type checker sees it; mypy reads this file, nobody runs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from rig_sync import (
    Agent,
    AgentStream,
    CancelToken,
    CompletionModel,
    CompletionRequest,
    CompletionResponse,
    Extraction,
    Extractor,
    FinalResponse,
    HookContext,
    MultiTurnStreamItem,
    Partial,
    Prompt,
    RequestPatch,
    Skip,
    StreamAssistantItem,
    StreamedAssistantContent,
    StreamError,
    StreamingCompletion,
    StreamingCompletionResponse,
    Text,
    ToolCall,
    ToolCallEvent,
    ToolContext,
    TypedStream,
    Usage,
    assistant,
    hook,
    stream_to_stdout,
    tool,
    user,
)
from rig_sync._json import Json
from rig_sync.agent.typed import TypedItem
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


# typed answers -------------------------------------------------------------------------------


@dataclass
class Town:
    name: str


class Movie(TypedDict):
    title: str


def typed(agent: Agent) -> None:
    assert_type(agent.prompt_typed(Town, "Hi"), Town)
    assert_type(agent.prompt_typed(Movie, "Hi"), Movie)
    assert_type(agent.prompt_typed(list[str], "Hi"), list[str])
    assert_type(agent.prompt_typed(int, "Hi", output_mode="tool", output_retries=1), int)
    agent.prompt_typed(Town, "Hi", output_mode="xml")  # type: ignore[arg-type]
    agent.prompt("Hi", output_mode="tool")  # type: ignore[call-arg]
    # what is no class works, and is a type[T] to no checker: TypeForm is to come (PEP 747)
    agent.prompt_typed(Literal["a", "b"], "Hi")  # type: ignore[arg-type]
    agent.prompt_typed(int | None, "Hi")  # type: ignore[arg-type]


def typed_stream(agent: Agent) -> Iterator[Json]:
    with agent.stream_typed(Town, "Hi") as stream:
        assert_type(stream, TypedStream[Town])
        for item in stream:
            assert_type(item, TypedItem)
            if isinstance(item, Partial):
                yield item.value
        assert_type(stream.output, Town)
        assert_type(stream.partials(), Iterator[Partial])
        widened: TypedStream[object] = stream
    assert_type(agent.stream_typed(Town, widened.run).output, Town)


def extractors(client: openai.Client) -> None:
    extractor = client.extractor("m", Town, retries=1, temperature=0)
    assert_type(extractor, Extractor[Town])
    assert_type(extractor.extract("Hi"), Town)
    assert_type(extractor.extract_with_usage("Hi"), Extraction[Town])
    assert_type(extractor.stream("Hi"), TypedStream[Town])
    client.extractor("m", Town, retry=1)  # type: ignore[call-arg]


# hooks, tools and options --------------------------------------------------------------------


class Shop:
    prices: dict[str, int]


@tool
def price(context: ToolContext[Shop], name: str) -> int:
    """What it costs."""
    assert_type(context.deps, Shop)
    return context.deps.prices[name]


@hook.on_completion_call
def patched(context: HookContext, event: CompletionRequest) -> RequestPatch | None:
    return None if context.turn > 1 else RequestPatch(temperature=0)


@hook.on_tool_call
def skipped(_: HookContext, event: ToolCallEvent) -> Skip | None:
    return Skip("No.") if event.call.name == "pay" else None


@hook.on_tool_call  # type: ignore[arg-type]
def wrong(_: HookContext, event: CompletionRequest) -> Skip | None:
    return None if event.tools else Skip("No.")


def options(agent: Agent, model: CompletionModel) -> None:
    agent.prompt("Hi", hooks=[patched, skipped], using_model=model, deps=Shop())
    agent.prompt("Hi", cancel=CancelToken(), tool_concurrency=2, live_results=True, stream=True)
    agent.prompt("Hi", tool_concurrency="2")  # type: ignore[arg-type]
    Agent(model, tools=[agent, price, add], fallbacks=[model], hooks=[skipped])
    Agent(model, fallbacks=["m"])  # type: ignore[list-item]
