"""That everything grows in a straight line: four times the input over once, side by side.

Every stream in which something grows with each frame, on every wire, and every text that repeats
itself (`tests.faults.fuzz.large`), at a quarter of a million characters and at a million. CPU of
this thread, the minimum of the rounds; 4 is linear, 16 quadratic. The last line is
`N of N linear`; what takes more than `BOUND` times as long is not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

from tests.faults.fuzz.large import LARGE, TEXTS, put_together, read_json, stream, text

SIZE = 250_000
BOUND = 8.0
FAST = 0.02
"""Seconds: what takes less at a million characters is fast, whatever the ratio."""


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The least CPU time of this thread that `work` took."""
    least = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        work()
        least = min(least, time.thread_time() - began)
    return least


def works(size: int) -> dict[str, Callable[[], object]]:
    """Everything that may grow, at about `size` characters."""
    found: dict[str, Callable[[], object]] = {}
    for name, (wire, frames) in LARGE.items():
        found[name] = partial(put_together, wire, [*stream(frames, size)])
    for name in TEXTS:
        found[f"text: {name}"] = partial(read_json, text(name, size))
    return found


def main() -> int:
    """Measure, print, and say how many are linear."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    small, large = works(SIZE), works(4 * SIZE)
    linear = 0
    for name, work in small.items():
        once, fourfold = seconds(work, rounds), seconds(large[name], rounds)
        fine = fourfold < FAST or fourfold < BOUND * once
        linear += fine
        told = "" if fine else "  not linear"
        print(
            f"{name:44} {once * 1e3:7.0f} ms {fourfold * 1e3:7.0f} ms {fourfold / once:5.1f}{told}"
        )
    print(f"{linear} of {len(small)} linear")
    return int(linear < len(small))


if __name__ == "__main__":
    raise SystemExit(main())
