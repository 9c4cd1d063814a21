"""mirascope: a model's `stream`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from benchmarks.stacks import Words

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its chunks."""
    llm = importlib.import_module("mirascope.llm")
    llm.register_provider(
        "openai:completions", scope="openai/", api_key="sk-benchmark", base_url=f"{url}/v1"
    )
    model = llm.model("openai/m")

    def stream() -> Iterator[str]:
        for chunk in model.stream("Hi").chunk_stream():
            if chunk.type == "text_chunk" and chunk.delta:
                yield chunk.delta

    return stream
