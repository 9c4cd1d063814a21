"""Xiaomi MiMo.

Source: https://platform.xiaomimimo.com/docs
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import thinking_switch

__all__ = ["MIMO_V2_5", "MIMO_V2_5_PRO", "MIMO_V2_FLASH", "MIMO_V2_PRO", "Client"]

MIMO_V2_FLASH = "mimo-v2-flash"
MIMO_V2_PRO = "mimo-v2-pro"
MIMO_V2_5 = "mimo-v2.5"
MIMO_V2_5_PRO = "mimo-v2.5-pro"


class Client(BaseClient):
    """Xiaomi MiMo."""

    name = "xiaomimimo"
    default_base_url = "https://api.xiaomimimo.com/v1"
    api_key_env = "XIAOMI_MIMO_API_KEY"
    base_url_env = "XIAOMI_MIMO_BASE_URL"
    wire = OpenAIChat(
        max_tokens_field="max_completion_tokens",
        reasoning_field="reasoning_content",
        reasoning=thinking_switch,
    )
