"""Anthropic: Claude, over the Messages API.

Source: https://docs.anthropic.com/en/api/overview
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import structs

from rig_sync._json import JsonObject
from rig_sync.catalog import Capabilities
from rig_sync.client import ApiKey, ClientOptions
from rig_sync.client import Client as BaseClient
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.anthropic_messages_request import CacheTtl
from rig_sync.wire.listing import ModelListing

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "CLAUDE_HAIKU_4_5",
    "CLAUDE_OPUS_4_6",
    "CLAUDE_OPUS_4_7",
    "CLAUDE_OPUS_4_8",
    "CLAUDE_SONNET_4_6",
    "Client",
]

CLAUDE_OPUS_4_8 = "claude-opus-4-8"
CLAUDE_OPUS_4_7 = "claude-opus-4-7"
CLAUDE_OPUS_4_6 = "claude-opus-4-6"
CLAUDE_SONNET_4_6 = "claude-sonnet-4-6"
CLAUDE_HAIKU_4_5 = "claude-haiku-4-5"

VERSION = "2023-06-01"

# https://docs.claude.com/en/docs/build-with-claude/structured-outputs
_WITHOUT_SCHEMA = re.compile(r"claude-(2|3|instant|(opus|sonnet)-4-(0|2025))")


class Client(BaseClient):
    """Anthropic.

    Args:
        api_key: Sent as `x-api-key`.
        betas: Names of betas to switch on, as `files-api-2025-04-14`.
        options: See `ClientOptions`.
    """

    name: ClassVar[str] = "anthropic"
    default_base_url: ClassVar[str] = "https://api.anthropic.com"
    api_key_env: ClassVar[str | None] = "ANTHROPIC_API_KEY"
    base_url_env: ClassVar[str | None] = "ANTHROPIC_BASE_URL"
    capabilities: ClassVar[Capabilities] = Capabilities(audio=False, video=False)
    listing = ModelListing("/v1/models?limit=1000", cursor="last_id", cursor_parameter="after_id")
    wire: AnthropicMessages = AnthropicMessages()

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        betas: Sequence[str] = (),
        **options: Unpack[ClientOptions],
    ) -> None:
        headers = {"anthropic-version": VERSION}
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        options["headers"] = {**headers, **(options.get("headers") or {})}
        super().__init__(api_key, **options)

    @classmethod
    def from_env(cls, *, betas: Sequence[str] = (), **options: Unpack[ClientOptions]) -> Client:
        """A client from `ANTHROPIC_API_KEY`, and `ANTHROPIC_BASE_URL` if it is set.

        Raises:
            ConfigError: `ANTHROPIC_API_KEY` is not set.
        """
        return cls(cls._key_from_env(), betas=betas, **cls._with_env(options))

    def with_prompt_caching(self, ttl: CacheTtl = "5m") -> Client:
        """The same client with tools, system prompt and history kept by Anthropic for `ttl`.

        What is kept costs more to write and a tenth to read again. The two share their connections.
        """
        return self._on(structs.replace(self.wire, cache=ttl))

    def with_citations(self) -> Client:
        """The same client, whose models say where in the documents they found what they tell.

        `Text.provider_data["citations"]` has it. The two share their connections.
        """
        return self._on(structs.replace(self.wire, citations=True))

    def with_server_tools(self, *tools: JsonObject) -> Client:
        """The same client with tools that Anthropic runs, beside those of an agent.

        As `{"type": "web_search_20250305", "name": "web_search"}`. The two share their connections.
        """
        return self._on(structs.replace(self.wire, server_tools=(*self.wire.server_tools, *tools)))

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """Models before Claude 4.1 follow no schema."""
        if _WITHOUT_SCHEMA.search(model) is None:
            return cls.capabilities
        return structs.replace(
            cls.capabilities, structured_output=False, native_output_with_tools=False
        )

    def _auth(self, key: str) -> dict[str, str]:
        """Anthropic has its own header for the key."""
        return {"x-api-key": key} if key else {}
