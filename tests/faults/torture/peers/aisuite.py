"""Andrew Ng's aisuite."""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.torture.asking import KEPT, PROMPT, Ask, Seen
from tests.faults.torture.peers.openai_raw import fill_in, tool_params

__all__ = ["text", "tools"]

DISTRIBUTION = "aisuite"
NEEDS = ("aisuite", "openai")
OWN = ("aisuite", "openai")
HOW = (
    '`Client({"openai": {"base_url": …, "timeout": …, "max_retries": 0}})`, '
    "`client.chat.completions.create(stream=True)`, chunks as they come"
)


def text(ask: Ask, seen: Seen) -> None:
    """Its chunks."""
    fill_in(ask, seen, _create(ask))


def tools(ask: Ask, seen: Seen) -> None:
    """The same with tools; their pieces are the caller's to join."""
    fill_in(ask, seen, _create(ask, tools=tool_params()))


def _create(ask: Ask, **more: Any) -> Any:
    config = {
        "api_key": "sk-torture",
        "base_url": ask.url,
        "timeout": ask.idle,
        "max_retries": 0,
    }
    client = importlib.import_module("aisuite").Client({"openai": config})
    KEPT.append(client)
    return client.chat.completions.create(
        model="openai:torture",
        messages=[{"role": "user", "content": PROMPT}],
        stream=True,
        stream_options={"include_usage": True},
        **more,
    )
