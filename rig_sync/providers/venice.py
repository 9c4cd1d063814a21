"""Venice.

Source: https://docs.venice.ai/api-reference
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = [
    "GLM_5_2",
    "MISTRAL_SMALL_2603",
    "QWEN3_5_9B",
    "TEXT_EMBEDDING_BGE_M3",
    "VENICE_UNCENSORED_1_2",
    "Client",
]

GLM_5_2 = "zai-org-glm-5-2"
QWEN3_5_9B = "qwen3-5-9b"
VENICE_UNCENSORED_1_2 = "venice-uncensored-1-2"
MISTRAL_SMALL_2603 = "mistral-small-2603"
TEXT_EMBEDDING_BGE_M3 = "text-embedding-bge-m3"


class Client(BaseClient):
    """Venice."""

    name = "venice"
    default_base_url = "https://api.venice.ai/api/v1"
    api_key_env = "VENICE_API_KEY"
    base_url_env = "VENICE_BASE_URL"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
