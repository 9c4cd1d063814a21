"""smolagents: a model's `generate_stream`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from benchmarks.stacks import Words

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its deltas."""
    model = importlib.import_module("smolagents").OpenAIModel(
        "m",
        api_base=f"{url}/v1",
        api_key="sk-benchmark",
        client_kwargs={"max_retries": 0},
    )
    question = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]

    def stream() -> Iterator[str]:
        for delta in model.generate_stream(question):
            if delta.content:
                yield delta.content

    return stream
