"""What `benchmarks.counts` counts: one part of the hot path, so many times; started by it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from benchmarks.feeds import frames, words

__all__ = ["EVENTS", "PARTS"]

EVENTS = 2_000
PIECE = 8_192  # bytes in one read, as the standard library buffers

Run: TypeAlias = Callable[[], int]
"""Does it once; returns the events that came out."""


def by_hand() -> Run:
    """Bytes of chat completions to dictionaries, by sseclient-py and json."""
    client = importlib.import_module("sseclient").SSEClient
    pieces = _pieces("chat")

    def run() -> int:
        read = (json.loads(one.data) for one in client(pieces).events() if one.data != "[DONE]")
        return sum(
            1 for chunk in read if chunk["choices"] and chunk["choices"][0]["delta"].get("content")
        )

    return run


def reading(module: str, decoder: str, wire: str) -> Run:
    """Bytes to raw events: the framing and the decoder of a wire."""
    framings = importlib.import_module("rig_sync.transport.framing").FRAMINGS
    text = importlib.import_module("rig_sync.message").Text
    decode = getattr(importlib.import_module(f"rig_sync.wire.{module}"), decoder)()
    pieces = _pieces(wire)

    def run() -> int:
        source = framings[decode.framing].cut(pieces, 1 << 24)
        return sum(1 for event in decode.decode_stream(source) if type(event) is text)

    return run


def agent(url: str) -> Run:
    """`agent.stream_prompt` over loopback: the request, both threads, every item."""
    root = importlib.import_module("rig_sync")
    providers = importlib.import_module("rig_sync.providers.openai_compatible")
    ours = providers.Client(base_url=url).agent("m").build()
    kind, text = root.StreamAssistantItem, root.Text
    return lambda: sum(
        1
        for item in ours.stream_prompt("Hi")
        if isinstance(item, kind) and isinstance(item.content, text)
    )


def _pieces(wire: str) -> list[bytes]:
    body = b"".join(frames(wire, words(EVENTS)))
    return [body[at : at + PIECE] for at in range(0, len(body), PIECE)]


PARTS: dict[str, Callable[..., Run]] = {
    "sseclient-py and json": by_hand,
    "chat": partial(reading, "openai_chat", "OpenAIChat", "chat"),
    "responses": partial(reading, "openai_responses", "OpenAIResponses", "responses"),
    "anthropic": partial(reading, "anthropic_messages", "AnthropicMessages", "anthropic"),
    "gemini": partial(reading, "gemini_generate", "GeminiGenerate", "gemini"),
    "agent": agent,
}
"""By name: what prepares it; `agent` is given the URL of a server that sends `EVENTS` words."""


def main() -> None:
    """`python -m benchmarks.hot PART TIMES [URL]`."""
    name, times, *rest = sys.argv[1:]
    run = PARTS[name](*rest)
    for _ in range(int(times)):
        if (came := run()) != EVENTS:
            raise SystemExit(f"{came} events came out of {name}, not {EVENTS}")


if __name__ == "__main__":
    main()
