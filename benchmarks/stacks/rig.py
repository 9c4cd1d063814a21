"""rig_sync: the whole agent, with typed items, the message put together, usage, deadlines."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.stacks import Words


@dataclass
class Grown:
    """What `typed` reads."""

    text: str


__all__ = ["anthropic", "calls", "chat", "gemini", "responses", "typed"]


def chat(url: str) -> Words:
    """Chat completions, by `openai_compatible`."""
    return _agent(_client("openai_compatible", f"{url}/v1"))


def responses(url: str) -> Words:
    """OpenAI Responses."""
    return _agent(_client("openai", f"{url}/v1"))


def anthropic(url: str) -> Words:
    """Anthropic Messages."""
    return _agent(_client("anthropic", url))


def gemini(url: str) -> Words:
    """Gemini."""
    return _agent(_client("gemini", url))


def calls(url: str) -> Words:
    """One model call: its complete tool call."""
    root = importlib.import_module("rig_sync")
    model = _client("openai_compatible", f"{url}/v1").completion_model("m")
    note = root.ToolDefinition("note", "Note", {"type": "object", "properties": {"text": {}}})

    def stream() -> Iterator[str]:
        for item in model.stream_completion("Hi").tools(note).stream():
            if isinstance(item, root.ToolCall):
                yield item.arguments["text"]

    return stream


def typed(url: str) -> Words:
    """An object that grows: every hundredth partial value is looked at, and the whole one."""
    root = importlib.import_module("rig_sync")
    agent = _client("openai_compatible", f"{url}/v1").agent("m").build()

    def stream() -> Iterator[str]:
        text = ""
        partials = (one for one in agent.stream_typed(Grown, "Hi") if isinstance(one, root.Partial))
        for number, partial in enumerate(partials):
            if number % 100 == 0 or partial.complete:
                text = partial.value["text"]
        yield text

    return stream


def _client(provider: str, url: str) -> Any:
    module = importlib.import_module(f"rig_sync.providers.{provider}")
    return module.Client("sk-benchmark", base_url=url)


def _agent(client: Any) -> Words:
    root = importlib.import_module("rig_sync")
    agent = client.agent("m").build()
    said, kind = root.StreamAssistantItem, root.Text

    def stream() -> Iterator[str]:
        for item in agent.stream_prompt("Hi"):
            if isinstance(item, said) and isinstance(item.content, kind):
                yield item.content.text

    return stream
