"""ChatGPT: its backend for Codex, on a subscription in place of API credits.

Source: Rig's `providers::chatgpt`; OpenAI documents no API here and may change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig_sync._json import Json, JsonObject
from rig_sync.catalog import Capabilities
from rig_sync.client import ApiKey, ClientOptions, env
from rig_sync.client import Client as BaseClient
from rig_sync.completion import CompletionRequest
from rig_sync.errors import ConfigError
from rig_sync.message import SystemMessage
from rig_sync.wire.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["GPT_5_3_CODEX", "GPT_5_4", "INSTRUCTIONS", "Client"]

GPT_5_3_CODEX = "gpt-5.3-codex"
GPT_5_4 = "gpt-5.4"

INSTRUCTIONS = "You are ChatGPT, a large language model trained by OpenAI."
"""The system prompt where there is none: the backend insists on one."""


def _as_codex(request: CompletionRequest, body: JsonObject) -> JsonObject:
    """What the backend insists on: instructions, no storing, thoughts handed out encrypted.

    Raises:
        ConfigError: something is set that it refuses.
    """
    if request.temperature is not None or request.max_tokens is not None:
        raise ConfigError("the backend takes neither temperature nor max_tokens: leave them out")
    told = [m.content for m in request.messages if isinstance(m, SystemMessage)]
    system = "\n\n".join(text for text in (request.preamble, *told) if text)
    items = body["input"]
    kept: list[Json] = [
        item
        for item in (items if isinstance(items, list) else [])
        if not (isinstance(item, dict) and item.get("role") == "system")
    ]
    return {
        **body,
        "instructions": system or INSTRUCTIONS,
        "input": kept,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


class Client(BaseClient):
    """ChatGPT by an access token, as `codex login` leaves one in `~/.codex/auth.json`.

    Args:
        api_key: The access token; a function gives fresh ones.
        account_id: Sent as `ChatGPT-Account-Id`.
        originator: Names the program to the backend.
        options: See `ClientOptions`.
    """

    name = "chatgpt"
    default_base_url = "https://chatgpt.com/backend-api/codex"
    api_key_env = "CHATGPT_ACCESS_TOKEN"
    base_url_env = "CHATGPT_API_BASE"
    streams_only = True
    capabilities = Capabilities(audio=False, video=False)
    wire = OpenAIResponses(adapt=_as_codex)

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        account_id: str | None = None,
        originator: str = "rig_sync",
        **options: Unpack[ClientOptions],
    ) -> None:
        headers = {"originator": originator}
        if account_id:
            headers["ChatGPT-Account-Id"] = account_id
        options["headers"] = {**headers, **(options.get("headers") or {})}
        super().__init__(api_key, **options)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `CHATGPT_ACCESS_TOKEN`, `CHATGPT_ACCOUNT_ID` and `CHATGPT_API_BASE`.

        Raises:
            ConfigError: `CHATGPT_ACCESS_TOKEN` is not set.
        """
        account = env("CHATGPT_ACCOUNT_ID")
        return cls(cls._key_from_env(), account_id=account, **cls._with_env(options))
