"""Z.ai.

Source: https://docs.z.ai/api-reference/llm/chat-completion
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import thinking_switch

__all__ = ["GLM_4_5", "GLM_4_5V", "GLM_4_5_AIR", "GLM_4_6", "Client"]

GLM_4_6 = "glm-4.6"
GLM_4_5 = "glm-4.5"
GLM_4_5_AIR = "glm-4.5-air"
GLM_4_5V = "glm-4.5v"


class Client(BaseClient):
    """Z.ai (GLM)."""

    name = "zai"
    default_base_url = "https://api.z.ai/api/paas/v4"
    api_key_env = "ZAI_API_KEY"
    base_url_env = "ZAI_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content", reasoning=thinking_switch)
