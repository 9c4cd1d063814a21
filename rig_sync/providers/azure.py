"""Azure OpenAI: what OpenAI calls a model is called a deployment here, by a name of your own.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig_sync.catalog import Capabilities
from rig_sync.client import ApiKey, ClientOptions, env, first_env
from rig_sync.client import Client as BaseClient
from rig_sync.errors import ConfigError
from rig_sync.wire.base import Wire
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import plain_calls
from rig_sync.wire.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["API_VERSION", "Client"]

API_VERSION = "2024-10-21"


def _chat(api_version: str) -> OpenAIChat:
    return OpenAIChat(
        route=f"/openai/deployments/{{model}}/chat/completions?api-version={api_version}",
        max_tokens_field="max_completion_tokens",
        adapt=plain_calls,
    )


class Client(BaseClient):
    """Azure OpenAI, by an API key or by a token of Microsoft Entra ID.

    Args:
        api_key: Of the resource.
        token: Instead of a key; a function is asked for one at each try, so
            `azure.identity.get_bearer_token_provider(...)` will do.
        api_version: Of the deployments' routes; the Responses API has none.
        options: See `ClientOptions`; `base_url` is `https://RESOURCE.openai.azure.com`.

    Raises:
        ConfigError: no address; neither key nor token, or both.
    """

    name = "azure"
    api_key_env = "AZURE_API_KEY"
    base_url_env = "AZURE_ENDPOINT"
    capabilities = Capabilities(video=False)
    embeddings = OpenAIEmbeddings()
    wire: Wire = _chat(API_VERSION)

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        token: ApiKey | None = None,
        api_version: str = API_VERSION,
        **options: Unpack[ClientOptions],
    ) -> None:
        if api_key and token:
            raise ConfigError("azure takes an api_key or a token, not both")
        if not options.get("base_url"):
            raise ConfigError(
                "azure needs base_url='https://RESOURCE.openai.azure.com', or AZURE_ENDPOINT set"
            )
        self._by_token = token is not None
        super().__init__(token or api_key, **options)
        self.wire = _chat(api_version)
        self.embeddings = OpenAIEmbeddings(
            route=f"/openai/deployments/{{model}}/embeddings?api-version={api_version}"
        )

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `AZURE_ENDPOINT`, `AZURE_API_KEY` or `AZURE_TOKEN`, `AZURE_API_VERSION`.

        `AZURE_OPENAI_ENDPOINT`, `AZURE_OPENAI_API_KEY` and `OPENAI_API_VERSION` are looked up too.

        Raises:
            ConfigError: one that is needed is not set.
        """
        found = cls._with_env(options)
        found["base_url"] = found.get("base_url") or env("AZURE_OPENAI_ENDPOINT")
        key = first_env("AZURE_API_KEY", "AZURE_OPENAI_API_KEY")
        token = None if key else first_env("AZURE_TOKEN", "AZURE_OPENAI_AD_TOKEN")
        version = first_env("AZURE_API_VERSION", "OPENAI_API_VERSION") or API_VERSION
        return cls(key, token=token, api_version=version, **found)

    def responses_api(self) -> Client:
        """The same client on the Responses API; the two share their connections."""
        return self._on(OpenAIResponses(route="/openai/v1/responses"))

    def _auth(self, key: str) -> dict[str, str]:
        if self._by_token:
            return super()._auth(key)
        return {"api-key": key} if key else {}
