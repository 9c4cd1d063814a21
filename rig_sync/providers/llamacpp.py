"""A running llama.cpp server (`llama-server`).

Source: https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["Client"]


class Client(BaseClient):
    """llama.cpp's own server, by default at http://localhost:8080/v1; a key only if it has one."""

    name = "llamacpp"
    default_base_url = "http://localhost:8080/v1"
    api_key_env = "LLAMACPP_API_KEY"
    base_url_env = "LLAMACPP_API_BASE_URL"
    key_required = False
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire = OpenAIChat(reasoning_field="reasoning_content")
