"""Mirascope's model."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, Ask, Seen

__all__ = ["run", "text", "tools"]

DISTRIBUTION = "mirascope"
NEEDS = ("mirascope.llm", "openai")
OWN = ("mirascope", "openai")
HOW = (
    '`llm.register_provider("openai:completions", scope="openai/", base_url=)`, '
    "`llm.model(...).stream(...)`; calls: `response.tool_calls`; runs: `execute_tools()` and "
    "`resume(...)`, as its docs loop. It has no timeout to set; the provider's public `client` was "
    "replaced by one with `timeout=` and `max_retries=0`"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its chunks."""
    _read(ask, seen, _ask(ask, []))


def tools(ask: Ask, seen: Seen) -> None:
    """The calls of its response."""
    response = _ask(ask, _tools(seen))
    _read(ask, seen, response)
    seen.calls = []
    for call in response.tool_calls:
        seen.call(call.name, call.args, call.id)


def run(ask: Ask, seen: Seen) -> None:
    """The loop of its docs."""
    response = _ask(ask, _tools(seen))
    _read(ask, seen, response)
    while response.tool_calls:
        response = response.resume(response.execute_tools())
        _read(ask, seen, response)


def _read(ask: Ask, seen: Seen, response: Any) -> None:
    for chunk in response.chunk_stream():
        if chunk.type == "text_chunk" and seen.say(chunk.delta) and ask.leaves:
            return
    reason = response.finish_reason
    seen.finish = None if reason is None else str(getattr(reason, "value", reason))
    if response.usage is not None:
        seen.count(response.usage.input_tokens, response.usage.output_tokens)


def _tools(seen: Seen) -> list[Any]:
    llm = importlib.import_module("mirascope.llm")

    def add(x: int, y: int) -> str:
        """Add."""
        seen.ran.append(f"add {x} {y}")
        return "3"

    def sub(z: int) -> str:
        """Subtract."""
        return "3"

    def now() -> str:
        """Tell the time."""
        return "3"

    return [llm.tool(one) for one in (add, sub, now)]


def _ask(ask: Ask, offered: list[Any]) -> Any:
    llm = importlib.import_module("mirascope.llm")
    openai = importlib.import_module("openai")
    provider = llm.register_provider(
        "openai:completions", scope="openai/", api_key="sk-torture", base_url=ask.url
    )
    provider.client = openai.OpenAI(
        api_key="sk-torture", base_url=ask.url, timeout=ask.idle, max_retries=0
    )
    KEPT.append(provider)
    return llm.model("openai/torture").stream(PROMPT, tools=offered or None)
