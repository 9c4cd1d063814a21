"""DeepSeek.

Source: https://api-docs.deepseek.com
"""

from __future__ import annotations

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import thinking_switch

__all__ = ["DEEPSEEK_CHAT", "DEEPSEEK_REASONER", "DEEPSEEK_V4_FLASH", "DEEPSEEK_V4_PRO", "Client"]

DEEPSEEK_CHAT = "deepseek-chat"
DEEPSEEK_REASONER = "deepseek-reasoner"
DEEPSEEK_V4_FLASH = "deepseek-v4-flash"
DEEPSEEK_V4_PRO = "deepseek-v4-pro"


class Client(BaseClient):
    """DeepSeek. Its thoughts go back with the calls that they led to, as it asks."""

    name = "deepseek"
    default_base_url = "https://api.deepseek.com"
    api_key_env = "DEEPSEEK_API_KEY"
    base_url_env = "DEEPSEEK_BASE_URL"
    capabilities = Capabilities(
        structured_output=False,
        images=False,
        audio=False,
        video=False,
        documents=False,
        native_output_with_tools=False,
    )
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content", reasoning=thinking_switch)
