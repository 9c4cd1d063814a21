"""Groq.

Source: https://console.groq.com/docs/api-reference
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = [
    "GPT_OSS_20B",
    "GPT_OSS_120B",
    "LLAMA_3_1_8B_INSTANT",
    "LLAMA_3_3_70B_VERSATILE",
    "QWEN3_32B",
    "Client",
]

LLAMA_3_1_8B_INSTANT = "llama-3.1-8b-instant"
LLAMA_3_3_70B_VERSATILE = "llama-3.3-70b-versatile"
GPT_OSS_20B = "openai/gpt-oss-20b"
GPT_OSS_120B = "openai/gpt-oss-120b"
QWEN3_32B = "qwen/qwen3-32b"


class Client(BaseClient):
    """Groq: small open models, fast."""

    name = "groq"
    default_base_url = "https://api.groq.com/openai/v1"
    api_key_env = "GROQ_API_KEY"
    base_url_env = "GROQ_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(max_tokens_field="max_completion_tokens", reasoning_field="reasoning")
