"""litellm: `completion(stream=True)`."""

from __future__ import annotations

import importlib

from benchmarks.stacks import Words
from benchmarks.stacks.openai_sdk import QUESTION, deltas

__all__ = ["chat"]


def chat(url: str) -> Words:
    """The texts of its chunks."""
    completion = importlib.import_module("litellm").completion
    return lambda: deltas(
        completion(
            model="openai/m",
            api_base=f"{url}/v1",
            api_key="sk-benchmark",
            messages=QUESTION,
            stream=True,
            num_retries=0,
            max_retries=0,
        )
    )
