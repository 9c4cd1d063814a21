"""The loop that a user would write, of requests, sseclient-py and json, as they document it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.stacks import Words

__all__ = ["anthropic", "calls", "chat", "gemini", "responses", "typed"]

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


def chat(url: str) -> Words:
    """Chat completions."""
    return _loop(f"{url}/v1/chat/completions", _chat)


def responses(url: str) -> Words:
    """OpenAI Responses."""
    return _loop(f"{url}/v1/responses", _responses)


def anthropic(url: str) -> Words:
    """Anthropic Messages."""
    return _loop(f"{url}/v1/messages", _anthropic)


def gemini(url: str) -> Words:
    """Gemini."""
    return _loop(f"{url}/v1beta/models/m:streamGenerateContent?alt=sse", _gemini)


def calls(url: str) -> Words:
    """The arguments of a tool, joined and read."""

    def pieces(event: Any) -> str | None:
        for call in event["choices"][0]["delta"].get("tool_calls") or ():
            arguments: str = call["function"]["arguments"]
            return arguments
        return None

    stream = _loop(f"{url}/v1/chat/completions", pieces)

    def run() -> Iterator[str]:
        yield json.loads("".join(stream()))["text"]

    return run


def typed(url: str) -> Words:
    """An object that grows, joined and read at its end."""
    stream = chat(url)

    def run() -> Iterator[str]:
        yield json.loads("".join(stream()))["text"]

    return run


def _chat(event: Any) -> str | None:
    if not event["choices"]:
        return None
    text: str | None = event["choices"][0]["delta"].get("content")
    return text


def _responses(event: Any) -> str | None:
    text: str | None = event["delta"] if event["type"] == "response.output_text.delta" else None
    return text


def _anthropic(event: Any) -> str | None:
    text: str | None = event["delta"]["text"] if event["type"] == "content_block_delta" else None
    return text


def _gemini(event: Any) -> str | None:
    text: str = event["candidates"][0]["content"]["parts"][0]["text"]
    return text


def _loop(url: str, text_of: Callable[[Any], str | None]) -> Words:
    sseclient = importlib.import_module("sseclient")
    session = importlib.import_module("requests").Session()

    def stream() -> Iterator[str]:
        with session.post(url, json=QUESTION, stream=True, timeout=60) as response:
            for event in sseclient.SSEClient(response.iter_content(None)).events():
                if event.data != "[DONE]":  # and on to the end: so the connection goes back
                    text = text_of(json.loads(event.data))
                    if text:
                        yield text

    return stream
