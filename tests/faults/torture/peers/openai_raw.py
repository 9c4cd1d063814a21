"""The OpenAI SDK, chunk by chunk."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, TOOLS, Ask, Seen, schema_of

__all__ = ["fill_in", "text", "tool_params", "tools"]

DISTRIBUTION = "openai"
NEEDS = ("openai",)
OWN = ("openai",)
HOW = "`client.chat.completions.create(stream=True)`, `timeout=`, `max_retries=0`; left by `break`"


def text(ask: Ask, seen: Seen) -> None:
    """The loop of its README."""
    fill_in(ask, seen, _create(ask))


def tools(ask: Ask, seen: Seen) -> None:
    """The same with tools; their pieces are the caller's to join."""
    fill_in(ask, seen, _create(ask, tools=tool_params()))


def _create(ask: Ask, **more: Any) -> Any:
    openai = importlib.import_module("openai")
    client = openai.OpenAI(api_key="sk-torture", base_url=ask.url, timeout=ask.idle, max_retries=0)
    KEPT.append(client)
    return client.chat.completions.create(
        model="torture",
        messages=[{"role": "user", "content": PROMPT}],
        stream=True,
        stream_options={"include_usage": True},
        **more,
    )


def fill_in(ask: Ask, seen: Seen, chunks: Any) -> None:
    """Note what is in chunks of OpenAI's shape: what several SDKs hand over."""
    for chunk in chunks:
        if chunk.usage:
            seen.count(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            if choice.index:  # of a second answer, for which a loop has to look
                continue
            seen.finish = choice.finish_reason or seen.finish
            if choice.delta and seen.say(choice.delta.content) and ask.leaves:
                return


def tool_params() -> list[dict[str, Any]]:
    """The tools, as the API takes them."""
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": name,
                "parameters": schema_of(name),
                "strict": True,
            },
        }
        for name in TOOLS
    ]
