"""How texts are sent to be embedded, and how vectors come back, in every provider's shape.

Sources: https://platform.openai.com/docs/api-reference/embeddings,
https://ai.google.dev/api/embeddings, https://docs.cohere.com/reference/embed,
https://docs.ollama.com/api/embed, https://docs.voyageai.com/reference/embeddings-api
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from rig_sync._json import Json, JsonObject
from rig_sync.completion import Usage
from rig_sync.errors import ResponseDecodeError
from rig_sync.wire.base import count, object_in

__all__ = [
    "CohereEmbeddings",
    "EmbeddingOptions",
    "EmbeddingWire",
    "GeminiEmbeddings",
    "OllamaEmbeddings",
    "OpenAIEmbeddings",
    "Vectors",
    "vectors_of",
]


class EmbeddingOptions(Struct, frozen=True):
    """What is asked for beside the texts.

    Attributes:
        dimensions: Numbers in a vector, where the model can be told.
        input_type: What the texts are for, in the provider's words (`search_query`, `query`,
            `RETRIEVAL_DOCUMENT`, …).
    """

    dimensions: int | None = None
    input_type: str | None = None


class Vectors(Struct, frozen=True):
    """What one request gave: a vector for each text, in order."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage = Usage()
    model: str | None = None


class EmbeddingWire(Protocol):
    """One format of embedding requests and answers. Pure."""

    @property
    def batch(self) -> int:
        """The most texts that one request may have."""

    def path(self, model: str) -> str:
        """What follows the base URL."""

    def encode(self, model: str, texts: Sequence[str], options: EmbeddingOptions) -> JsonObject:
        """The body of the request."""

    def decode(self, payload: JsonObject) -> Vectors:
        """The vectors in an answer.

        Raises:
            ResponseDecodeError: there are none, or they are no numbers.
        """


class OpenAIEmbeddings(Struct, frozen=True):
    """OpenAI's shape, which most speak.

    Attributes:
        route: What follows the base URL; `{model}` stands for the model.
        batch: The most texts that one request may have.
        dimensions_field: What the server calls the length of a vector.
        input_type_field: What it calls the purpose; None where there is no such thing.
    """

    route: str = "/embeddings"
    batch: int = 2048
    dimensions_field: str = "dimensions"
    input_type_field: str | None = None

    def path(self, model: str) -> str:
        """The same for every model, unless the route has a place for it."""
        return self.route.replace("{model}", quote(model, safe=""))

    def encode(self, model: str, texts: Sequence[str], options: EmbeddingOptions) -> JsonObject:
        """`{"model", "input": [...]}` and the options."""
        body: JsonObject = {"model": model, "input": list(texts)}
        if options.dimensions is not None:
            body[self.dimensions_field] = options.dimensions
        if options.input_type is not None and self.input_type_field is not None:
            body[self.input_type_field] = options.input_type
        return body

    def decode(self, payload: JsonObject) -> Vectors:
        """`data[].embedding` in the order of `data[].index`, numbers or base64."""
        rows = _rows(payload, "data")
        indexed = [count(row, "index") for row in rows]
        order = [index for index in indexed if index is not None]
        if len(order) == len(rows):
            rows = [row for _, row in sorted(zip(order, rows, strict=True), key=lambda p: p[0])]
        fields = object_in(payload, "usage")
        usage = Usage(
            input_tokens=count(fields, "prompt_tokens", "input_tokens", "total_tokens"),
            total_tokens=count(fields, "total_tokens"),
        )
        return vectors_of([row.get("embedding") for row in rows], usage, payload)


class GeminiEmbeddings(Struct, frozen=True):
    """`batchEmbedContents`; `input_type` is Gemini's `taskType`."""

    route: str = "/v1beta/models/{model}:batchEmbedContents"
    batch: int = 100

    def path(self, model: str) -> str:
        """The model stands in the path."""
        return self.route.replace("{model}", quote(model.removeprefix("models/")))

    def encode(self, model: str, texts: Sequence[str], options: EmbeddingOptions) -> JsonObject:
        """One request object for each text."""
        wanted: JsonObject = {"model": f"models/{model.removeprefix('models/')}"}
        if options.dimensions is not None:
            wanted["outputDimensionality"] = options.dimensions
        if options.input_type is not None:
            wanted["taskType"] = options.input_type
        parts: list[list[Json]] = [[{"text": text}] for text in texts]
        return {"requests": [{**wanted, "content": {"parts": part}} for part in parts]}

    def decode(self, payload: JsonObject) -> Vectors:
        """`embeddings[].values`; only newer models report usage."""
        rows = _rows(payload, "embeddings")
        fields = object_in(payload, "usageMetadata")
        usage = Usage(
            input_tokens=count(fields, "promptTokenCount"),
            total_tokens=count(fields, "totalTokenCount"),
        )
        return vectors_of([row.get("values") for row in rows], usage, payload)


class CohereEmbeddings(Struct, frozen=True):
    """Cohere's `/v2/embed`, which has to be told what the texts are for."""

    route: str = "/v2/embed"
    batch: int = 96
    input_type: str = "search_document"

    def path(self, model: str) -> str:
        """The same for every model."""
        del model
        return self.route

    def encode(self, model: str, texts: Sequence[str], options: EmbeddingOptions) -> JsonObject:
        """Floats are asked for; the default purpose is to be found by a search."""
        body: JsonObject = {
            "model": model,
            "texts": list(texts),
            "input_type": options.input_type or self.input_type,
            "embedding_types": ["float"],
        }
        if options.dimensions is not None:
            body["output_dimension"] = options.dimensions
        return body

    def decode(self, payload: JsonObject) -> Vectors:
        """`embeddings.float`, or in old answers the list itself."""
        found = payload.get("embeddings")
        rows = found.get("float") if isinstance(found, dict) else found
        tokens = count(object_in(payload, "meta", "billed_units"), "input_tokens")
        if not isinstance(rows, list):
            raise _no_vectors(payload)
        return vectors_of(rows, Usage(input_tokens=tokens), payload)


class OllamaEmbeddings(Struct, frozen=True):
    """Ollama's `/api/embed`."""

    route: str = "/api/embed"
    batch: int = 512

    def path(self, model: str) -> str:
        """The same for every model."""
        del model
        return self.route

    def encode(self, model: str, texts: Sequence[str], options: EmbeddingOptions) -> JsonObject:
        """`{"model", "input": [...]}`."""
        body: JsonObject = {"model": model, "input": list(texts)}
        if options.dimensions is not None:
            body["dimensions"] = options.dimensions
        return body

    def decode(self, payload: JsonObject) -> Vectors:
        """`embeddings`, a list of lists."""
        rows = payload.get("embeddings")
        if not isinstance(rows, list):
            raise _no_vectors(payload)
        usage = Usage(input_tokens=count(payload, "prompt_eval_count"))
        return vectors_of(rows, usage, payload)


def vectors_of(rows: Sequence[Json], usage: Usage, payload: JsonObject) -> Vectors:
    """`rows`, each of numbers or their base64, as vectors.

    Raises:
        ResponseDecodeError: one of them is neither.
    """
    try:
        vectors = tuple(_vector(row) for row in rows)
    except (ValueError, struct.error) as error:
        raise ResponseDecodeError(
            f"an embedding in the answer is no list of numbers ({error})", recoverable=False
        ) from None
    model = payload.get("model")
    return Vectors(vectors, usage, model if isinstance(model, str) else None)


def _vector(row: Json) -> tuple[float, ...]:
    if isinstance(row, str):  # little-endian 32-bit floats
        data = base64.b64decode(row, validate=True)
        numbers: tuple[float, ...] = struct.unpack(f"<{len(data) // 4}f", data)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("not all of its numbers are finite")
        return numbers
    return msgspec.convert(row, tuple[float, ...])


def _rows(payload: JsonObject, name: str) -> list[JsonObject]:
    rows = payload.get(name)
    if not isinstance(rows, list):
        raise _no_vectors(payload)
    return [row if isinstance(row, dict) else {} for row in rows]


def _no_vectors(payload: JsonObject) -> ResponseDecodeError:
    keys = ", ".join(payload) or "nothing"
    return ResponseDecodeError(f"the answer has no embeddings but: {keys}", recoverable=False)
