"""Any server that speaks OpenAI's chat completions or Responses, at any base URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig_sync.client import Client as BaseClient
from rig_sync.client import ClientOptions
from rig_sync.errors import ConfigError
from rig_sync.wire.base import Wire
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Client"]


class Client(BaseClient):
    """A server at `base_url`; a key is sent if one is given.

    Chat completions by default; assign an `OpenAIChat(...)` with other fields to `wire` for a
    server that does things its own way. What it cannot do is said for each model, as
    `completion_model(name, capabilities=Capabilities(tools=False))`.
    """

    name = "openai_compatible"
    api_key_env = "OPENAI_COMPATIBLE_API_KEY"
    base_url_env = "OPENAI_COMPATIBLE_BASE_URL"
    key_required = False
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire: Wire = OpenAIChat()

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `OPENAI_COMPATIBLE_BASE_URL`, and `OPENAI_COMPATIBLE_API_KEY` if set.

        Raises:
            ConfigError: the address is not set.
        """
        found = cls._with_env(options)
        if found["base_url"] is None:
            raise ConfigError(f"set {cls.base_url_env}, or use Client(base_url='http://...')")
        return cls(cls._key_from_env(), **found)

    def responses_api(self) -> Client:
        """The same client on the Responses API; the two share their connections."""
        return self._on(OpenAIResponses())
