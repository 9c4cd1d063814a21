"""Cohere.

Source: https://docs.cohere.com/reference/about
"""

from __future__ import annotations

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.cohere_chat import CohereChat
from rig_sync.wire.embeddings import CohereEmbeddings
from rig_sync.wire.listing import ModelListing

__all__ = [
    "COMMAND_A_03_2025",
    "COMMAND_A_PLUS_05_2026",
    "COMMAND_A_REASONING_08_2025",
    "COMMAND_A_VISION_07_2025",
    "COMMAND_R7B_12_2024",
    "EMBED_V4",
    "Client",
]

COMMAND_A_PLUS_05_2026 = "command-a-plus-05-2026"
COMMAND_A_03_2025 = "command-a-03-2025"
COMMAND_A_REASONING_08_2025 = "command-a-reasoning-08-2025"
COMMAND_A_VISION_07_2025 = "command-a-vision-07-2025"
COMMAND_R7B_12_2024 = "command-r7b-12-2024"
EMBED_V4 = "embed-v4.0"


class Client(BaseClient):
    """Cohere; the key is sent as a bearer token."""

    name = "cohere"
    default_base_url = "https://api.cohere.com"
    api_key_env = "COHERE_API_KEY"
    base_url_env = "COHERE_BASE_URL"
    capabilities = Capabilities(
        audio=False, video=False, documents=False, native_output_with_tools=False
    )
    embeddings = CohereEmbeddings()
    listing = ModelListing(
        route="/v1/models?page_size=1000",
        ids=("name",),
        cursor="next_page_token",
        cursor_parameter="page_token",
    )
    wire = CohereChat()
