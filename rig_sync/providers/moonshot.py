"""Moonshot AI.

Source: https://platform.moonshot.ai/docs/api/chat
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import thinking_switch

__all__ = ["KIMI_K2", "KIMI_K2_5", "MOONSHOT_CHAT", "Client"]

KIMI_K2 = "kimi-k2"
KIMI_K2_5 = "kimi-k2.5"
MOONSHOT_CHAT = "moonshot-v1-128k"


class Client(BaseClient):
    """Moonshot AI (Kimi)."""

    name = "moonshot"
    default_base_url = "https://api.moonshot.ai/v1"
    api_key_env = "MOONSHOT_API_KEY"
    base_url_env = "MOONSHOT_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content", reasoning=thinking_switch)
