"""langchain-openai: `ChatOpenAI(...).stream`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from benchmarks.stacks import Words

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its chunks."""
    model = importlib.import_module("langchain_openai").ChatOpenAI(
        model="m", base_url=f"{url}/v1", api_key="sk-benchmark", max_retries=0
    )

    def stream() -> Iterator[str]:
        for chunk in model.stream("Hi"):
            if chunk.text:
                yield str(chunk.text)

    return stream
