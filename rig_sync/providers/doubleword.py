"""Doubleword.

Source: https://docs.doubleword.ai
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = [
    "DEEPSEEK_V4_FLASH",
    "GPT_OSS_20B",
    "QWEN3_5_9B",
    "QWEN3_6_35B_A3B",
    "QWEN3_EMBEDDING_8B",
    "Client",
]

QWEN3_5_9B = "Qwen/Qwen3.5-9B"
QWEN3_6_35B_A3B = "Qwen/Qwen3.6-35B-A3B-FP8"
GPT_OSS_20B = "openai/gpt-oss-20b"
DEEPSEEK_V4_FLASH = "deepseek-ai/DeepSeek-V4-Flash"
QWEN3_EMBEDDING_8B = "Qwen/Qwen3-Embedding-8B"


class Client(BaseClient):
    """Doubleword: open models."""

    name = "doubleword"
    default_base_url = "https://api.doubleword.ai/v1"
    api_key_env = "DOUBLEWORD_API_KEY"
    base_url_env = "DOUBLEWORD_BASE_URL"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
