"""Embeddings over the public API: every shape, batches, order, usage, errors."""

from __future__ import annotations

import base64
import json
import struct
from typing import NamedTuple

import pytest

from rig_sync import Client, ConfigError, NotFound, ResponseDecodeError, Timeouts, Usage
from rig_sync.errors import FirstEventTimeout
from rig_sync.providers import client_class, provider_names
from tests.conftest import ServerFactory
from tests.server import Request, Script, Stall, error_response, response, sse_response


class Shape(NamedTuple):
    """How one provider is asked and answers, for the texts `["one", "two"]`."""

    provider: str
    path: str
    body: object
    answer: object
    usage: Usage


def openai_rows(*vectors: object) -> list[object]:
    return [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]


PACKED = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
OPENAI = {"model": "m", "input": ["one", "two"]}
USED = Usage(input_tokens=4, total_tokens=4)
COUNTS = {"prompt_tokens": 4, "total_tokens": 4}
GEMINI_PART = {"model": "models/m", "outputDimensionality": 2, "taskType": "query"}
SHAPES = [
    Shape(
        "openai",
        "/embeddings",
        {**OPENAI, "dimensions": 2},
        {"data": openai_rows([0.5, -1], [1, 2])[::-1], "usage": COUNTS},
        USED,
    ),
    Shape(
        "mistral",
        "/embeddings",
        {**OPENAI, "output_dimension": 2},
        {"data": [{"embedding": PACKED}, {"embedding": [1, 2]}], "usage": COUNTS},
        USED,
    ),
    Shape(
        "voyage",
        "/embeddings",
        {**OPENAI, "output_dimension": 2, "input_type": "query"},
        {"data": openai_rows(PACKED, [1, 2]), "usage": {"total_tokens": 4}},
        USED,
    ),
    Shape(
        "gemini",
        "/v1beta/models/m:batchEmbedContents",
        {
            "requests": [
                {**GEMINI_PART, "content": {"parts": [{"text": text}]}} for text in ("one", "two")
            ]
        },
        {"embeddings": [{"values": [0.5, -1]}, {"values": [1, 2]}]},
        Usage(),
    ),
    Shape(
        "cohere",
        "/v2/embed",
        {
            "model": "m",
            "texts": ["one", "two"],
            "input_type": "query",
            "embedding_types": ["float"],
            "output_dimension": 2,
        },
        {
            "embeddings": {"float": [[0.5, -1], [1, 2]]},
            "meta": {"billed_units": {"input_tokens": 4}},
        },
        Usage(input_tokens=4),
    ),
    Shape(
        "ollama",
        "/api/embed",
        {**OPENAI, "dimensions": 2},
        {"model": "m", "embeddings": [[0.5, -1], [1, 2]], "prompt_eval_count": 4},
        Usage(input_tokens=4),
    ),
]


def client_of(provider: str, url: str) -> Client:
    return client_class(provider)("s3cret", base_url=url)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.provider)
def test_shapes(server: ServerFactory, shape: Shape) -> None:
    """Each provider is asked in its own words, and gives the same values."""
    scripted = server(response(body=json.dumps(shape.answer).encode()))
    with client_of(shape.provider, scripted.url) as client:
        model = client.embedding_model("m", dimensions=2, input_type="query")
        found = model.embed_texts(["one", "two"])
    (request,) = scripted.requests
    assert (request.method, request.path) == ("POST", shape.path)
    assert request.json == shape.body
    assert [(e.document, e.vec) for e in found] == [("one", (0.5, -1.0)), ("two", (1.0, 2.0))]
    assert found.usage == shape.usage
    assert (len(found), found[1].document) == (2, "two")


def test_every_embedding_provider_is_here() -> None:
    """Providers with embeddings speak a shape that is tested above."""
    kinds = {type(client_class(shape.provider).embeddings) for shape in SHAPES}
    rows = [client_class(name).embeddings for name in provider_names()]
    assert {type(row) for row in rows if row is not None} <= kinds


def numbered(request: Request) -> Script:
    """A vector for each text: its number."""
    texts = request.json["input"]  # type: ignore[index]  # what we sent
    rows = openai_rows(*([int(text)] for text in texts))
    payload = {"data": rows, "usage": {"prompt_tokens": len(texts)}, "model": "scripted"}
    return response(body=json.dumps(payload).encode())


def test_batches(server: ServerFactory) -> None:
    """More texts than a request may have take several; order is kept, usage added up."""
    scripted = server(numbered)
    with client_of("mistral", scripted.url) as client:
        model = client.embedding_model("m", additional_params={"encoding": "float"})
        found = model.embed_texts([str(number) for number in range(300)])
        assert model.embed_text("7").vec == (7.0,)
    sizes = [len(request.json["input"]) for request in scripted.requests]  # type: ignore[index]
    assert sizes == [128, 128, 44, 1]
    assert model.max_documents == 128
    assert [e.vec for e in found] == [(float(number),) for number in range(300)]
    assert (found.usage, found.model) == (Usage(input_tokens=300), "scripted")
    assert scripted.requests[0].json["encoding"] == "float"  # type: ignore[index]
    assert repr(found[0]) == "Embedding('0', 1 dimensions)"


@pytest.mark.parametrize("texts", [[], [""], ["a", "  "], "one"])
def test_nothing_to_embed(texts: list[str]) -> None:
    """No text, an empty one and a bare string are refused before anything is sent."""
    with client_of("openai", "http://127.0.0.1:9") as client:
        model = client.embedding_model("m")
        with pytest.raises(ConfigError):
            model.embed_texts(texts)


def test_refused_early() -> None:
    """Providers without embeddings say so, and so do options that cannot be."""
    groq = client_of("groq", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="groq has no embeddings"):
        groq.embedding_model("m")
    with client_of("voyage", "http://127.0.0.1:9") as client:
        with pytest.raises(ConfigError, match="use embedding_model"):
            client.agent("voyage-3.5")
        with pytest.raises(ConfigError, match="dimensions=0"):
            client.embedding_model("m", dimensions=0)
        with pytest.raises(ConfigError, match="empty"):
            client.embedding_model(" ")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"data": {}},
        {"data": []},
        {"data": [{"embedding": ["x"]}]},
        {"data": [{"embedding": "%"}]},
        {"data": [{"embedding": "AAA="}]},
        {"data": [{"embedding": None}]},
        {"data": [7]},
        [1.0, 2.0],
    ],
)
def test_answers_that_are_none(server: ServerFactory, payload: object) -> None:
    """Whatever is no list of vectors, one for each text, is a typed error of that provider."""
    scripted = server(response(body=json.dumps(payload).encode()))
    with client_of("openai", scripted.url) as client, pytest.raises(ResponseDecodeError) as caught:
        client.embedding_model("m").embed_texts(["one"])
    assert caught.value.provider == "openai"
    assert not caught.value.recoverable


def test_errors_and_time(server: ServerFactory) -> None:
    """The provider's error is typed and keyless; a silent server is left in time."""
    scripted = server(
        error_response(404, {"error": {"message": "no s3cret", "code": "model_not_found"}}),
        sse_response(Stall()),
    )
    with client_of("openai", scripted.url) as client:
        model = client.embedding_model("m")
        with pytest.raises(NotFound, match=r"openai: no \[key\]"):
            model.embed_texts(["one"])
        with pytest.raises(FirstEventTimeout):
            model.embed_texts(["one"], timeouts=Timeouts(first_event=0.05))
