"""Which wire encodes for a provider: that of its row, so that the rows are what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from rig_sync.client import Client
from rig_sync.providers import client_class, provider_names
from rig_sync.wire.base import Wire
from tests.wire.fidelity import WIRES
from tests.wire.roundtrip.anthropic_messages import AnthropicReader
from tests.wire.roundtrip.bedrock_converse import BedrockReader
from tests.wire.roundtrip.cohere_chat import CohereReader
from tests.wire.roundtrip.gemini_generate import GeminiReader
from tests.wire.roundtrip.gemini_interactions import InteractionsReader
from tests.wire.roundtrip.ollama_chat import OllamaReader
from tests.wire.roundtrip.openai_chat import ChatReader
from tests.wire.roundtrip.openai_responses import ResponsesReader
from tests.wire.roundtrip.reader import Reader

__all__ = ["READERS", "wire_of"]

READERS: dict[str, Reader] = {
    "anthropic.messages": AnthropicReader(),
    "bedrock.converse": BedrockReader(),
    "cohere.chat": CohereReader(),
    "gemini.generate": GeminiReader(),
    "gemini.interactions": InteractionsReader(),
    "ollama.chat": OllamaReader(),
    "openai.chat": ChatReader(),
    "openai.responses": ResponsesReader(),
}
"""Family -> what reads its requests."""

OTHER_APIS = ("completions_api", "responses_api")
"""Methods of a client that put it on another wire."""


@cache
def wire_of(family: str, provider: str) -> Wire:
    """The wire of the provider's row, if it has one of this family; else the family's as it is."""
    name = family.replace(".", "_")
    if provider in provider_names():
        for wire in _wires(client_class(provider)):
            if wire.name == name:
                return wire
    return WIRES[family]("/")


def _wires(row: type[Client]) -> Iterator[Wire]:
    if hasattr(row, "wire"):
        yield row.wire
    for method in OTHER_APIS:
        if hasattr(row, method):
            with row("key", base_url="http://127.0.0.1") as client:
                yield getattr(client, method)().wire
