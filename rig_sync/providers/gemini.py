"""Google's Gemini API, with a key of AI Studio; Vertex AI is `vertex`.

Source: https://ai.google.dev/api
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import structs

from rig_sync.catalog import Capabilities, model_version
from rig_sync.client import Client as BaseClient
from rig_sync.client import env
from rig_sync.wire.base import Wire
from rig_sync.wire.embeddings import EmbeddingWire, GeminiEmbeddings
from rig_sync.wire.gemini_generate import GeminiGenerate
from rig_sync.wire.gemini_interactions import GeminiInteractions
from rig_sync.wire.listing import ModelListing

__all__ = [
    "GEMINI_2_5_FLASH",
    "GEMINI_2_5_FLASH_IMAGE",
    "GEMINI_2_5_PRO",
    "GEMINI_3_1_FLASH_LITE",
    "GEMINI_3_1_PRO_PREVIEW",
    "GEMINI_3_FLASH_PREVIEW",
    "GEMINI_EMBEDDING_001",
    "Client",
]

GEMINI_3_1_PRO_PREVIEW = "gemini-3.1-pro-preview"
GEMINI_3_1_FLASH_LITE = "gemini-3.1-flash-lite"
GEMINI_3_FLASH_PREVIEW = "gemini-3-flash-preview"
GEMINI_2_5_PRO = "gemini-2.5-pro"
GEMINI_2_5_FLASH = "gemini-2.5-flash"
GEMINI_2_5_FLASH_IMAGE = "gemini-2.5-flash-image"
GEMINI_EMBEDDING_001 = "gemini-embedding-001"


class Client(BaseClient):
    """Gemini; the key is sent as `x-goog-api-key`.

    `from_env` takes it from `GEMINI_API_KEY`, or else from `GOOGLE_API_KEY`.
    """

    name: ClassVar[str] = "gemini"
    default_base_url: ClassVar[str] = "https://generativelanguage.googleapis.com"
    api_key_env: ClassVar[str | None] = "GEMINI_API_KEY"
    base_url_env: ClassVar[str | None] = "GOOGLE_GEMINI_BASE_URL"
    capabilities: ClassVar[Capabilities] = Capabilities()
    embeddings: EmbeddingWire | None = GeminiEmbeddings()
    listing: ModelListing | None = ModelListing(
        route="/v1beta/models?pageSize=1000",
        ids=("name",),
        prefix="models/",
        cursor="nextPageToken",
        cursor_parameter="pageToken",
    )
    wire: Wire = GeminiGenerate()

    def interactions_api(self) -> Client:
        """The same client on the Interactions API; the two share their connections."""
        return self._on(GeminiInteractions())

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """Before Gemini 3 a schema and tools together are refused."""
        third = model_version(model, "gemini-") >= (3,)
        return structs.replace(cls.capabilities, native_output_with_tools=third)

    @classmethod
    def _key_from_env(cls) -> str | None:
        other = env("GOOGLE_API_KEY") if env(cls.api_key_env) is None else None
        return other or super()._key_from_env()

    def _auth(self, key: str) -> dict[str, str]:
        return {"x-goog-api-key": key} if key else {}
