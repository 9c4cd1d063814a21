"""SambaNova Cloud.

Source: https://docs.sambanova.ai/docs/en/api-reference
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["DEEPSEEK_V3_1", "GPT_OSS_120B", "LLAMA_3_3_70B", "Client"]

LLAMA_3_3_70B = "Meta-Llama-3.3-70B-Instruct"
DEEPSEEK_V3_1 = "DeepSeek-V3.1"
GPT_OSS_120B = "gpt-oss-120b"


class Client(BaseClient):
    """SambaNova Cloud: open models, fast."""

    name = "sambanova"
    default_base_url = "https://api.sambanova.ai/v1"
    api_key_env = "SAMBANOVA_API_KEY"
    base_url_env = "SAMBANOVA_BASE_URL"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat()
