"""A running llama.cpp server (`llama-server`).

Source: https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rig_sync.client import Client as BaseClient
from rig_sync.client import ClientOptions, env
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Client"]


class Client(BaseClient):
    """llama.cpp's own server, by default at http://localhost:8080/v1; a key only if it has one."""

    name: ClassVar[str] = "llamacpp"
    default_base_url: ClassVar[str] = "http://localhost:8080/v1"
    base_url_env: ClassVar[str | None] = "LLAMACPP_API_BASE_URL"
    wire: Wire = OpenAIChat(reasoning_field="reasoning_content")

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client from `LLAMACPP_API_BASE_URL` and `LLAMACPP_API_KEY`, each if set."""
        return cls(env("LLAMACPP_API_KEY"), **cls._with_env(options))
