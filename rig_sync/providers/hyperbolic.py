"""Hyperbolic.

Source: https://docs.hyperbolic.xyz/docs/rest-api
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["DEEPSEEK_R1", "LLAMA_3_1_8B", "LLAMA_3_3_70B", "QWEN_2_5_72B", "Client"]

LLAMA_3_3_70B = "meta-llama/Llama-3.3-70B-Instruct"
LLAMA_3_1_8B = "meta-llama/Meta-Llama-3.1-8B-Instruct"
DEEPSEEK_R1 = "deepseek-ai/DeepSeek-R1"
QWEN_2_5_72B = "Qwen/Qwen2.5-72B-Instruct"


class Client(BaseClient):
    """Hyperbolic: open models."""

    name = "hyperbolic"
    default_base_url = "https://api.hyperbolic.xyz/v1"
    api_key_env = "HYPERBOLIC_API_KEY"
    base_url_env = "HYPERBOLIC_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat()
