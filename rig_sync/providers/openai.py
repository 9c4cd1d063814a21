"""OpenAI: the Responses API by default, as in Rig; chat completions by `completions_api()`.

Source: https://platform.openai.com/docs/api-reference/authentication
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import structs

from rig_sync.catalog import Capabilities, model_version
from rig_sync.client import ApiKey, ClientOptions, env
from rig_sync.client import Client as BaseClient
from rig_sync.wire.base import Wire
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.listing import ModelListing
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import plain_calls
from rig_sync.wire.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "GPT_4O",
    "GPT_4O_MINI",
    "GPT_5",
    "GPT_5_5",
    "GPT_5_6",
    "GPT_5_MINI",
    "TEXT_EMBEDDING_3_LARGE",
    "TEXT_EMBEDDING_3_SMALL",
    "Client",
]

GPT_5_6 = "gpt-5.6"
GPT_5_5 = "gpt-5.5"
GPT_5 = "gpt-5"
GPT_5_MINI = "gpt-5-mini"
GPT_4O = "gpt-4o"
GPT_4O_MINI = "gpt-4o-mini"
TEXT_EMBEDDING_3_LARGE = "text-embedding-3-large"
TEXT_EMBEDDING_3_SMALL = "text-embedding-3-small"


class Client(BaseClient):
    """OpenAI.

    Args:
        api_key: Sent as a bearer token.
        organization: Sent as `OpenAI-Organization`.
        project: Sent as `OpenAI-Project`.
        options: See `ClientOptions`.
    """

    name: ClassVar[str] = "openai"
    default_base_url: ClassVar[str] = "https://api.openai.com/v1"
    api_key_env: ClassVar[str | None] = "OPENAI_API_KEY"
    base_url_env: ClassVar[str | None] = "OPENAI_BASE_URL"
    capabilities: ClassVar[Capabilities] = Capabilities(video=False)
    embeddings = OpenAIEmbeddings()
    listing = ModelListing()
    wire: Wire = OpenAIResponses()

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        organization: str | None = None,
        project: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        who = {"OpenAI-Organization": organization, "OpenAI-Project": project}
        headers = {name: value for name, value in who.items() if value}
        options["headers"] = {**headers, **(options.get("headers") or {})}
        super().__init__(api_key, **options)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.

        Raises:
            ConfigError: `OPENAI_API_KEY` is not set.
        """
        return cls(
            cls._key_from_env(),
            organization=env("OPENAI_ORG_ID"),
            project=env("OPENAI_PROJECT_ID"),
            **cls._with_env(options),
        )

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """GPTs before 5 cannot be told how much to think, those before 4o follow no schema.

        Source: https://platform.openai.com/docs/guides, `reasoning` and `structured-outputs`
        """
        version = model_version(model, "gpt-")
        if not version or version >= (5,):
            return cls.capabilities
        follows = version > (4,) or "gpt-4o" in model
        return structs.replace(
            cls.capabilities,
            reasoning=False,
            structured_output=follows,
            native_output_with_tools=follows,
        )

    def completions_api(self) -> Client:
        """The same client on chat completions; the two share their connections."""
        return self._on(OpenAIChat(max_tokens_field="max_completion_tokens", adapt=plain_calls))
