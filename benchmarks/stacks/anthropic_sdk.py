"""anthropic: `create(stream=True)`, and the helper that puts together."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from benchmarks.stacks import Words

__all__ = ["create", "stream"]

QUESTION = {"model": "m", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hi"}]}


def create(url: str) -> Words:
    """Events as they come."""
    client = _client(url)

    def words() -> Iterator[str]:
        for event in client.messages.create(**QUESTION, stream=True):
            if event.type == "content_block_delta":
                yield event.delta.text

    return words


def stream(url: str) -> Words:
    """`with messages.stream(...)`: texts and a message."""
    client = _client(url)

    def words() -> Iterator[str]:
        with client.messages.stream(**QUESTION) as events:
            yield from events.text_stream
            events.get_final_message()

    return words


def _client(url: str) -> Any:
    anthropic = importlib.import_module("anthropic")
    return anthropic.Anthropic(api_key="sk-benchmark", base_url=url, max_retries=0)
