"""NVIDIA NIM.

Source: https://docs.api.nvidia.com/nim/reference/llm-apis
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["LLAMA_3_3_70B", "NEMOTRON_SUPER_49B", "NV_EMBEDQA_E5_V5", "Client"]

LLAMA_3_3_70B = "meta/llama-3.3-70b-instruct"
NEMOTRON_SUPER_49B = "nvidia/llama-3.3-nemotron-super-49b-v1.5"
NV_EMBEDQA_E5_V5 = "nvidia/nv-embedqa-e5-v5"


class Client(BaseClient):
    """NVIDIA's hosted models; `base_url` for a NIM container of your own."""

    name = "nvidia"
    default_base_url = "https://integrate.api.nvidia.com/v1"
    api_key_env = "NVIDIA_API_KEY"
    base_url_env = "NVIDIA_BASE_URL"
    embeddings = OpenAIEmbeddings(input_type_field="input_type")
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
