"""pydantic-ai: `agent.run_stream_sync`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from benchmarks.stacks import Words

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its synchronous agent."""
    openai = importlib.import_module("openai")
    models = importlib.import_module("pydantic_ai.models.openai")
    provider = importlib.import_module("pydantic_ai.providers.openai").OpenAIProvider
    client = openai.AsyncOpenAI(api_key="sk-benchmark", base_url=f"{url}/v1", max_retries=0)
    model = models.OpenAIChatModel("m", provider=provider(openai_client=client))
    agent = importlib.import_module("pydantic_ai").Agent(model)

    def stream() -> Iterator[str]:
        with agent.run_stream_sync("Hi") as result:
            yield from result.stream_text(delta=True, debounce_by=None)

    return stream
