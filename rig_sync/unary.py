"""Calls that answer with one JSON object: embeddings, and the list of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from rig_sync._json import JsonObject, merged, to_json
from rig_sync.catalog import ModelInfo
from rig_sync.completion import Usage
from rig_sync.embedding import Embedding, Embeddings
from rig_sync.errors import ConfigError, ProviderError, ResponseDecodeError
from rig_sync.limits import Limits
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.raw import End, RawEvent
from rig_sync.streaming.response import Clock, StreamingCompletionResponse
from rig_sync.streaming.source import ModelCall
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.retry import RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from rig_sync.wire.base import whole_body
from rig_sync.wire.embeddings import EmbeddingOptions, EmbeddingWire
from rig_sync.wire.errors import error_from_body
from rig_sync.wire.listing import ModelListing

__all__ = ["Caller", "EmbeddingModel", "list_models"]

MOST_PAGES = 100


class _JsonAnswer:
    """A body that is one JSON object, which ends up in `raw`."""

    name = "json"

    def decode_body(self, body: bytes) -> Iterator[RawEvent]:
        yield End(whole_body(body))

    def decode_error(self, body: str, status: int | None) -> ProviderError:
        return error_from_body(body, status)


class Caller(Struct, frozen=True):
    """Whom to ask, with how much patience, and how much may come."""

    endpoint: Endpoint
    timeouts: Timeouts
    retries: RetryPolicy
    limits: Limits = Limits()

    def ask(
        self,
        path: str,
        body: JsonObject | None,
        *,
        clock: Clock | None = None,
        cancel: CancelToken | None = None,
    ) -> JsonObject:
        """The JSON object at `path`; `body` is posted, None asks by GET.

        Several requests that are one thing to their caller share a `clock`.

        Raises:
            RigError: there was none; failures before it are tried again as for a completion.
        """
        clock = clock or Clock(self.timeouts)
        call = ModelCall(
            self.endpoint,
            _JsonAnswer(),
            path,
            None if body is None else to_json(body),
            stream=None,
            connect=clock.timeouts.connect,
            retries=self.retries,
            limits=self.limits,
        )
        with StreamingCompletionResponse(call, clock, cancel=cancel) as stream:
            for _ in stream:
                pass
            answer = stream.raw
        if answer is None:
            raise ResponseDecodeError(
                f"{self.endpoint.provider}: cancelled before the answer came", recoverable=False
            )
        return answer


class EmbeddingModel:
    """One embedding model of one provider. Stateless, and to be shared by threads."""

    def __init__(
        self,
        caller: Caller,
        wire: EmbeddingWire,
        name: str,
        options: EmbeddingOptions,
        additional_params: JsonObject,
    ) -> None:
        self.name = name
        self._caller = caller
        self._wire = wire
        self._options = options
        self._additional_params = additional_params
        if not name.strip():
            raise ConfigError("the model's name is empty: give one")
        if options.dimensions is not None and options.dimensions < 1:
            raise ConfigError(f"dimensions={options.dimensions!r}: give 1 or more")

    def __repr__(self) -> str:
        return f"EmbeddingModel({self.provider!r}, {self.name!r})"

    @property
    def provider(self) -> str:
        """The client's name, as `openai`."""
        return self._caller.endpoint.provider

    @property
    def max_documents(self) -> int:
        """The most texts of one request; more of them take several (Rig: `MAX_DOCUMENTS`)."""
        return self._wire.batch

    def embed_text(self, text: str, *, timeouts: Timeouts | None = None) -> Embedding:
        """The embedding of one text; see `embed_texts`."""
        return self.embed_texts([text], timeouts=timeouts)[0]

    def embed_texts(
        self,
        texts: Sequence[str],
        *,
        timeouts: Timeouts | None = None,
        cancel: CancelToken | None = None,
    ) -> Embeddings:
        """The embeddings of `texts`, in their order, with the usage of all requests together.

        One request for every `max_documents` texts, one after the other.

        Args:
            texts: One or more, none of them empty.
            timeouts: Of each request; instead of the client's.
            cancel: Ends it from another thread.

        Raises:
            ConfigError: there is no text, or an empty one.
            RigError: a request failed; nothing of the others is kept.
        """
        _check_texts(texts)
        items: list[Embedding] = []
        usage = Usage()
        model: str | None = None
        clock = Clock(timeouts or self._caller.timeouts)
        for start in range(0, len(texts), self._wire.batch):
            batch = texts[start : start + self._wire.batch]
            body = self._wire.encode(self.name, batch, self._options)
            answer = self._caller.ask(
                self._wire.path(self.name),
                merged(body, self._additional_params),
                clock=clock,
                cancel=cancel,
            )
            try:
                found = self._wire.decode(answer)
                if len(found.vectors) != len(batch):
                    raise ResponseDecodeError(
                        f"{len(found.vectors)} embeddings for {len(batch)} texts", recoverable=False
                    )
            except ResponseDecodeError as error:
                raise self._caller.endpoint.stamp(error) from None
            items += map(Embedding, batch, found.vectors)
            usage += found.usage
            model = model or found.model
        return Embeddings(tuple(items), usage, model)


def list_models(
    caller: Caller, listing: ModelListing, timeouts: Timeouts | None = None
) -> list[ModelInfo]:
    """Every model that the provider lists, page by page, in its order."""
    models: list[ModelInfo] = []
    cursor: str | None = None
    clock = Clock(timeouts or caller.timeouts)
    for _ in range(MOST_PAGES):
        answer = caller.ask(listing.path(cursor), None, clock=clock)
        try:
            models += listing.decode(answer)
        except ResponseDecodeError as error:
            raise caller.endpoint.stamp(error) from None
        before, cursor = cursor, listing.next_page(answer)
        if cursor is None or cursor == before:
            break
    return models


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise ConfigError("embed_texts takes a list of texts: write [text], or embed_text(text)")
    if not texts:
        raise ConfigError("there is no text to embed: give one or more")
    for index, text in enumerate(texts):
        if not text.strip():
            raise ConfigError(f"text {index} is empty: leave it out")
