"""xAI: the Responses API by default, as in Rig; chat completions by `completions_api()`.

Source: https://docs.x.ai/docs/api-reference
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses

__all__ = ["GROK_3", "GROK_3_MINI", "GROK_4", "GROK_4_FAST", "Client"]

GROK_3 = "grok-3"
GROK_3_MINI = "grok-3-mini"
GROK_4 = "grok-4-0709"
GROK_4_FAST = "grok-4-fast-reasoning"


class Client(BaseClient):
    """xAI (Grok)."""

    name = "xai"
    default_base_url = "https://api.x.ai/v1"
    api_key_env = "XAI_API_KEY"
    base_url_env = "XAI_BASE_URL"
    listing = ModelListing()
    wire = OpenAIResponses()

    def completions_api(self) -> Client:
        """The same client on chat completions; the two share their connections."""
        return self._on(OpenAIChat(reasoning_field="reasoning_content"))
