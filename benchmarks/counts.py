"""Instructions per event on the hot path, against a stored budget; needs valgrind.

Instructions do not depend on how busy a machine is, so a regression shows where times are noise.
They do depend on the interpreter: the budget is one Python's, and with another it is only printed.
A part is run once and three times, each in a process of its own; the difference is what counts.
The last line is `N of N within the budget`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.feeds import words
from benchmarks.hot import EVENTS, PARTS
from benchmarks.server import serving

__all__ = ["ROOM", "beyond", "count", "page"]

BUDGET = Path(__file__).with_name("budget.json")
ROOM = 1.05  # of the budget: more is a regression
WAITS_WITHIN = 300.0  # seconds for one process


def count(part: str, url: str) -> int:
    """Instructions per event of one part."""
    once, thrice = (_instructions(part, times, url) for times in (1, 3))
    return round((thrice - once) / (2 * EVENTS))


def beyond(counts: Mapping[str, int], budget: Mapping[str, int]) -> list[str]:
    """The parts that take more than the budget leaves room for, or have none.

    >>> beyond({"chat": 105, "agent": 106, "new": 1}, {"chat": 100, "agent": 100})
    ['agent', 'new']
    """
    return [name for name, found in counts.items() if found > budget.get(name, 0) * ROOM]


def page(counts: Mapping[str, int], budget: Mapping[str, int]) -> str:
    """A table of what was counted, beside the budget."""
    rows = [f"{'instructions per event':24}{'counted':>9}{'budget':>9}{'ratio':>7}"]
    for name, found in counts.items():
        allowed = budget.get(name)
        beside = f"{allowed:9,}{found / allowed:7.3f}" if allowed else ""
        rows.append(f"{name:24}{found:9,}{beside}")
    return "\n".join(rows)


def _instructions(part: str, times: int, url: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        counting = ("valgrind", "--tool=cachegrind", "--cache-sim=no")
        kept = f"--cachegrind-out-file={folder}/out"
        hot = (sys.executable, "-m", "benchmarks.hot")
        ran = subprocess.run(
            [*counting, kept, *hot, part, str(times), *_where(part, url)],
            capture_output=True,
            text=True,
            timeout=WAITS_WITHIN,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    found = re.search(r"I\s+refs:\s+([\d,]+)", ran.stderr)
    if ran.returncode or found is None:
        raise SystemExit(f"{part} could not be counted:\n{ran.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def _where(part: str, url: str) -> tuple[str, ...]:
    return (url,) if part == "agent" else ()


def main() -> int:
    """Count, print, compare; with `--write` this becomes the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store what was counted as the budget")
    write = parser.parse_args().write
    if shutil.which("valgrind") is None:
        print("valgrind is not installed, so nothing was counted")
        return 0
    with serving(words(EVENTS)) as url, ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(PARTS, pool.map(lambda part: count(part, url), PARTS), strict=True))
    python = platform.python_version()
    if write:
        BUDGET.write_text(json.dumps({"python": python, "counts": counts}, indent=2) + "\n")
    stored = json.loads(BUDGET.read_text())
    budget: dict[str, int] = stored["counts"]
    print(page(counts, budget))
    if stored["python"] != python:
        print(f"the budget is that of Python {stored['python']}, this is {python}: not compared")
        return 0
    over = beyond(counts, budget)
    for name in over:
        print(f"{name} takes more than {ROOM - 1:.0%} beyond its budget")
    print(f"{len(counts) - len(over)} of {len(counts)} within the budget")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
