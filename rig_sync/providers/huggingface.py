"""Hugging Face: its router to many inference providers.

Source: https://huggingface.co/docs/inference-providers
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["GEMMA_3_27B", "GPT_OSS_120B", "LLAMA_3_1_8B", "QWEN2_5_7B", "Client"]

GEMMA_3_27B = "google/gemma-3-27b-it"
LLAMA_3_1_8B = "meta-llama/Llama-3.1-8B-Instruct"
QWEN2_5_7B = "Qwen/Qwen2.5-7B-Instruct"
GPT_OSS_120B = "openai/gpt-oss-120b"


class Client(BaseClient):
    """Hugging Face. A model is called `owner/name`, or `owner/name:provider`."""

    name = "huggingface"
    default_base_url = "https://router.huggingface.co/v1"
    api_key_env = "HF_TOKEN"
    base_url_env = "HF_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat()
