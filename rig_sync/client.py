"""What every provider's client is: a key, an address, and models that speak a wire."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypedDict, TypeVar

from rig_sync._closing import Closing
from rig_sync._json import JsonObject
from rig_sync._secrets import Sealed
from rig_sync.agent.builder import AgentBuilder
from rig_sync.agent.extractor import Extractor, ExtractorOptions
from rig_sync.catalog import Capabilities, ModelInfo
from rig_sync.errors import ConfigError, TransportError
from rig_sync.limits import Limits
from rig_sync.model import CompletionModel
from rig_sync.request import check_options
from rig_sync.transport.endpoint import Authorize, Endpoint
from rig_sync.transport.retry import RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from rig_sync.unary import Caller, EmbeddingModel, list_models
from rig_sync.wire.base import Wire
from rig_sync.wire.embeddings import EmbeddingOptions, EmbeddingWire
from rig_sync.wire.listing import ModelListing

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ApiKey", "Client", "ClientOptions", "env", "first_env"]

C = TypeVar("C", bound="Client")
T = TypeVar("T")

ApiKey: TypeAlias = str | Callable[[], str]
"""A key; or a function that is asked for one at each try, on the reader thread: it may block."""


class ClientOptions(TypedDict, total=False):
    """What every client takes beside its key; every key may be left out.

    Attributes:
        base_url: Instead of the provider's own.
        headers: Sent with every request, over ours.
        timeouts: For every call that is given none.
        retries: What is tried again, before the first content.
        limits: How much the server may send.
        idempotency_header: A header that is to carry one value for all tries of a call, so that a
            gateway that knows it does the work once. None of the providers here documents one.
    """

    base_url: str | None
    headers: Mapping[str, str] | None
    timeouts: Timeouts | None
    retries: RetryPolicy | None
    limits: Limits | None
    idempotency_header: str | None


class Client(Closing, Sealed):
    """A provider at one address with one key; a provider's module fills in the class variables.

    `api_key_env` and `base_url_env` name the variables of `from_env`. `key_required` is False where
    a key is sent only if there is one, `streams_only` True where whole answers are refused.
    `idempotency_header` is the one of `ClientOptions`, where the provider has such a thing.
    `embeddings` and `listing` say how those routes speak; None: there is no such route.
    `capabilities` is what all models may be asked, `capabilities_of` what one of them may.

    Shared by threads. Connections are kept alive and opened anew after a fork; `close`, or `with`,
    lets them go.

    Args:
        api_key: Goes into the headers, and into nothing else. A function gives tokens that expire.
        options: See `ClientOptions`.

    Raises:
        ConfigError: no key where one is needed; a `base_url` that is no URL.
    """

    name: ClassVar[str]
    default_base_url: ClassVar[str] = ""
    api_key_env: ClassVar[str | None] = None
    base_url_env: ClassVar[str | None] = None
    key_required: ClassVar[bool] = True
    streams_only: ClassVar[bool] = False
    idempotency_header: ClassVar[str | None] = None
    # whether tools and a schema go together has to be known, all else is worth a try
    capabilities: ClassVar[Capabilities] = Capabilities(native_output_with_tools=False)
    embeddings: EmbeddingWire | None = None
    listing: ModelListing | None = None
    wire: Wire

    def __init__(self, api_key: ApiKey | None = None, **options: Unpack[ClientOptions]) -> None:
        check_options(options, ClientOptions)
        self._token = api_key if callable(api_key) else None
        key = "" if api_key is None or callable(api_key) else _checked_key(api_key, self.name)
        if not key and self._token is None and self.key_required and self.api_key_env is not None:
            raise ConfigError(
                f"{self.name} needs an API key: give Client(api_key=...), "
                f"or set {self.api_key_env} and use Client.from_env()"
            )
        self.timeouts = options.get("timeouts") or Timeouts()
        self.retries = options.get("retries") or RetryPolicy()
        self.limits = options.get("limits") or Limits()
        self.endpoint = Endpoint(
            self.name,
            options.get("base_url") or self.default_base_url,
            headers={**self._auth(key), **(options.get("headers") or {})},
            secrets=(key,),
            idempotency_header=options.get("idempotency_header") or self.idempotency_header,
            authorize=self._authorize(),
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
        endpoint = vars(self).get("endpoint")  # none yet where a traceback shows its making
        return f"{type(self).__module__}.{type(self).__name__}({endpoint!r})"

    def close(self) -> None:
        """Let the waiting connections go; a later request opens new ones."""
        self.endpoint.http.close()

    def warm_up(self) -> None:
        """Open a connection now, so that the first stream need not: a name, TCP, TLS, a proxy.

        Nothing is sent. The connection waits to be used, for as long as the provider keeps it (some
        seconds to minutes). What takes time at the first use alone is over after it too: the
        certificates are read, the built-in model is loaded. Blocks for `Timeouts(connect=...)` at
        most, and for the system's look-up of the name. Any thread may call it; where a connection
        waits already, it does nothing.

        Raises:
            TransportError: there is no connection: look at base_url, the network and the proxy.
            ConfigError: the address, the proxy or the certificates cannot be used.
        """
        try:
            self.endpoint.http.open_ahead(self.endpoint.base_url, connect=self.timeouts.connect)
        except (TransportError, ConfigError) as error:
            self.endpoint.clean(error)
            raise

    def completion_model(
        self, name: str, *, capabilities: Capabilities | None = None
    ) -> CompletionModel:
        """The model that the provider calls `name`.

        Args:
            name: As the provider spells it.
            capabilities: What may be asked of it, where `capabilities_of` does not know better.

        Raises:
            ConfigError: the provider has embeddings alone.
        """
        if not self.capabilities.completion:
            raise ConfigError(f"{self.name} completes no prompts: use embedding_model(...)")
        return CompletionModel(
            self.endpoint,
            self.wire,
            name,
            timeouts=self.timeouts,
            retries=self.retries,
            limits=self.limits,
            streams_only=self.streams_only,
            capabilities=capabilities or self.capabilities_of(name),
        )

    def agent(self, model: str, *, capabilities: Capabilities | None = None) -> AgentBuilder:
        """The beginning of an agent on the model that the provider calls `model`.

        `capabilities` as for `completion_model`.
        """
        return AgentBuilder(self.completion_model(model, capabilities=capabilities))

    @classmethod
    def capabilities_of(cls, model: str) -> Capabilities:  # noqa: ARG003 - for rows
        """What may be asked of `model`: what of all, where nothing is known of its family."""
        return cls.capabilities

    def extractor(
        self, model: str, kind: type[T], **options: Unpack[ExtractorOptions]
    ) -> Extractor[T]:
        """What finds values of type `kind` in texts, by the model that the provider calls `model`.

        Raises:
            ConfigError: the type or an option cannot be.
        """
        return Extractor(self.completion_model(model), kind, **options)

    def embedding_model(
        self,
        name: str,
        *,
        dimensions: int | None = None,
        input_type: str | None = None,
        additional_params: JsonObject | None = None,
    ) -> EmbeddingModel:
        """The embedding model that the provider calls `name`.

        Args:
            name: As the provider spells it.
            dimensions: Numbers in a vector, where the model can be told.
            input_type: What the texts are for, in the provider's words.
            additional_params: Merged into each body last.

        Raises:
            ConfigError: the provider has no embeddings.
        """
        if self.embeddings is None:
            raise ConfigError(f"{self.name} has no embeddings: use another provider for those")
        options = EmbeddingOptions(dimensions, input_type)
        return EmbeddingModel(
            self._caller(), self.embeddings, name, options, additional_params or {}
        )

    def list_models(self, *, timeouts: Timeouts | None = None) -> list[ModelInfo]:
        """The provider's models, in its order; asked for anew each time.

        Raises:
            ConfigError: the provider has no such list.
            RigError: the request failed.
        """
        if self.listing is None:
            raise ConfigError(f"{self.name} has no list of models: see its documentation")
        return list_models(self._caller(), self.listing, timeouts)

    @classmethod
    def offers(cls) -> tuple[str, ...]:
        """Its routes, in words: `completion`, `embeddings`, `listing`."""
        routes = {
            "completion": cls.capabilities.completion,
            "embeddings": cls.embeddings is not None,
            "listing": cls.listing is not None,
        }
        return tuple(name for name, there in routes.items() if there)

    @classmethod
    def _key_from_env(cls) -> str | None:
        key = env(cls.api_key_env)
        if key is None and cls.key_required and cls.api_key_env is not None:
            raise ConfigError(
                f"{cls.name} needs an API key: set {cls.api_key_env}, or use Client(api_key=...)"
            )
        return key

    @classmethod
    def _with_env(cls, options: ClientOptions) -> ClientOptions:
        """`options`, with the address from outside unless they have one."""
        url = options.get("base_url") or env(cls.base_url_env)
        return {**options, "base_url": url}

    def _caller(self) -> Caller:
        return Caller(self.endpoint, self.timeouts, self.retries, self.limits)

    def _on(self: C, wire: Wire) -> C:
        """The same client on another wire; the two share their connections."""
        other = copy.copy(self)
        other.wire = wire
        return other

    def _auth(self, key: str) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _authorize(self) -> Authorize | None:
        """What makes headers anew for each try, where a fixed key will not do."""
        token = self._token
        return None if token is None else lambda _: self._auth(_checked_key(token(), self.name))


def _checked_key(key: object, provider: str) -> str:
    """What the caller, or a function of the caller's, gave as the key; an empty text sends none."""
    if not isinstance(key, str):
        raise ConfigError(
            f"{provider}: what api_key gives has to be a text, not {type(key).__name__}"
        )
    return key.strip()


def env(name: str | None) -> str | None:
    """The environment variable `name`; None when it is not set, or blank."""
    return (os.environ.get(name, "").strip() or None) if name else None


def first_env(*names: str) -> str | None:
    """The first of several environment variables that is set and not blank."""
    return next((value for value in map(env, names) if value is not None), None)
