"""Crusoe Cloud.

Source: https://docs.crusoecloud.com
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["GPT_OSS_120B", "LLAMA_3_3_70B", "Client"]

LLAMA_3_3_70B = "meta-llama/Llama-3.3-70B-Instruct"
GPT_OSS_120B = "openai/gpt-oss-120b"


class Client(BaseClient):
    """Crusoe's managed inference: open models."""

    name = "crusoe"
    default_base_url = "https://api.inference.crusoecloud.com/v1"
    api_key_env = "CRUSOE_API_KEY"
    base_url_env = "CRUSOE_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning")
