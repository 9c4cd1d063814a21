"""Answers as a server gives them: how much of one, in which framing, for which way to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from tests.faults.matrix.moments import Moment, Sample
from tests.server import Framing, Script, Step, response, sse_response
from tests.wire.conformance.scenarios import suite, variants

__all__ = ["Form", "Strike", "answer", "good", "measured", "media_type", "plain", "told"]


class Form(str, Enum):
    """How the question is asked."""

    STREAM = "stream"
    SEND = "one-shot"
    AGENT = "agent, stream"
    PROMPT = "agent, one-shot"

    @property
    def streamed(self) -> bool:
        """Whether the server is asked for a stream."""
        return self in (Form.STREAM, Form.AGENT)


Strike = Callable[[Sample, Moment, bool], Mapping[str, Script]]
"""Scripts by variant; told the moment, and whether the answer is streamed."""


def told(sample: Sample, moment: Moment, streamed: bool) -> bytes:
    """The body as far as the fault; of an answer that is not streamed, by its length."""
    if streamed:
        return sample.until(moment)
    share = {Moment.TEXT: 0.5, Moment.END: 1.0}.get(moment, 0.0)
    return sample.whole[: int(len(sample.whole) * share)]


def media_type(sample: Sample, streamed: bool) -> str:
    """What a good answer is labelled with."""
    return sample.media_type if streamed else "application/json"


def answer(
    sample: Sample,
    streamed: bool,
    *pieces: bytes | Step,
    framing: Framing = "chunked",
    **headers: str,
) -> Script:
    """A response of status 200; pieces of no bytes are left out."""
    fields = {"Content-Type": media_type(sample, streamed), **_named(headers)}
    return sse_response(*(p for p in pieces if p != b""), framing=framing, headers=fields)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def measured(sample: Sample, streamed: bool, body: bytes, *steps: Step) -> Script:
    """As much of a body as is there, though its length promised more."""
    fields = {
        "Content-Type": media_type(sample, streamed),
        "Content-Length": str(len(body) + 40),
    }
    return [*response(200, fields, body), *steps]


def good(sample: Sample, streamed: bool) -> Script:
    """The whole answer, as it should be."""
    return answer(sample, streamed, sample.stream if streamed else sample.whole)


def plain(sample: Sample, streamed: bool) -> Script:
    """A whole answer that calls no tool: what an agent is told in the end."""
    scene = variants(suite(sample.wire).SCENES["usage"])["full"]
    return answer(sample, streamed, scene.body if streamed else scene.whole or b"")
