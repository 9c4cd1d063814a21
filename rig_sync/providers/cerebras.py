"""Cerebras.

Source: https://inference-docs.cerebras.ai/api-reference/chat-completions
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["GPT_OSS_120B", "LLAMA3_1_8B", "ZAI_GLM_4_7", "Client"]

LLAMA3_1_8B = "llama3.1-8b"
GPT_OSS_120B = "gpt-oss-120b"
ZAI_GLM_4_7 = "zai-glm-4.7"


class Client(BaseClient):
    """Cerebras: open models, fast."""

    name = "cerebras"
    default_base_url = "https://api.cerebras.ai/v1"
    api_key_env = "CEREBRAS_API_KEY"
    base_url_env = "CEREBRAS_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(max_tokens_field="max_completion_tokens", reasoning_field="reasoning")
