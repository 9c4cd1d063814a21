"""Writer.

Source: https://dev.writer.com/api-reference/completion-api/chat-completion
"""

from __future__ import annotations

from rig_sync.client import Client as BaseClient
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["PALMYRA_X4", "PALMYRA_X5", "Client"]

PALMYRA_X5 = "palmyra-x5"
PALMYRA_X4 = "palmyra-x4"


class Client(BaseClient):
    """Writer (Palmyra)."""

    name = "writer"
    default_base_url = "https://api.writer.com/v1"
    api_key_env = "WRITER_API_KEY"
    base_url_env = "WRITER_BASE_URL"
    listing = ModelListing()
    wire = OpenAIChat(route="/chat")
