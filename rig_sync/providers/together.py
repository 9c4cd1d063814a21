"""Together AI.

Source: https://docs.together.ai/reference/chat-completions-1
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = [
    "BGE_LARGE_EN_V1_5",
    "DEEPSEEK_V3_1",
    "LLAMA_3_3_70B_INSTRUCT_TURBO",
    "QWEN2_5_72B_INSTRUCT_TURBO",
    "Client",
]

LLAMA_3_3_70B_INSTRUCT_TURBO = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
QWEN2_5_72B_INSTRUCT_TURBO = "Qwen/Qwen2.5-72B-Instruct-Turbo"
DEEPSEEK_V3_1 = "deepseek-ai/DeepSeek-V3.1"
BGE_LARGE_EN_V1_5 = "BAAI/bge-large-en-v1.5"


class Client(BaseClient):
    """Together AI: open models."""

    name = "together"
    default_base_url = "https://api.together.xyz/v1"
    api_key_env = "TOGETHER_API_KEY"
    base_url_env = "TOGETHER_BASE_URL"
    embeddings = OpenAIEmbeddings()
    wire = OpenAIChat(reasoning_field="reasoning")
