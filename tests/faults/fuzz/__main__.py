"""Spoils good answers, saved data and arguments, and looks at what the decoders make of them.

    python -m tests.faults.fuzz --count N [--seed S] [--wire W] [--only K] [--recordings FOLDER]

Case K of seed S is always the same. The last line is `N cases, F foreign errors`: F are exceptions
that are none of rig_sync's documented ones, values that do not go to JSON and back, and cases that
took too long. Exits 0 when there are none.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.faults.fuzz.answers import answer_targets, other_targets
from tests.faults.fuzz.asked import asked_targets
from tests.faults.fuzz.saved import saved_targets
from tests.faults.fuzz.seeds import WIRES, Seeds, recorded, seeds
from tests.faults.fuzz.targets import Target

__all__ = ["Finding", "fuzz", "main", "targets"]

SECONDS = 5.0
SHOWN = 20


class Finding(Exception):
    """A case that did not hold: its target, its number, and what was given."""

    def __init__(self, target: str, number: int, given: object, cause: str) -> None:
        super().__init__(f"{target}, case {number}: {cause}\n  given: {given!r:.1500}")
        lines = [line.strip() for line in cause.strip().splitlines()]
        where = [line for line in lines if line.startswith("File ")][-1:]
        self.words = f"{target.partition('.')[0]}: {lines[-1][:120]} {' '.join(where)}"


def targets(wires: Iterable[str] = WIRES, folder: Path | None = None) -> list[Target]:
    """Those of the wires, and all others."""
    more = {} if folder is None else recorded(folder, wires)
    found: list[Target] = []
    for name in wires:
        both = seeds(name)
        if name in more:
            both = Seeds(both.streams + more[name].streams, both.bodies + more[name].bodies)
        found += answer_targets(name, both)
    return found


def every_target(folder: Path | None = None) -> list[Target]:
    """All there are."""
    return [*targets(folder=folder), *other_targets(), *saved_targets(), *asked_targets()]


def fuzz(found: Sequence[Target], seed: int, numbers: Iterable[int]) -> Iterator[Finding]:
    """Run the cases of these numbers; yields those that do not hold."""
    for number in numbers:
        finding = run(found[number % len(found)], seed, number)
        if finding is not None:
            yield finding


def run(target: Target, seed: int, number: int) -> Finding | None:
    """Run one case; what is wrong with it, if anything is."""
    case = target.case(random.Random(f"{seed} {number}"))
    began = time.thread_time()
    try:
        case.check()
    except Exception:  # noqa: BLE001 - that is what is looked for
        return Finding(target.name, number, case.given, traceback.format_exc(limit=-7))
    spent = time.thread_time() - began
    if spent > SECONDS:
        return Finding(target.name, number, case.given, f"it took {spent:.1f} s")
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wire", choices=sorted(WIRES))
    parser.add_argument("--only", type=int, metavar="K")
    parser.add_argument("--recordings", type=Path)
    given = parser.parse_args(arguments)
    if given.wire:
        found = targets([given.wire], given.recordings)
    else:
        found = every_target(given.recordings)
    numbers = range(given.count) if given.only is None else range(given.only, given.only + 1)
    causes: Counter[str] = Counter()
    for finding in fuzz(found, given.seed, numbers):
        words = finding.words
        causes[words] += 1
        if causes[words] == 1 and len(causes) <= SHOWN:
            print(finding, flush=True)
    for cause, times in causes.most_common(SHOWN):
        print(f"{times:7} {cause}")
    print(f"{len(numbers)} cases, {sum(causes.values())} foreign errors")
    return 1 if causes else 0


if __name__ == "__main__":
    sys.exit(main())
