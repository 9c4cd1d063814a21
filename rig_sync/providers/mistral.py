"""Mistral.

Source: https://docs.mistral.ai/api
"""

from __future__ import annotations

from rig_sync._json import JsonObject
from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.completion import CompletionRequest
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = [
    "CODESTRAL",
    "MISTRAL_EMBED",
    "MISTRAL_LARGE",
    "MISTRAL_MEDIUM",
    "MISTRAL_SMALL",
    "PIXTRAL_LARGE",
    "Client",
]

CODESTRAL = "codestral-latest"
MISTRAL_EMBED = "mistral-embed"
MISTRAL_LARGE = "mistral-large-latest"
MISTRAL_MEDIUM = "mistral-medium-latest"
MISTRAL_SMALL = "mistral-small-latest"
PIXTRAL_LARGE = "pixtral-large-latest"


def _renamed_seed(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """Mistral's word for the seed."""
    del request
    return {("random_seed" if name == "seed" else name): value for name, value in body.items()}


class Client(BaseClient):
    """Mistral."""

    name = "mistral"
    default_base_url = "https://api.mistral.ai/v1"
    api_key_env = "MISTRAL_API_KEY"
    base_url_env = "MISTRAL_BASE_URL"
    capabilities = Capabilities(video=False, native_output_with_tools=False)
    embeddings = OpenAIEmbeddings(batch=128, dimensions_field="output_dimension")
    listing = ModelListing()
    wire = OpenAIChat(
        include_usage=False,
        required_word="any",
        reasoning_field="content",
        adapt=_renamed_seed,
    )
