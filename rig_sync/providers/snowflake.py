"""Snowflake Cortex.

Source: https://docs.snowflake.com/en/user-guide/snowflake-cortex/open_ai_sdk
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig_sync.client import ApiKey, ClientOptions, env
from rig_sync.client import Client as BaseClient
from rig_sync.errors import ConfigError
from rig_sync.transport.address import host_part
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import reasoning_object

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["CLAUDE_SONNET_4_5", "LLAMA3_3_70B", "OPENAI_GPT_5", "Client"]

CLAUDE_SONNET_4_5 = "claude-sonnet-4-5"
LLAMA3_3_70B = "llama3.3-70b"
OPENAI_GPT_5 = "openai-gpt-5"


class Client(BaseClient):
    """Snowflake Cortex. It gives no finish reason; `[DONE]` is what proves that an answer is whole.

    Args:
        api_key: A programmatic access token, or a function that gives a session's token.
        account: As in `https://ACCOUNT.snowflakecomputing.com`; not needed beside a `base_url`.
        options: See `ClientOptions`.

    Raises:
        ConfigError: neither an account nor an address.
    """

    name = "snowflake"
    api_key_env = "SNOWFLAKE_TOKEN"
    base_url_env = "SNOWFLAKE_BASE_URL"
    wire = OpenAIChat(
        max_tokens_field="max_completion_tokens",
        reasoning_field="reasoning_details",
        reasoning=reasoning_object,
    )

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        account: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        if account and not options.get("base_url"):
            host = f"{host_part(account, 'account')}.snowflakecomputing.com"
            options["base_url"] = f"https://{host}/api/v2/cortex/v1"
        if not options.get("base_url"):
            raise ConfigError("snowflake needs account=..., or a base_url")
        super().__init__(api_key, **options)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `SNOWFLAKE_TOKEN`, and `SNOWFLAKE_ACCOUNT` or `SNOWFLAKE_BASE_URL`.

        Raises:
            ConfigError: the token is not set, or nothing says where.
        """
        account = env("SNOWFLAKE_ACCOUNT")
        return cls(cls._key_from_env(), account=account, **cls._with_env(options))
