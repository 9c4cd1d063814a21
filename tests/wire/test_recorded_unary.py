"""Recorded embeddings and lists of models: each is read by the row of its provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rig_sync._json import JsonObject, parse_object
from rig_sync.errors import ProviderError
from rig_sync.providers import client_class, provider_names
from rig_sync.wire.errors import error_from_body
from tests.wire.corpus import Exchange, conversations

RECORDED = Path(__file__).parents[3] / "shared" / "wire"

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here: ../shared/wire"),
]


def recorded(folder: Path, family: str) -> Iterator[Exchange]:
    """The exchanges of one family, by providers that are here."""
    for path in sorted((folder / family).glob("*.jsonl.gz")):
        for conversation in conversations(path):
            for text in conversation.exchanges:
                exchange = msgspec.json.decode(text, type=Exchange)
                if exchange.family == family and exchange.provider in provider_names():
                    yield exchange


def is_error(exchange: Exchange) -> bool:
    """Whether it is one; its body then has to be understood as such."""
    if exchange.response.status < 400:
        return False
    error = error_from_body(exchange.response.content.decode(), exchange.response.status)
    assert type(error) is not ProviderError
    assert not error.message.startswith("{")
    return True


def texts_of(asked: object) -> int | None:
    """How many texts a recorded request has; None for images."""
    assert isinstance(asked, dict)
    for name in ("input", "texts", "requests"):
        if isinstance(asked.get(name), str):
            return 1
        if isinstance(asked.get(name), list):
            return len(asked[name])
    return None


def body_of(exchange: Exchange) -> JsonObject:
    payload = parse_object(exchange.response.content)
    assert payload is not None
    return payload


def test_embeddings() -> None:
    """A vector of numbers for each text."""
    seen = 0
    for exchange in recorded(RECORDED, "embeddings"):
        wire = client_class(exchange.provider).embeddings
        texts = texts_of(exchange.request.json)
        if wire is not None and texts is not None and not is_error(exchange):
            vectors = wire.decode(body_of(exchange)).vectors
            assert len(vectors) == texts
            assert all(vector for vector in vectors)
            seen += 1
    assert seen


def test_models() -> None:
    """Every entry has an id, and none is lost."""
    seen = 0
    for exchange in recorded(RECORDED, "models"):
        listing = client_class(exchange.provider).listing
        if listing is not None and not is_error(exchange):
            models = listing.decode(body_of(exchange))
            assert all(model.id for model in models)
            assert len(models) == len(body_of(exchange)["data"])  # type: ignore[arg-type]
            seen += 1
    assert seen
