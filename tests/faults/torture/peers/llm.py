"""Simon Willison's LLM, as a library."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, TOOLS, Ask, Seen, schema_of

__all__ = ["run", "text", "tools"]

DISTRIBUTION = "llm"
NEEDS = ("llm",)
OWN = ("llm", "openai")
HOW = (
    "`Chat(..., api_base=)` as in `extra-openai-models.yaml`, `model.prompt(...)`; calls: "
    "`response.tool_calls()`; runs: `model.chain(..., tools=[...])`. It has no timeout to set: the "
    "OpenAI SDK's 600 s hold"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its response, iterated."""
    _read(ask, seen, _model(ask).prompt(PROMPT, key="sk-torture"))


def tools(ask: Ask, seen: Seen) -> None:
    """The calls of its response."""
    tool = importlib.import_module("llm").Tool
    offered = [tool(name=name, description=name, input_schema=schema_of(name)) for name in TOOLS]
    response = _model(ask).prompt(PROMPT, key="sk-torture", tools=offered)
    _read(ask, seen, response)
    seen.calls = []
    for call in response.tool_calls():
        seen.call(call.name, call.arguments, call.tool_call_id)


def run(ask: Ask, seen: Seen) -> None:
    """Its chain."""

    def add(x: int, y: int) -> str:
        """Add."""
        seen.ran.append(f"add {x} {y}")
        return "3"

    for words in _model(ask).chain(PROMPT, tools=[add], key="sk-torture"):
        seen.say(words)


def _read(ask: Ask, seen: Seen, response: Any) -> None:
    for words in response:
        if seen.say(words) and ask.leaves:
            return
    usage = response.usage()
    if usage.input is not None or usage.output is not None:
        seen.count(usage.input, usage.output)


def _model(ask: Ask) -> Any:
    chat = importlib.import_module("llm.default_plugins.openai_models").Chat
    model = chat("torture", model_name="torture", api_base=ask.url, supports_tools=True)
    KEPT.append(model)
    return model
