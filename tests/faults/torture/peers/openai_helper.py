"""The OpenAI SDK, by its helper that assembles."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, Ask, Seen
from tests.faults.torture.peers.openai_raw import tool_params

__all__ = ["text", "tools"]

DISTRIBUTION = "openai"
NEEDS = ("openai",)
OWN = ("openai",)
HOW = (
    "`with client.chat.completions.stream(...)`: its events, then `get_final_completion()`; "
    "`timeout=`, `max_retries=0`"
)


def text(ask: Ask, seen: Seen) -> None:
    """As its `helpers.md` shows."""
    _read(ask, seen)


def tools(ask: Ask, seen: Seen) -> None:
    """The calls of the final completion."""
    seen.calls = []
    _read(ask, seen, tools=tool_params())


def _read(ask: Ask, seen: Seen, **more: Any) -> None:
    openai = importlib.import_module("openai")
    client = openai.OpenAI(api_key="sk-torture", base_url=ask.url, timeout=ask.idle, max_retries=0)
    KEPT.append(client)
    with client.chat.completions.stream(
        model="torture",
        messages=[{"role": "user", "content": PROMPT}],
        stream_options={"include_usage": True},
        **more,
    ) as stream:
        for event in stream:
            if event.type == "content.delta" and seen.say(event.delta) and ask.leaves:
                return
        completion = stream.get_final_completion()
    if completion.usage:
        seen.count(completion.usage.prompt_tokens, completion.usage.completion_tokens)
    choice = completion.choices[0]
    seen.finish = choice.finish_reason
    for call in choice.message.tool_calls or []:
        seen.call(call.function.name, call.function.arguments, call.id)
