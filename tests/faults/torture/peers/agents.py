"""OpenAI's Agents SDK; it streams in an event loop only."""

from __future__ import annotations

import asyncio  # noqa: TID251 - this client has no other way
import importlib
import json
from typing import Any

from tests.faults.torture.asking import PROMPT, TOOLS, Ask, Seen, schema_of

__all__ = ["leave", "loop", "run", "text", "tools"]

DISTRIBUTION = "openai-agents"
NEEDS = ("agents", "openai")
OWN = ("agents", "openai")
HOW = (
    "`Runner.run_streamed(Agent(model=OpenAIChatCompletionsModel(...)), ...)` in `asyncio.run`, "
    "`AsyncOpenAI(timeout=, max_retries=0)`; calls: the items `tool_called`, with "
    '`tool_use_behavior="stop_on_first_tool"`'
)

leave = loop = None  # its streams are asynchronous alone, and end with their event loop


def text(ask: Ask, seen: Seen) -> None:
    """The events of a run without tools."""
    asyncio.run(_read(ask, seen, []))


def tools(ask: Ask, seen: Seen) -> None:
    """The calls that its run takes to the tools."""
    seen.calls = []
    offered = [_tool(name, seen) for name in TOOLS]
    asyncio.run(_read(ask, seen, offered, tool_use_behavior="stop_on_first_tool"))


def run(ask: Ask, seen: Seen) -> None:
    """A run with a tool."""
    asyncio.run(_read(ask, seen, [_tool("add", seen)]))


async def _read(ask: Ask, seen: Seen, offered: list[Any], **more: Any) -> None:
    agents = importlib.import_module("agents")
    openai = importlib.import_module("openai")
    client = openai.AsyncOpenAI(
        api_key="sk-torture", base_url=ask.url, timeout=ask.idle, max_retries=0
    )
    agents.set_tracing_disabled(True)
    agent = agents.Agent(
        name="torture",
        model=agents.OpenAIChatCompletionsModel("torture", client),
        model_settings=agents.ModelSettings(include_usage=True),
        tools=offered,
        **more,
    )
    result = agents.Runner.run_streamed(agent, PROMPT)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            seen.say(event.data.delta)
        elif event.type == "run_item_stream_event" and event.name == "tool_called":
            call = event.item.raw_item
            if seen.calls is not None:
                seen.call(call.name, call.arguments, call.call_id)
    usage = result.context_wrapper.usage
    if usage.input_tokens or usage.output_tokens:
        seen.count(usage.input_tokens, usage.output_tokens)


def _tool(name: str, seen: Seen) -> Any:
    async def invoke(context: Any, arguments: str) -> str:
        fields = json.loads(arguments or "{}")
        seen.ran.append(" ".join([name, *map(str, fields.values())]))
        return "3"

    return importlib.import_module("agents").FunctionTool(
        name=name,
        description=name,
        params_json_schema=schema_of(name),
        on_invoke_tool=invoke,
    )
