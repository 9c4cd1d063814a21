"""vLLM: models on your own machines.

Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["Client"]


class Client(BaseClient):
    """vLLM's server, by default at http://localhost:8000/v1; a key only if it has one."""

    name = "vllm"
    default_base_url = "http://localhost:8000/v1"
    api_key_env = "VLLM_API_KEY"
    base_url_env = "VLLM_BASE_URL"
    key_required = False
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning")
