"""LangChain's model of the OpenAI API, and its agent."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, Ask, Seen
from tests.faults.torture.peers.openai_raw import tool_params

__all__ = ["run", "text", "tools"]

DISTRIBUTION = "langchain-openai"
NEEDS = ("langchain_openai",)
OWN = ("langchain_openai", "langchain_core", "langchain", "openai")
HOW = (
    "`ChatOpenAI(timeout=, max_retries=0, stream_usage=True).stream(...)`, the chunks added up; "
    "calls: `.bind_tools(...)` and `.tool_calls` of the sum; runs: `langchain.agents.create_agent`"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its chunks."""
    _read(ask, seen, _model(ask))


def tools(ask: Ask, seen: Seen) -> None:
    """The calls of the sum of its chunks."""
    seen.calls = []
    _read(ask, seen, _model(ask).bind_tools(tool_params()))


def run(ask: Ask, seen: Seen) -> None:
    """Its agent."""

    def add(x: int, y: int) -> str:
        """Add."""
        seen.ran.append(f"add {x} {y}")
        return "3"

    create_agent = importlib.import_module("langchain.agents").create_agent
    agent = create_agent(_model(ask), tools=[add])
    question = {"messages": [{"role": "user", "content": PROMPT}]}
    for message, _ in agent.stream(question, stream_mode="messages"):
        if message.type == "AIMessageChunk":
            seen.say(message.text)


def _read(ask: Ask, seen: Seen, model: Any) -> None:
    whole: Any = None
    for chunk in model.stream(PROMPT):
        whole = chunk if whole is None else whole + chunk
        if seen.say(chunk.text) and ask.leaves:
            return
    seen.finish = whole.response_metadata.get("finish_reason")
    if whole.usage_metadata:
        usage = whole.usage_metadata
        seen.count(usage["input_tokens"], usage["output_tokens"])
    for call in [*whole.tool_calls, *whole.invalid_tool_calls]:
        seen.call(call["name"], call["args"], call["id"])


def _model(ask: Ask) -> Any:
    model = importlib.import_module("langchain_openai").ChatOpenAI(
        model="torture",
        base_url=ask.url,
        api_key="sk-torture",
        timeout=ask.idle,
        max_retries=0,
        stream_usage=True,
    )
    KEPT.append(model)
    return model
