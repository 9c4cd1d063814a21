"""What every provider's client is: a key, an address, and models that speak a wire."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, TypedDict, TypeVar

from rig_sync._closing import Closing
from rig_sync.agent.builder import AgentBuilder
from rig_sync.errors import ConfigError
from rig_sync.model import CompletionModel, check_options
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.retry import RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import Wire

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Client", "ClientOptions", "env"]

C = TypeVar("C", bound="Client")


class ClientOptions(TypedDict, total=False):
    """What every client takes beside its key; every key may be left out.

    Attributes:
        base_url: Instead of the provider's own.
        headers: Sent with every request, over ours.
        timeouts: For every call that is given none.
        retries: What is tried again, before the first content.
    """

    base_url: str | None
    headers: Mapping[str, str] | None
    timeouts: Timeouts | None
    retries: RetryPolicy | None


class Client(Closing):
    """A provider at one address with one key; a provider's module fills in the class variables.

    Shared by threads. Connections are kept alive and opened anew after a fork; `close`, or `with`,
    lets them go.

    Args:
        api_key: Goes into the headers, and into nothing else.
        options: See `ClientOptions`.

    Raises:
        ConfigError: no key where one is needed; a `base_url` that is no URL.
    """

    name: ClassVar[str]
    default_base_url: ClassVar[str] = ""
    api_key_env: ClassVar[str | None] = None
    base_url_env: ClassVar[str | None] = None
    wire: Wire

    def __init__(self, api_key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        check_options(options, ClientOptions)
        key = (api_key or "").strip()
        if not key and self.api_key_env is not None:
            raise ConfigError(
                f"{self.name} needs an API key: give Client(api_key=...), "
                f"or set {self.api_key_env} and use Client.from_env()"
            )
        self.timeouts = options.get("timeouts") or Timeouts()
        self.retries = options.get("retries") or RetryPolicy()
        self.endpoint = Endpoint(
            self.name,
            options.get("base_url") or self.default_base_url,
            headers={**self._auth(key), **(options.get("headers") or {})},
            secrets=(key,),
        )

    @classmethod
    def from_env(cls: type[C], **options: Unpack[ClientOptions]) -> C:
        """A client with the key, and where there is a variable for it the address, from outside.

        What is in `options` is not looked up.

        Raises:
            ConfigError: the variable with the key is not set.
        """
        return cls(cls._key_from_env(), **cls._with_env(options))

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self.endpoint!r})"

    def close(self) -> None:
        """Let the waiting connections go; a later request opens new ones."""
        self.endpoint.http.close()

    def completion_model(self, name: str) -> CompletionModel:
        """The model that the provider calls `name`."""
        return CompletionModel(
            self.endpoint, self.wire, name, timeouts=self.timeouts, retries=self.retries
        )

    def agent(self, model: str) -> AgentBuilder:
        """The beginning of an agent on the model that the provider calls `model`."""
        return AgentBuilder(self.completion_model(model))

    @classmethod
    def _key_from_env(cls) -> str | None:
        key = env(cls.api_key_env)
        if key is None and cls.api_key_env is not None:
            raise ConfigError(
                f"{cls.name} needs an API key: set {cls.api_key_env}, or use Client(api_key=...)"
            )
        return key

    @classmethod
    def _with_env(cls, options: ClientOptions) -> ClientOptions:
        """`options`, with the address from outside unless they have one."""
        url = options.get("base_url") or env(cls.base_url_env)
        return {**options, "base_url": url}

    def _on(self: C, wire: Wire) -> C:
        """The same client on another wire; the two share their connections."""
        other = copy.copy(self)
        other.wire = wire
        return other

    def _auth(self, key: str) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"} if key else {}


def env(name: str | None) -> str | None:
    """The environment variable `name`; None when it is not set, or blank."""
    return (os.environ.get(name, "").strip() or None) if name else None
