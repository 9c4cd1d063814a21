"""Voyage AI: embeddings alone.

Source: https://docs.voyageai.com/reference/embeddings-api
"""

from __future__ import annotations

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["VOYAGE_3_5", "VOYAGE_3_5_LITE", "VOYAGE_3_LARGE", "VOYAGE_CODE_3", "Client"]

VOYAGE_3_5 = "voyage-3.5"
VOYAGE_3_5_LITE = "voyage-3.5-lite"
VOYAGE_3_LARGE = "voyage-3-large"
VOYAGE_CODE_3 = "voyage-code-3"


class Client(BaseClient):
    """Voyage AI. `input_type` is `query` or `document`."""

    name = "voyage"
    default_base_url = "https://api.voyageai.com/v1"
    api_key_env = "VOYAGE_API_KEY"
    base_url_env = "VOYAGE_BASE_URL"
    capabilities = Capabilities(
        completion=False,
        tools=False,
        tool_choice=False,
        reasoning=False,
        structured_output=False,
        images=False,
        audio=False,
        video=False,
        documents=False,
        native_output_with_tools=False,
    )
    embeddings = OpenAIEmbeddings(
        batch=1000, dimensions_field="output_dimension", input_type_field="input_type"
    )
    wire = OpenAIChat()  # of its errors; it completes nothing
