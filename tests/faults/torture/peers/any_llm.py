"""Mozilla's any-llm."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import PROMPT, Ask, Seen
from tests.faults.torture.peers.openai_raw import fill_in, tool_params

__all__ = ["text", "tools"]

DISTRIBUTION = "any-llm-sdk"
NEEDS = ("any_llm", "openai")
OWN = ("any_llm", "openai")
HOW = (
    '`any_llm.completion(provider="openai", stream=True, timeout=, '
    'client_args={"max_retries": 0})`, chunks as they come'
)


def text(ask: Ask, seen: Seen) -> None:
    """Its chunks."""
    fill_in(ask, seen, _create(ask))


def tools(ask: Ask, seen: Seen) -> None:
    """The same with tools; their pieces are the caller's to join."""
    fill_in(ask, seen, _create(ask, tools=tool_params()))


def _create(ask: Ask, **more: Any) -> Any:
    return importlib.import_module("any_llm").completion(
        model="torture",
        provider="openai",
        api_key="sk-torture",
        api_base=ask.url,
        messages=[{"role": "user", "content": PROMPT}],
        stream=True,
        stream_options={"include_usage": True},
        timeout=ask.idle,
        client_args={"max_retries": 0},
        **more,
    )
