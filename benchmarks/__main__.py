"""Measures rig_sync, the loop that a user would write, and its peers; writes the page.

`python -m benchmarks` makes a venv per stack (once, with the newest packages), runs every case in
alternation, and writes `benchmarks/README.md`, its plots and `results.json` after each of them: an
hour on two cores. `--quick` shows in a few minutes whether everything runs, and writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import page
from benchmarks.cases import CASES, QUICK
from benchmarks.measuring import Bench
from benchmarks.results import Results
from benchmarks.running import serving
from benchmarks.stacks import LOOP, STACKS, Stack
from benchmarks.venvs import ROOT, make

__all__ = ["main"]

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
START = "start"  # what is no case: imports, sizes
BY_NAME = {case.name: case for case in CASES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    asked = _parser().parse_args(arguments)
    if asked.page:
        _write(msgspec.json.decode(RESULTS.read_bytes(), type=Results))
        return 0
    names = asked.cases or [START, *BY_NAME]
    rounds = asked.rounds
    if asked.quick:
        names, rounds = [START, *QUICK], 1
    stacks = [stack for stack in STACKS if _wanted(stack, asked.stacks)]
    pythons = make(asked.venvs, stacks)
    results = Results(time.strftime("%Y-%m-%d"), _machine(), rounds)
    in_part = bool(asked.cases or asked.stacks)
    with (
        serving() as server,
        contextlib.closing(Bench(stacks, pythons, server, results, _say)) as bench,
    ):
        for name in names:
            if name == START:
                bench.start_up()
            else:
                bench.run(BY_NAME[name])
            if not asked.quick and not asked.dry:  # now: the rest may never be
                _write(_with_older(results) if in_part else results)
    print(page.measured(results))
    return 0


def _write(results: Results) -> None:
    written = msgspec.json.format(msgspec.json.encode(results), indent=1)
    RESULTS.write_bytes(written + b"\n")
    page.plots(results, HERE / "plots")
    readme = HERE / "README.md"
    readme.write_text(page.put_into(readme.read_text(), page.measured(results)))


def _with_older(results: Results) -> Results:
    """What was measured now, in place of the same of the last whole run."""
    if not RESULTS.exists():
        return results
    older = msgspec.json.decode(RESULTS.read_bytes(), type=Results)
    for figure, found in results.figures.items():
        older.figures.setdefault(figure, {}).update(found)
    for name in ("versions", "server", "sizes", "stalled"):
        getattr(older, name).update(getattr(results, name))
    return older


def _wanted(stack: Stack, names: Sequence[str]) -> bool:
    return not names or stack.name == LOOP or stack.name in names


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # Linux tells it here
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        processor = found[1] if found else processor
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}, {python}"


def _say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    stacks = sorted({stack.name for stack in STACKS})
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for option, names in (("--cases", [START, *BY_NAME]), ("--stacks", stacks)):
        known = ", ".join(names)
        parser.add_argument(
            option, nargs="+", choices=names, metavar="NAME", default=[], help=known
        )
    parser.add_argument("--rounds", type=int, default=5, help="of each case (5)")
    parser.add_argument("--venvs", type=Path, default=ROOT / ".venvs" / "benchmarks")
    parser.add_argument("--quick", action="store_true", help="one round of some cases; no page")
    parser.add_argument("--dry", action="store_true", help="measure and print; no page")
    parser.add_argument("--page", action="store_true", help="the page again, from results.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
