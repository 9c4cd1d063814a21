"""Every recorded exchange through the public API, against what its bodies say.

    python -m tests.wire.fidelity FOLDER [--family F] [--provider P] [--limit N] [--seed N]

FOLDER is one of recordings, as `../shared/wire`. The bodies come over a real loopback connection,
cut at random places. Exits 0 when nothing that is scored differs.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rig_sync.errors import RigError
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.wire.asking import Outcome, ask
from tests.wire.compare import Difference, differences
from tests.wire.corpus import Exchange, Expected, Recording, read_corpus
from tests.wire.exceptions import EXCEPTIONS
from tests.wire.loopback import Answer, Loopback, random_sizes

__all__ = ["Report", "replay", "score"]

WIRES: dict[str, Callable[[str], Wire]] = {
    "openai.chat": lambda path: OpenAIChat(route=path),
    "openai.responses": lambda path: OpenAIResponses(route=path),
}
"""Family -> its wire, for requests to one recorded path."""

FRAMING = {"content-type", "content-length", "transfer-encoding", "content-encoding", "connection"}


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


def replay(exchange: Exchange, server: Loopback, chance: random.Random) -> Outcome:
    """What the client makes of one recorded answer."""
    response = exchange.response
    base_url = server.add(
        Answer(
            response.content,
            response.status,
            response.content_type or "",
            {k: v for k, v in response.headers.items() if k.lower() not in FRAMING},
            random_sizes(len(response.content), chance),
        )
    )
    wire = WIRES[exchange.family](exchange.request.path)
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
) -> tuple[Report, Counter[str]]:
    """What came of the exchanges in `folder`, and how many have no wire yet, by family.

    Args:
        folder: Of recordings.
        family: Only this one.
        provider: Only this one's.
        limit: At most so many, taken at random.
        seed: Of the sample and of the cuts.
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
            report.add(recording, replay(recording.exchange, server, chance))
    return report, others


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.fidelity")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family")
    parser.add_argument("--provider")
    parser.add_argument("--limit", type=int, help="a random sample of so many exchanges")
    parser.add_argument("--seed", type=int, default=0, help="of the cuts and of the sample")
    options = vars(parser.parse_args(arguments))
    report, others = score(options.pop("folder"), **options)
    scored, equal, excepted = map(report.total, ("scored", "equal", "excepted"))
    print(*report.lines, *report.table(), sep="\n")
    for name, count in sorted(others.items()):
        print(f"no wire yet: {name} ({count} exchanges)")
    print(f"finish reason came, though the recording counts as incomplete: {report.finished}")
    print(f"scored {scored}, equal {equal}, excepted {excepted}")
    return 1 if report.lines or not scored else 0


if __name__ == "__main__":
    sys.exit(main())
