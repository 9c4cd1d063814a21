"""LM Studio: models on your own machine.

Source: https://lmstudio.ai/docs/developer/openai-compat
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["Client"]


class Client(BaseClient):
    """LM Studio's server, by default at http://localhost:1234/v1; a key only if it wants one."""

    name = "lmstudio"
    default_base_url = "http://localhost:1234/v1"
    api_key_env = "LMSTUDIO_API_KEY"
    base_url_env = "LMSTUDIO_BASE_URL"
    key_required = False
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
