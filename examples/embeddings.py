"""Search by meaning: which of these sentences is closest to the question?

OPENAI_API_KEY=... python -m examples.embeddings
"""

from __future__ import annotations

import math

from rig_sync import Client, Embedding
from rig_sync.providers import openai

SENTENCES = [
    "The robot watered the tomatoes at dawn.",
    "Interest rates were left unchanged.",
    "A violin has four strings.",
]


def likeness(a: Embedding, b: Embedding) -> float:
    """The cosine of the angle between two texts."""
    product = sum(x * y for x, y in zip(a.vec, b.vec, strict=True))
    return product / (math.hypot(*a.vec) * math.hypot(*b.vec))


def main(client: Client) -> None:
    """Print the closest sentence, and what it took."""
    model = client.embedding_model(openai.TEXT_EMBEDDING_3_SMALL)
    *sentences, question = model.embed_texts([*SENTENCES, "Who works in the garden?"])
    best = max(sentences, key=lambda sentence: likeness(sentence, question))
    print(best.document)


if __name__ == "__main__":
    with openai.Client.from_env() as from_env:
        main(from_env)
