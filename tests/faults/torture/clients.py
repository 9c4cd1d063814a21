"""The clients of the table, in its order."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["CLIENTS", "OURS", "Client", "named"]


class Client(NamedTuple):
    """A client of the table.

    Attributes:
        module: In `peers`.
        title: The head of its column.
        distribution: What to install.
        how: How it was called.
        own: The packages whose exceptions a caller of it expects.
    """

    module: str
    title: str
    distribution: str
    how: str
    own: Sequence[str]


def _client(module: str, title: str) -> Client:
    code = importlib.import_module(f"tests.faults.torture.peers.{module}")
    return Client(module, title, code.DISTRIBUTION, code.HOW, code.OWN)


OURS = _client("rig", "rig_sync")

CLIENTS: tuple[Client, ...] = (
    OURS,
    _client("openai_raw", "openai"),
    _client("openai_helper", "openai helper"),
    _client("langchain", "langchain"),
    _client("litellm", "litellm"),
    _client("llm", "llm"),
    _client("smolagents", "smolagents"),
    _client("pydantic_ai", "pydantic-ai"),
    _client("mirascope", "mirascope"),
    _client("any_llm", "any-llm"),
    _client("agents", "agents"),
    _client("aisuite", "aisuite"),
)


def named(title: str) -> Client:
    """The client of that column."""
    return next(client for client in CLIENTS if client.title == title)
