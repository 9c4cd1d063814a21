"""any-llm: `completion(stream=True)`."""

from __future__ import annotations

import importlib

from benchmarks.stacks import Words
from benchmarks.stacks.openai_sdk import QUESTION, deltas

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its chunks."""
    completion = importlib.import_module("any_llm").completion
    return lambda: deltas(
        completion(
            model="m",
            provider="openai",
            api_key="sk-benchmark",
            api_base=f"{url}/v1",
            messages=QUESTION,
            stream=True,
            client_args={"max_retries": 0},
        )
    )
