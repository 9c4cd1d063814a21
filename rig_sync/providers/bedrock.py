"""Amazon Bedrock: the models of many makers over one format; needs `rig_sync[bedrock]`.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html. A model
whose name begins with `us.` is called through a cross-region profile; elsewhere in the world the
name begins with `eu.` or `apac.`, or with `global.` for some.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from msgspec import structs

from rig_sync.catalog import Capabilities
from rig_sync.client import ApiKey, ClientOptions, env, first_env
from rig_sync.client import Client as BaseClient
from rig_sync.errors import ConfigError
from rig_sync.transport.address import host_part
from rig_sync.transport.aws import AwsKeys, SigV4, configured_region
from rig_sync.transport.endpoint import Authorize
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "AMAZON_NOVA_LITE",
    "AMAZON_NOVA_MICRO",
    "AMAZON_NOVA_PRO",
    "CLAUDE_HAIKU_4_5",
    "CLAUDE_OPUS_5",
    "CLAUDE_SONNET_4_5",
    "CLAUDE_SONNET_4_6",
    "CLAUDE_SONNET_5",
    "DEEPSEEK_R1",
    "LLAMA_3_3_70B_INSTRUCT",
    "LLAMA_4_MAVERICK_17B_INSTRUCT",
    "MISTRAL_PIXTRAL_LARGE",
    "Client",
]

AMAZON_NOVA_LITE = "amazon.nova-lite-v1:0"
AMAZON_NOVA_MICRO = "amazon.nova-micro-v1:0"
AMAZON_NOVA_PRO = "amazon.nova-pro-v1:0"
CLAUDE_HAIKU_4_5 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CLAUDE_OPUS_5 = "us.anthropic.claude-opus-5"
CLAUDE_SONNET_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_SONNET_4_6 = "us.anthropic.claude-sonnet-4-6"
CLAUDE_SONNET_5 = "us.anthropic.claude-sonnet-5"
DEEPSEEK_R1 = "us.deepseek.r1-v1:0"
LLAMA_3_3_70B_INSTRUCT = "us.meta.llama3-3-70b-instruct-v1:0"
LLAMA_4_MAVERICK_17B_INSTRUCT = "us.meta.llama4-maverick-17b-instruct-v1:0"
MISTRAL_PIXTRAL_LARGE = "us.mistral.pixtral-large-2502-v1:0"


# https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
_WITHOUT_SCHEMA = re.compile(r"\b(amazon|meta)\.")


class Client(BaseClient):
    """Amazon Bedrock in one region.

    Without any key, botocore finds one where all AWS tools look: in the environment, in `~/.aws`,
    by single sign-on or in the role of the machine. It is looked for at the first request.

    Args:
        api_key: A Bedrock API key, sent as a bearer token.
        region: As `us-east-1`; not needed with an `api_key` and a `base_url`.
        profile: Of `~/.aws/config`.
        access_key: With `secret_key`, and `session_token` if the two expire: signs every request.
        options: See `ClientOptions`.

    Raises:
        ConfigError: no region; half a pair of keys, or more than one way to prove who asks.
    """

    name: ClassVar[str] = "bedrock"
    api_key_env: ClassVar[str | None] = "AWS_BEARER_TOKEN_BEDROCK"
    base_url_env: ClassVar[str | None] = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
    key_required: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities()
    wire: Wire = BedrockConverse()

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        region: str | None = None,
        profile: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        keys = _keys(access_key, secret_key, session_token)
        if sum(map(bool, (api_key, profile, keys))) > 1:
            raise ConfigError("bedrock: give one of api_key, profile and access_key")
        if region is None and not (api_key and options.get("base_url")):
            raise ConfigError(
                "bedrock needs a region: give Client(region='us-east-1'), "
                "or set AWS_REGION and use Client.from_env()"
            )
        self._signature = (
            None if api_key else SigV4(region or "", "bedrock", keys=keys, profile=profile)
        )
        options["base_url"] = options.get("base_url") or (
            f"https://bedrock-runtime.{host_part(region or '', 'region')}.amazonaws.com"
        )
        super().__init__(api_key, **options)

    @classmethod
    def from_env(
        cls,
        *,
        region: str | None = None,
        profile: str | None = None,
        **options: Unpack[ClientOptions],
    ) -> Client:
        """A client as the AWS tools would make one.

        The API key is in `AWS_BEARER_TOKEN_BEDROCK`; without it, see `Client`. The region is in
        `AWS_REGION`, `AWS_DEFAULT_REGION` or `~/.aws/config`, the address of a server in between in
        `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`.

        Raises:
            ConfigError: nothing says which region; there is no such profile.
        """
        key = None if profile else env(cls.api_key_env)
        region = region or first_env("AWS_REGION", "AWS_DEFAULT_REGION")
        found = cls._with_env(options)
        if region is None and not (key and found.get("base_url")):
            region = configured_region(profile)
        return cls(key, region=region, profile=profile, **found)

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:
        """Amazon's and Meta's models follow no schema, and refuse one."""
        if _WITHOUT_SCHEMA.search(model) is None:
            return cls.capabilities
        return structs.replace(
            cls.capabilities, structured_output=False, native_output_with_tools=False
        )

    def _authorize(self) -> Authorize | None:
        return self._signature or super()._authorize()


def _keys(access: str | None, secret: str | None, token: str | None) -> AwsKeys | None:
    if access and secret:
        return AwsKeys(access, secret, token)
    if access or secret or token:
        raise ConfigError("bedrock: access_key and secret_key belong together: give both")
    return None
