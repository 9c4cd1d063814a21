"""The command: every conversation of a folder, and a table of what came of it."""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.agent.scenarios.chains import chains_in
from tests.agent.scenarios.enacting import enact
from tests.agent.scenarios.endings import judged
from tests.agent.scenarios.playback import Playback
from tests.agent.scenarios.verdicts import Compared, compare
from tests.wire.corpus import Recording, read_corpus
from tests.wire.loopback import Loopback
from tests.wire.roundtrip.wires import READERS, wire_of

__all__ = ["Report", "main", "score"]

WORDS = ("re-enacted", "by hooks", "explained", "needs hooks", "ended", "different")
RANK = ("equal", "explained", "needs hooks", "different")


class Group(NamedTuple):
    """What is counted together: a provider's test folder, of one repository."""

    repository: str
    provider: str
    folder: str


class Report:
    """What came of all conversations.

    Attributes:
        counts: Of each group: `conversations`, `chains`, `calls`, `several` (those with next
            requests), and each of `WORDS`; `by hooks` are some of the `re-enacted`.
        requests: How many next requests there are of each word of `RANK`; `first` and the word for
            the first ones.
        reasons: How many requests were explained, or need a hook, by each name; and how often a
            hook of ours did what.
        endings: How many chains ended so, as documented.
        lines: The differences, in words.
        verdicts: What each request counts as, in words.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[Group, str]] = Counter()
        self.requests: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.endings: Counter[str] = Counter()
        self.lines: list[str] = []
        self.verdicts: list[str] = []

    def add(self, group: Group, told: _Told, calls: int) -> None:
        """Take in what came of one conversation."""
        self.counts.update(
            {(group, "conversations"): 1, (group, "chains"): told.chains, (group, "calls"): calls}
        )
        every = told.compared.values()
        words = {entry.word for entry in every}
        if told.wrong:
            words.add("different")
        word = max(words, key=RANK.index, default="equal")
        if word == "equal":
            word = "re-enacted" if any(not entry.first for entry in every) else "ended"
        self.counts[group, word] += 1
        self.counts[group, "by hooks"] += word == "re-enacted" and bool(told.steered)
        self.counts[group, "several"] += any(not entry.first for entry in every)
        for entry in every:
            self.requests[f"first {entry.word}" if entry.first else entry.word] += 1
            self.reasons.update(("explained", name) for name in entry.excuses)
            self.reasons.update(("needs hooks", name) for name in entry.hooks)
        self.endings.update(told.endings)
        self.reasons.update(("a hook", what) for what in told.steered)
        self.verdicts += told.verdicts()
        self.lines += told.lines()

    def total(self, word: str) -> int:
        """How many of all groups."""
        return sum(count for (_, what), count in self.counts.items() if what == word)

    def table(self) -> Iterator[str]:
        """A line for each group, Rig's ahead of the others; then one for each ending and reason."""
        groups = {group for group, _ in self.counts}
        rigs = {group for group in groups if group.repository == "rig"}
        for some in (rigs, groups - rigs):
            yield from self._rows(sorted(some)) if some else ()
        for kind, count in self.endings.most_common():
            yield f"ended as documented: {kind:55}{count:>6}"
        for (word, name), count in sorted(self.reasons.items()):
            yield f"{word}: {name:65}{count:>6}"

    def _rows(self, groups: Sequence[Group]) -> Iterator[str]:
        columns = ("conversations", "chains", "calls", *WORDS)
        yield f"{'provider':16}{'folder':38}" + "".join(f"{word:>14}" for word in columns)
        sums: Counter[str] = Counter()
        for group in groups:
            cells = {word: self.counts[group, word] for word in columns}
            sums.update(cells)
            yield f"{group.provider:16}{group.folder:38}" + _row(cells.values())
        yield f"{'':54}" + _row(sums[word] for word in columns)


def _row(cells: Iterable[int]) -> str:
    return "".join(f"{cell or '-':>14}" for cell in cells)


class _Told:
    """What came of one conversation; requests that several chains begin with count once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chains = 0
        self.compared: dict[int, Compared] = {}
        self.endings: list[str] = []
        self.wrong: list[str] = []
        self.steered: list[str] = []

    def lines(self) -> Iterator[str]:
        """The differences, and what hooks would have to do."""
        for entry in self.compared.values():
            for path, ours, recorded in entry.differences:
                yield f"{self.name} [{entry.number}] {path}"
                yield f"    ours:     {ours!r:.900}\n    recorded: {recorded!r:.900}"
            if entry.hooks:
                yield f"{self.name} [{entry.number}] needs hooks: {', '.join(entry.hooks)}"
        yield from (f"{self.name} {wrong}" for wrong in self.wrong)

    def verdicts(self) -> Iterator[str]:
        """What each request counts as, and why."""
        for entry in self.compared.values():
            first = "first of a chain, " if entry.first else ""
            why = ", ".join((*entry.excuses, *entry.hooks))
            yield f"{self.name} [{entry.number}] {first}{entry.word}{': ' * bool(why)}{why}"
        yield from (f"{self.name} ended as documented: {kind}" for kind in self.endings)


def score(
    folder: Path,
    *,
    prefix: str = "rig/",
    only: str = "",
    family: str | None = None,
    seed: int = 0,
) -> Report:
    """What came of the conversations in `folder`.

    Args:
        folder: Of recordings.
        prefix: Only those whose name begins so: with a repository's name.
        only: Only those with this in their name.
        family: Only this one.
        seed: Of the cuts of the bodies.
    """
    wanted = READERS.keys() if family is None else READERS.keys() & {family}
    found, _ = read_corpus(folder, wanted)
    report, chance = Report(), random.Random(seed)
    with Playback() as server, Loopback() as other:
        for name, recordings in groupby(found, key=lambda entry: entry.name):
            entries = [
                entry for entry in recordings if isinstance(entry.exchange.request.json, dict)
            ]
            if name.startswith(prefix) and only in name and entries:
                told = _enacted(name, entries, server, other, chance)
                report.add(_group(name, entries[0]), told, len(entries))
    return report


def _group(name: str, first: Recording) -> Group:
    repository, _, rest = name.partition("/")
    folder = rest.split("/")[1] if repository == "rig" else repository
    return Group(repository, first.exchange.provider, folder)


def _enacted(
    name: str,
    recordings: Sequence[Recording],
    server: Playback,
    other: Loopback,
    chance: random.Random,
) -> _Told:
    told = _Told(name)
    by_family: dict[str, list[Recording]] = {}
    for entry in recordings:
        by_family.setdefault(entry.exchange.family, []).append(entry)
    for family, entries in by_family.items():
        reader, wire = READERS[family], wire_of(family, entries[0].exchange.provider)
        for chain in chains_in(reader, entries):
            done = enact(reader, wire, chain, server, chance)
            told.chains += 1
            told.steered += [what for enacted in done for what in enacted.steered]
            for compared in compare(reader, done, other, chance):
                told.compared.setdefault(compared.number, compared)
            kind, wrong = judged(done[-1])
            if wrong:
                told.wrong.append(f"[{chain[-1].recording.index}] {kind}: {wrong}")
            else:
                told.endings.append(kind)
    return told


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.agent.scenarios")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="the other repositories' too")
    parser.add_argument("--only", default="", help="only names with this in them")
    parser.add_argument("--seed", type=int, default=0, help="of the cuts")
    parser.add_argument("--show", default="", help="the same, and what each request counts as")
    options = parser.parse_args(arguments)
    prefix = "" if options.all or options.show else "rig/"
    only = options.show or options.only
    report = score(options.folder, prefix=prefix, only=only, seed=options.seed)
    print(*(report.verdicts if options.show else ()), *report.lines, *report.table(), sep="\n")
    requests, several = report.requests, report.total("several")
    print(
        f"first requests of a chain: {requests['first equal']} equal, "
        f"{requests['first explained']} explained, {requests['first different']} different"
    )
    print(
        f"re-enacted {report.total('re-enacted')} of {several} conversations, "
        f"{requests['equal']} requests equal, {requests['different']} different"
    )
    return 1 if report.total("different") or not report.counts else 0
