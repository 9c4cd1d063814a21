"""llm: a model's `prompt`, as a library."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from benchmarks.stacks import Words

__all__ = ["chat"]


def chat(url: str) -> Words:
    """Its response, iterated."""
    module = importlib.import_module("llm.default_plugins.openai_models")
    model = module.Chat("m", model_name="m", api_base=f"{url}/v1")

    def stream() -> Iterator[str]:
        for text in model.prompt("Hi", key="sk-benchmark"):
            if text:
                yield text

    return stream
