"""Texts as vectors (Rig: `rig::embeddings`). Values only."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rig_sync.completion import Usage

__all__ = ["Embedding", "Embeddings"]


class Embedding(Struct, frozen=True, tag="embedding"):
    """One text and its vector."""

    document: str
    vec: tuple[float, ...]

    def __repr__(self) -> str:
        return f"Embedding({self.document[:40]!r}, {len(self.vec)} dimensions)"


class Embeddings(Struct, frozen=True, tag="embeddings", omit_defaults=True):
    """The embeddings of several texts, in the order of the texts: iterate, index, `len`.

    Attributes:
        items: One for each text.
        usage: Of all requests that it took, as far as reported.
        model: The model that answered, in the provider's words.
    """

    items: tuple[Embedding, ...]
    usage: Usage = Usage()
    model: str | None = None

    def __iter__(self) -> Iterator[Embedding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Embedding:
        return self.items[index]

    def __repr__(self) -> str:
        return f"Embeddings({len(self.items)} texts, {self.usage!r})"
