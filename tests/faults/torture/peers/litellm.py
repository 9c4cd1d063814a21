"""LiteLLM's `completion`."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import PROMPT, Ask, Seen
from tests.faults.torture.peers.openai_raw import tool_params

__all__ = ["text", "tools"]

DISTRIBUTION = "litellm"
NEEDS = ("litellm",)
OWN = ("litellm", "openai")
HOW = (
    '`litellm.completion("openai/…", stream=True, timeout=, stream_timeout=, num_retries=0, '
    "max_retries=0)`; calls: `stream_chunk_builder(chunks)`"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its chunks."""
    _read(ask, seen)


def tools(ask: Ask, seen: Seen) -> None:
    """The calls that its builder makes of the chunks."""
    builder = importlib.import_module("litellm").stream_chunk_builder
    whole = builder(_read(ask, seen, tools=tool_params()))
    seen.calls = []
    for call in (whole.choices[0].message.tool_calls or []) if whole is not None else []:
        seen.call(call.function.name, call.function.arguments, call.id)


def _read(ask: Ask, seen: Seen, **more: Any) -> list[Any]:
    chunks = []
    for chunk in importlib.import_module("litellm").completion(
        model="openai/torture",
        api_base=ask.url,
        api_key="sk-torture",
        messages=[{"role": "user", "content": PROMPT}],
        stream=True,
        stream_options={"include_usage": True},
        timeout=ask.idle,
        stream_timeout=ask.idle,
        num_retries=0,
        max_retries=0,
        **more,
    ):
        chunks.append(chunk)
        usage = getattr(chunk, "usage", None)
        if usage:
            seen.count(usage.prompt_tokens, usage.completion_tokens)
        for choice in chunk.choices[:1]:
            seen.finish = choice.finish_reason or seen.finish
            if seen.say(choice.delta.content) and ask.leaves:
                return chunks
    return chunks
