"""openai: `create(stream=True)`, the helper that puts together, and Responses."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from benchmarks.stacks import Words

__all__ = ["QUESTION", "create", "deltas", "responses", "stream"]

QUESTION = [{"role": "user", "content": "Hi"}]


def create(url: str) -> Words:
    """The loop of its README."""
    completions = _client(url).chat.completions
    return lambda: deltas(completions.create(model="m", messages=QUESTION, stream=True))


def stream(url: str) -> Words:
    """`with completions.stream(...)`: events and a message."""
    completions = _client(url).chat.completions

    def words() -> Iterator[str]:
        with completions.stream(model="m", messages=QUESTION) as events:
            for event in events:
                if event.type == "content.delta" and event.delta:
                    yield event.delta
            events.get_final_completion()

    return words


def responses(url: str) -> Words:
    """`responses.create(stream=True)`."""
    client = _client(url)

    def words() -> Iterator[str]:
        for event in client.responses.create(model="m", input="Hi", stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta

    return words


def deltas(chunks: Any) -> Iterator[str]:
    """The texts of chunks of its shape, which several stacks hand over."""
    for chunk in chunks:
        for choice in chunk.choices or []:
            if choice.delta.content:
                yield choice.delta.content


def _client(url: str) -> Any:
    openai = importlib.import_module("openai")
    return openai.OpenAI(api_key="sk-benchmark", base_url=f"{url}/v1", max_retries=0)
