"""Mira.

Source: https://docs.mira.network
"""

from __future__ import annotations

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["CLAUDE_3_5_SONNET", "GPT_4O", "Client"]

GPT_4O = "gpt-4o"
CLAUDE_3_5_SONNET = "claude-3.5-sonnet"


class Client(BaseClient):
    """Mira: many models behind one address."""

    name = "mira"
    default_base_url = "https://api.mira.network/v1"
    api_key_env = "MIRA_API_KEY"
    base_url_env = "MIRA_BASE_URL"
    capabilities = Capabilities(
        tools=False,
        tool_choice=False,
        structured_output=False,
        images=False,
        audio=False,
        video=False,
        documents=False,
        native_output_with_tools=False,
    )
    listing = ModelListing()
    wire = OpenAIChat(include_usage=False)
