"""Fireworks AI.

Source: https://docs.fireworks.ai/api-reference/post-chatcompletions
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["DEEPSEEK_V3_1", "GPT_OSS_120B", "KIMI_K2", "Client"]

DEEPSEEK_V3_1 = "accounts/fireworks/models/deepseek-v3p1"
GPT_OSS_120B = "accounts/fireworks/models/gpt-oss-120b"
KIMI_K2 = "accounts/fireworks/models/kimi-k2-instruct"


class Client(BaseClient):
    """Fireworks AI: open models."""

    name = "fireworks"
    default_base_url = "https://api.fireworks.ai/inference/v1"
    api_key_env = "FIREWORKS_API_KEY"
    base_url_env = "FIREWORKS_BASE_URL"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
