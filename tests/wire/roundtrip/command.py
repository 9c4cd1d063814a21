"""The command: every conversation of a folder, and a table of what came of it."""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rig_sync.message import AssistantMessage
from tests.wire.asking import Outcome
from tests.wire.compare import Difference, differences
from tests.wire.corpus import Recording, read_corpus
from tests.wire.fidelity import replay
from tests.wire.loopback import Loopback
from tests.wire.roundtrip.excuses import Evidence, Verdict, judge
from tests.wire.roundtrip.pairs import Known, Pair, pairs_in
from tests.wire.roundtrip.rebuild import rebuild
from tests.wire.roundtrip.wires import READERS, wire_of

__all__ = ["Report", "main", "score"]


_RESULT = re.compile(r"(?i)result|response|output|^tool")


class Group(NamedTuple):
    """What is counted together."""

    family: str
    provider: str


class Report:
    """What came of all pairs.

    Attributes:
        counts: How many pairs of each group there are, `rebuilt`, `explained`, `different`.
        excuses: How many pairs were explained by each name.
        apart: How many requests have no history to rebuild, by reason.
        dropped: Items of the user's side that no value of ours says, left out on both sides.
        lines: The differences, in words.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[Group, str]] = Counter()
        self.excuses: Counter[tuple[str, str]] = Counter()
        self.apart: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.lines: list[str] = []

    def add(self, request: Recording, verdict: Verdict) -> None:
        """Take in what came of one pair."""
        group = Group(request.exchange.family, request.exchange.provider)
        word = "different" if verdict.differences else "explained" if verdict.excuses else "rebuilt"
        self.counts[group, word] += 1
        if word == "explained":
            self.excuses.update((group.family, name) for name in verdict.excuses)
        for path, ours, recorded in verdict.differences:
            where = f"{request.name} [{request.index}] {path}"
            self.lines.append(
                f"{where}\n    ours:     {ours!r:.600}\n    recorded: {recorded!r:.600}"
            )

    def total(self, word: str) -> int:
        """How many of all groups."""
        return sum(count for (_, what), count in self.counts.items() if what == word)

    def table(self) -> Iterator[str]:
        """A line for each family and provider, then one for each excuse and each reason."""
        words = ("rebuilt", "explained", "different")
        yield f"{'family':20}{'provider':20}{'pairs':>11}" + "".join(f"{w:>11}" for w in words)
        for group in sorted({group for group, _ in self.counts}):
            cells = [self.counts[group, word] for word in words]
            shown = "".join(f"{cell or '-':>11}" for cell in (sum(cells), *cells))
            yield f"{group.family:20}{group.provider:20}{shown}"
        for (family, name), count in sorted(self.excuses.items()):
            yield f"explained: {family:20}{name:50}{count:>6}"
        for (family, reason), count in sorted(self.apart.items()):
            yield f"no history to rebuild: {family:20}{reason:50}{count:>6}"
        for (family, what), count in sorted(self.dropped.items()):
            yield f"left out on both sides: {family:20}{what:50}{count:>6}"


class _Conversation:
    """One conversation: its responses are asked for once."""

    def __init__(self, server: Loopback, chance: random.Random) -> None:
        self._server = server
        self._chance = chance
        self._outcomes: dict[int, Outcome] = {}

    def judge(self, pair: Pair) -> tuple[Verdict, list[str]]:
        """What came of one pair, and the items that had no place."""
        family, provider = pair.request.exchange.family, pair.request.exchange.provider
        outcomes = [self._outcome(known) for known in pair.known]
        messages: dict[int, AssistantMessage] = {}
        for known, outcome in zip(pair.known, outcomes, strict=True):
            if outcome.response is None:
                return _failed(f"response {known.response.index}", outcome.error), []
            messages[known.response.index] = outcome.response.message
        expected = [known.response.expected for known in pair.known]
        faithful = not any(
            differences(right, outcome)
            for right, outcome in zip(expected, outcomes, strict=True)
            if right is not None
        )
        try:
            rebuilt = rebuild(READERS[family], wire_of(family, provider), pair, messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return _failed("encode", error), []
        evidence = Evidence([known.response for known in pair.known], faithful=faithful)
        verdict = judge(rebuilt.ours, rebuilt.recorded, evidence)
        if any(_RESULT.search(what) for what in rebuilt.dropped):
            verdict.excuses.append("our results of chat completions are text")
        return verdict, rebuilt.dropped

    def _outcome(self, known: Known) -> Outcome:
        index = known.response.index
        if index not in self._outcomes:
            self._outcomes[index] = replay(known.response.exchange, self._server, self._chance)
        return self._outcomes[index]


def _failed(where: str, error: Exception | None) -> Verdict:
    return Verdict([], [Difference(where, repr(error), "a history")])


def score(
    folder: Path, *, family: str | None = None, provider: str | None = None, seed: int = 0
) -> tuple[Report, Counter[str]]:
    """What came of the conversations in `folder`, and how many exchanges have no reader, by family.

    Args:
        folder: Of recordings.
        family: Only this one.
        provider: Only this one's.
        seed: Of the cuts of the bodies.
    """
    wanted = READERS.keys() if family is None else READERS.keys() & {family}
    found, others = read_corpus(folder, wanted, provider)
    if family is not None:
        others = Counter({name: n for name, n in others.items() if name == family})
    report, chance = Report(), random.Random(seed)
    with Loopback() as server:
        for _, recordings in groupby(found, key=lambda entry: entry.name):
            by_family: dict[str, list[Recording]] = {}
            for entry in recordings:
                by_family.setdefault(entry.exchange.family, []).append(entry)
            for entries in by_family.values():
                _add(report, entries, _Conversation(server, chance))
    return report, others


def _add(report: Report, recordings: Sequence[Recording], conversation: _Conversation) -> None:
    reader = READERS[recordings[0].exchange.family]
    for entry in pairs_in(reader, recordings):
        if isinstance(entry, Pair):
            verdict, dropped = conversation.judge(entry)
            report.add(entry.request, verdict)
            report.dropped.update((entry.request.exchange.family, what) for what in dropped)
        else:
            report.apart[entry.request.exchange.family, entry.reason] += 1


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.roundtrip")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family")
    parser.add_argument("--provider")
    parser.add_argument("--seed", type=int, default=0, help="of the cuts")
    options = vars(parser.parse_args(arguments))
    report, others = score(options.pop("folder"), **options)
    rebuilt, explained, different = map(report.total, ("rebuilt", "explained", "different"))
    print(*report.lines, *report.table(), sep="\n")
    for name, count in sorted(others.items()):
        print(f"no reader: {name} ({count} exchanges)")
    total = rebuilt + explained + different
    print(f"explained {explained}, different {different}")
    print(f"rebuilt {rebuilt} of {total}")
    return 1 if different or not total else 0
