"""Hugging Face's smolagents."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, TOOLS, Ask, Seen

__all__ = ["run", "text", "tools"]

DISTRIBUTION = "smolagents"
NEEDS = ("smolagents", "openai")
OWN = ("smolagents", "openai")
HOW = (
    '`OpenAIModel(client_kwargs={"timeout": …, "max_retries": 0}).generate_stream(...)`; calls: '
    "`agglomerate_stream_deltas(...)`; runs: `ToolCallingAgent(stream_outputs=True)`"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its deltas."""
    _read(ask, seen, _model(ask).generate_stream(_messages()))


def tools(ask: Ask, seen: Seen) -> None:
    """The calls that its own function makes of the deltas."""
    smolagents = importlib.import_module("smolagents")
    offered = [_tool(smolagents, name, parameters, seen) for name, parameters in TOOLS.items()]
    stream = _model(ask).generate_stream(_messages(), tools_to_call_from=offered)
    deltas = _read(ask, seen, stream)
    join = importlib.import_module("smolagents.models").agglomerate_stream_deltas
    seen.calls = []
    for call in join(deltas).tool_calls or []:
        seen.call(call.function.name, call.function.arguments, call.id)


def run(ask: Ask, seen: Seen) -> None:
    """Its agent."""
    smolagents = importlib.import_module("smolagents")
    add = _tool(smolagents, "add", TOOLS["add"], seen)
    agent = smolagents.ToolCallingAgent(
        tools=[add], model=_model(ask), stream_outputs=True, max_steps=1
    )
    for _ in agent.run(PROMPT, stream=True):
        if seen.ran:  # its runs end by a call of a tool of its own, which is no part of this
            return


def _read(ask: Ask, seen: Seen, stream: Any) -> list[Any]:
    deltas = []
    for delta in stream:
        deltas.append(delta)
        if delta.token_usage:
            seen.count(delta.token_usage.input_tokens, delta.token_usage.output_tokens)
        if seen.say(delta.content) and ask.leaves:
            break
    return deltas


def _messages() -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]


def _tool(smolagents: Any, name: str, parameters: tuple[str, ...], seen: Seen) -> Any:
    def forward(self: Any, **arguments: Any) -> str:
        seen.ran.append(" ".join([name, *map(str, arguments.values())]))
        return "3"

    fields = {
        "name": name,
        "description": name,
        "inputs": {key: {"type": "integer", "description": key} for key in parameters},
        "output_type": "string",
        "forward": forward,
        "skip_forward_signature_validation": True,
    }
    return type(name.title(), (smolagents.Tool,), fields)()


def _model(ask: Ask) -> Any:
    model = importlib.import_module("smolagents").OpenAIModel(
        "torture",
        api_base=ask.url,
        api_key="sk-torture",
        client_kwargs={"timeout": ask.idle, "max_retries": 0},
    )
    KEPT.append(model)
    return model
