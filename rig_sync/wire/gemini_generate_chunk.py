"""One object of a Gemini answer, streamed or whole, as the fields that are read of it.

Fields have the wire's own names.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rig_sync._json import JsonObject
from rig_sync.completion import FinishKind, Usage
from rig_sync.wire.base import natural

__all__ = [
    "FINISH_KINDS",
    "FINISH_NUMBERS",
    "NO_COUNTS",
    "Candidate",
    "Chunk",
    "Content",
    "Counts",
    "Feedback",
    "decode_chunk",
    "usage_of",
    "words_alone",
]

FINISH_KINDS: dict[str, FinishKind] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}

FINISH_NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""The words that stand behind numbers, which Google sends where `$alt=json;enum-encoding=int` is
asked for. Of the higher ones Gemini and Vertex mean different things."""


class Content(Struct):
    """What the model said; the kinds of parts are many, and new ones come."""

    parts: list[object] | None = None


class Candidate(Struct):
    """One of the answers; nearly always the only one."""

    index: int | None = None
    content: Content | None = None
    finishReason: str | int | None = None
    citationMetadata: JsonObject | None = None
    groundingMetadata: JsonObject | None = None
    urlContextMetadata: JsonObject | None = None


class Feedback(Struct):
    """What Google thinks of the prompt; with a reason, there is no answer."""

    blockReason: str | int | None = None


class Counts(Struct):
    """Token counts so far."""

    promptTokenCount: int | None = None
    cachedContentTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    totalTokenCount: int | None = None


class Chunk(Struct):
    """An object of a stream, or the whole body of a one-shot answer: the same fields."""

    candidates: list[Candidate] | UnsetType | None = UNSET
    usageMetadata: Counts | None = None
    promptFeedback: Feedback | None = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: object = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


def words_alone(chunk: Chunk) -> str | None:
    """The text of a chunk that has nothing else, as nearly all: the short way past the rest."""
    candidates = chunk.candidates
    if type(candidates) is not list or len(candidates) != 1 or chunk.error is not None:
        return None
    candidate = candidates[0]
    content = candidate.content
    if content is None or candidate.index or candidate.finishReason or chunk.promptFeedback:
        return None
    if candidate.groundingMetadata or candidate.citationMetadata or candidate.urlContextMetadata:
        return None
    parts = content.parts
    if parts is None or len(parts) != 1:
        return None
    part = parts[0]
    if type(part) is not dict or len(part) != 1:
        return None
    text = part.get("text")
    return text if type(text) is str and text else None


NO_COUNTS = Counts()


def usage_of(counts: Counts | None) -> Usage | None:
    """Usage as Gemini reports it; None where it only names the tier.

    What is thought is not among the candidates' tokens.

    The tokens that hosted tools fed to the model (`toolUsePromptTokenCount`) are in the total
    alone, as with Google.

    >>> usage_of(Counts(promptTokenCount=4, candidatesTokenCount=2, thoughtsTokenCount=3))
    Usage(input_tokens=4, output_tokens=5, total_tokens=None, cached_input_tokens=None, \
cache_creation_input_tokens=None, reasoning_tokens=3)
    """
    if counts is None or counts == NO_COUNTS:
        return None
    said, thought = natural(counts.candidatesTokenCount), natural(counts.thoughtsTokenCount)
    silent = said is None and thought is None
    return Usage(
        input_tokens=natural(counts.promptTokenCount),
        output_tokens=None if silent else (said or 0) + (thought or 0),
        total_tokens=natural(counts.totalTokenCount),
        cached_input_tokens=natural(counts.cachedContentTokenCount),
        reasoning_tokens=thought,
    )
