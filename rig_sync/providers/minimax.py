"""MiniMax.

Source: https://platform.minimax.io/docs/api-reference/text-openai-api
"""

from __future__ import annotations

from rig_sync._json import JsonObject
from rig_sync.client import Client as BaseClient
from rig_sync.completion import CompletionRequest
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["MINIMAX_M2", "MINIMAX_M2_1", "MINIMAX_M2_5", "MINIMAX_M2_7", "Client"]

MINIMAX_M2 = "MiniMax-M2"
MINIMAX_M2_1 = "MiniMax-M2.1"
MINIMAX_M2_5 = "MiniMax-M2.5"
MINIMAX_M2_7 = "MiniMax-M2.7"


def _thoughts_apart(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """Ask for thoughts beside the answer; otherwise they stand in it, between `<think>` tags."""
    del request
    return {**body, "reasoning_split": True}


class Client(BaseClient):
    """MiniMax. Its thoughts come as `reasoning_details`, and go back."""

    name = "minimax"
    default_base_url = "https://api.minimax.io/v1"
    api_key_env = "MINIMAX_API_KEY"
    base_url_env = "MINIMAX_BASE_URL"
    wire = OpenAIChat(reasoning_field="reasoning_details", adapt=_thoughts_apart)
