"""Every recorded exchange through the public API, against what its bodies say.

    python -m tests.wire.fidelity FOLDER [--family F] [--provider P] [--limit N] [--seed N]
                                         [--cuts random|bytes|whole] [--crlf] [--gzip]

FOLDER is one of recordings, as `../shared/wire`. The bodies come over a real loopback connection,
cut at random places unless told otherwise: how they come must not matter. Exits 0 when nothing
that is scored differs.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from rig_sync.errors import RigError
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse
from rig_sync.wire.cohere_chat import CohereChat
from rig_sync.wire.gemini_generate import GeminiGenerate
from rig_sync.wire.gemini_interactions import GeminiInteractions
from rig_sync.wire.ollama_chat import OllamaChat
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.wire.asking import Outcome, ask
from tests.wire.compare import Difference, differences
from tests.wire.corpus import Exchange, Expected, Recording, read_corpus
from tests.wire.exceptions import EXCEPTIONS
from tests.wire.loopback import Answer, Loopback, byte_sizes, random_sizes

__all__ = ["Delivery", "Report", "replay", "score"]

WIRES: dict[str, Callable[[str], Wire]] = {
    "anthropic.messages": lambda path: AnthropicMessages(route=path),
    "cohere.chat": lambda path: CohereChat(route=path),
    "bedrock.converse": lambda _: BedrockConverse(),
    "gemini.interactions": lambda path: GeminiInteractions(route=path),
    "openai.chat": lambda path: OpenAIChat(route=path),
    "openai.responses": lambda path: OpenAIResponses(route=path),
    "gemini.generate": lambda path: GeminiGenerate(route=path),
    "ollama.chat": lambda path: OllamaChat(route=path),
}
"""Family -> its wire, for requests to one recorded path."""

FRAMING = {"content-type", "content-length", "transfer-encoding", "content-encoding", "connection"}


Cuts = Literal["random", "bytes", "whole"]
SINGLE_BYTES = 16384
"""Of a larger body only the ends come byte by byte: 94 of 100 recordings are smaller."""


class Delivery(NamedTuple):
    """How the bodies come. What is in them stays the same.

    Attributes:
        cuts: In random pieces, each byte for itself, or in one piece.
        crlf: Every line of an event stream ends in CRLF.
        gzip: Compressed, though we ask for `identity`.
    """

    cuts: Cuts = "random"
    crlf: bool = False
    gzip: bool = False

    def __str__(self) -> str:
        """As `bytes, CRLF, gzip`."""
        return ", ".join([self.cuts, *["CRLF"] * self.crlf, *["gzip"] * self.gzip])

    def answer(
        self,
        body: bytes,
        status: int,
        content_type: str,
        headers: dict[str, str],
        chance: random.Random,
        *,
        lines: bool,
    ) -> Answer:
        """The answer with that body; `lines` says that it is an event stream."""
        if self.crlf and lines:
            body = re.sub(rb"\r?\n", b"\r\n", body)
        if self.gzip:
            body = gzip.compress(body, mtime=0)
            headers = {**headers, "Content-Encoding": "gzip"}
        sizes: tuple[int, ...] = ()
        if self.cuts == "random":
            sizes = random_sizes(len(body), chance)
        elif self.cuts == "bytes":
            sizes = byte_sizes(len(body), SINGLE_BYTES)
        return Answer(body, status, content_type, headers, sizes)


class Group(NamedTuple):
    """What is counted together."""

    family: str
    provider: str
    streaming: bool


class Report:
    """What came of all exchanges.

    Attributes:
        counts: How many of each group were `scored`, `equal`, `excepted`, `not scored`.
        lines: The differences, in words.
        finished: Those whose recording counts as incomplete, though a finish reason had come:
            that is a terminal proof too.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[Group, str]] = Counter()
        self.lines: list[str] = []
        self.finished = 0

    def add(self, recording: Recording, outcome: Outcome) -> None:
        """Take in what came of one exchange."""
        expected, error = recording.expected, outcome.error
        exchange = recording.exchange
        provider = exchange.provider if expected is None else expected.provider
        group = Group(exchange.family, provider, exchange.streaming)
        found: list[Difference] = []
        if error is not None and not isinstance(error, RigError):
            found.append(Difference("crash", repr(error), None))
        if expected is None or not is_scored(expected):
            self.counts[group, "not scored"] += 1
            self._tell(recording, found)
            return
        found += differences(expected, outcome)
        self.finished += not (expected.complete or expected.error) and expected.finish is not None
        cause = EXCEPTIONS.get((recording.name, recording.index))
        self.counts[group, "scored"] += 1
        if found and cause is not None:
            self.counts[group, "excepted"] += 1
            return
        if cause is not None:
            found.append(Difference("exception", "equal", cause))
        self.counts[group, "equal"] += not found
        self._tell(recording, found)

    def total(self, word: str) -> int:
        """How many of all groups."""
        return sum(count for (_, what), count in self.counts.items() if what == word)

    def table(self) -> Iterator[str]:
        """A line for each family and provider: streamed and one-shot apart."""
        words = ("scored", "equal", "excepted", "not scored")
        yield f"{'':42}{'streaming':^40}{'one-shot':^40}"
        yield f"{'family':20}{'provider':20}" + "".join(f"{word:>11}" for word in (*words, *words))
        for family, provider in sorted({group[:2] for group, _ in self.counts}):
            cells = [
                self.counts[Group(family, provider, streaming), word]
                for streaming in (True, False)
                for word in words
            ]
            yield f"{family:20}{provider:20}" + "".join(f"{cell or '-':>11}" for cell in cells)

    def _tell(self, recording: Recording, found: Iterable[Difference]) -> None:
        for field, ours, right in found:
            where = f"{recording.name} [{recording.index}] {field}"
            self.lines.append(f"{where}\n    ours:     {ours!r:.600}\n    expected: {right!r:.600}")


def is_scored(expected: Expected) -> bool:
    """Whether the recording is clear enough to be held against us."""
    return all(word.startswith("tool_plan:") for word in expected.anomalies)


def replay(
    exchange: Exchange,
    server: Loopback,
    chance: random.Random,
    delivery: Delivery = Delivery(),  # noqa: B008 - an immutable value
) -> Outcome:
    """What the client makes of one recorded answer."""
    response = exchange.response
    wire = WIRES[exchange.family](exchange.request.path)
    base_url = server.add(
        delivery.answer(
            response.content,
            response.status,
            response.content_type or "",
            {k: v for k, v in response.headers.items() if k.lower() not in FRAMING},
            chance,
            lines=exchange.streaming and wire.framing == "sse",
        )
    )
    try:
        return ask(base_url, wire, streaming=exchange.streaming, model=exchange.request.model)
    finally:
        server.drop(base_url)


def score(
    folder: Path,
    *,
    family: str | None = None,
    provider: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    delivery: Delivery = Delivery(),  # noqa: B008 - an immutable value
) -> tuple[Report, Counter[str]]:
    """What came of the exchanges in `folder`, and how many have no wire yet, by family.

    Args:
        folder: Of recordings.
        family: Only this one.
        provider: Only this one's.
        limit: At most so many, taken at random.
        seed: Of the sample and of the cuts.
        delivery: How the bodies come.
    """
    wanted = WIRES.keys() if family is None else WIRES.keys() & {family}
    found, others = read_corpus(folder, wanted, provider)
    if family is not None:
        others = Counter({name: n for name, n in others.items() if name == family})
    recordings = list(found)
    chance = random.Random(seed)
    if limit is not None and limit < len(recordings):
        recordings = chance.sample(recordings, limit)
    report = Report()
    with Loopback() as server:
        for recording in recordings:
            report.add(recording, replay(recording.exchange, server, chance, delivery))
    return report, others


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.fidelity")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family")
    parser.add_argument("--provider")
    parser.add_argument("--limit", type=int, help="a random sample of so many exchanges")
    parser.add_argument("--seed", type=int, default=0, help="of the cuts and of the sample")
    parser.add_argument("--cuts", choices=("random", "bytes", "whole"), default="random")
    parser.add_argument("--crlf", action="store_true", help="event streams with CRLF line ends")
    parser.add_argument("--gzip", action="store_true", help="compressed bodies")
    options = vars(parser.parse_args(arguments))
    delivery = Delivery(*map(options.pop, ("cuts", "crlf", "gzip")))
    report, others = score(options.pop("folder"), delivery=delivery, **options)
    scored, equal, excepted = map(report.total, ("scored", "equal", "excepted"))
    print(*report.lines, *report.table(), sep="\n")
    for name, count in sorted(others.items()):
        print(f"no wire yet: {name} ({count} exchanges)")
    print(f"finish reason came, though the recording counts as incomplete: {report.finished}")
    print(f"bodies: {delivery}")
    print(f"scored {scored}, equal {equal}, excepted {excepted}")
    return 1 if report.lines or not scored else 0


if __name__ == "__main__":
    sys.exit(main())
