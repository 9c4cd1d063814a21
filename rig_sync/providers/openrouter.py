"""OpenRouter: one key for the models of many providers.

Source: https://openrouter.ai/docs/api-reference/overview
"""

from __future__ import annotations

from msgspec import structs

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import reasoning_object

__all__ = [
    "CLAUDE_SONNET_4_6",
    "GEMINI_3_FLASH",
    "GPT_5_5",
    "PERPLEXITY_SONAR_PRO",
    "QWEN_QWQ_32B",
    "Client",
]

CLAUDE_SONNET_4_6 = "anthropic/claude-sonnet-4.6"
GPT_5_5 = "openai/gpt-5.5"
GEMINI_3_FLASH = "google/gemini-3-flash-preview"
QWEN_QWQ_32B = "qwen/qwq-32b"
PERPLEXITY_SONAR_PRO = "perplexity/sonar-pro"


class Client(BaseClient):
    """OpenRouter. `headers={"HTTP-Referer": …, "X-Title": …}` names your app there."""

    name = "openrouter"
    default_base_url = "https://openrouter.ai/api/v1"
    api_key_env = "OPENROUTER_API_KEY"
    base_url_env = "OPENROUTER_BASE_URL"
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_details", reasoning=reasoning_object)

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """Those of OpenAI call tools beside a schema."""
        composes = model.startswith("openai/gpt-") and not model.startswith("openai/gpt-oss")
        return structs.replace(cls.capabilities, native_output_with_tools=composes)
