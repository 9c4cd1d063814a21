"""Pydantic AI, its synchronous side."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, TOOLS, Ask, Seen, schema_of

__all__ = ["run", "text", "tools"]

DISTRIBUTION = "pydantic-ai-slim"
NEEDS = ("pydantic_ai", "openai")
OWN = ("pydantic_ai", "openai")
HOW = (
    "`direct.model_request_stream_sync(OpenAIChatModel(...), ...)` in a `with`, the settings "
    "`timeout` and `first_event_timeout`, `AsyncOpenAI(max_retries=0)`; calls: of "
    "`stream.response`; runs: `agent.run_stream_sync(...)`"
)


def text(ask: Ask, seen: Seen) -> None:
    """The events of one request."""
    _read(ask, seen)


def tools(ask: Ask, seen: Seen) -> None:
    """The calls of the response that its parts manager makes."""
    definition = importlib.import_module("pydantic_ai.tools").ToolDefinition
    parameters = importlib.import_module("pydantic_ai.models").ModelRequestParameters
    offered = [
        definition(name=name, description=name, parameters_json_schema=schema_of(name))
        for name in TOOLS
    ]
    seen.calls = []
    _read(ask, seen, model_request_parameters=parameters(function_tools=offered))


def run(ask: Ask, seen: Seen) -> None:
    """Its agent."""
    agent = importlib.import_module("pydantic_ai").Agent(_model(ask))

    def add(x: int, y: int) -> str:
        """Add."""
        seen.ran.append(f"add {x} {y}")
        return "3"

    agent.tool_plain(add)
    with agent.run_stream_sync(PROMPT) as result:
        for words in result.stream_text(delta=True):
            seen.say(words)


def _read(ask: Ask, seen: Seen, **more: Any) -> None:
    pydantic_ai = importlib.import_module("pydantic_ai")
    stream_sync = importlib.import_module("pydantic_ai.direct").model_request_stream_sync
    question = [pydantic_ai.ModelRequest.user_text_prompt(PROMPT)]
    with stream_sync(_model(ask), question, **more) as stream:
        for event in stream:
            words = ""
            if event.event_kind == "part_start" and event.part.part_kind == "text":
                words = event.part.content
            elif event.event_kind == "part_delta" and event.delta.part_delta_kind == "text":
                words = event.delta.content_delta
            if seen.say(words) and ask.leaves:
                return
        response = stream.response
    seen.finish = response.finish_reason
    if response.usage.has_values():
        seen.count(response.usage.input_tokens, response.usage.output_tokens)
    for part in response.parts:
        if part.part_kind == "tool-call":
            seen.call(part.tool_name, part.args, part.tool_call_id)


def _model(ask: Ask) -> Any:
    openai = importlib.import_module("openai")
    models = importlib.import_module("pydantic_ai.models.openai")
    provider = importlib.import_module("pydantic_ai.providers.openai").OpenAIProvider
    client = openai.AsyncOpenAI(api_key="sk-torture", base_url=ask.url, max_retries=0)
    KEPT.append(client)
    return models.OpenAIChatModel(
        "torture",
        provider=provider(openai_client=client),
        settings={"timeout": ask.idle, "first_event_timeout": ask.first},
    )
