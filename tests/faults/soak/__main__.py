"""The command: see the package."""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import random
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rig_sync.transport.timeouts import Timeouts
from tests.faults.chaos.__main__ import Chaos, bodies_of, run_all
from tests.faults.chaos.bodies import Body
from tests.faults.chaos.serving import Server, Setup
from tests.faults.soak.drawing import Panel, plot
from tests.faults.soak.figures import PANELS, Sample, report, unsteady, windows
from tests.faults.vitals import leaks, one_arena, trim, vitals
from tests.server import spawn

__all__ = ["main"]

TIMEOUTS = Timeouts(connect=5.0, first_event=6.0, idle=3.0, total=20.0, max_pause=3.0)
GRACE = 10.0
PACE = 0.12  # seconds from piece to piece, of which a stream has about forty
BODIES = 64
TELL_SECONDS = 60.0
SMALLEST = 2 * 1024
LARGEST = 32 * 1024


def soak(chaos: Chaos, seconds: float, streams: int, interval: float) -> list[Sample]:
    """Run streams that long, so many at a time; what the process held meanwhile."""
    began, over = time.monotonic(), threading.Event()
    samples: list[Sample] = []

    def sample() -> None:
        told = 0.0
        while not over.is_set():
            trim()
            samples.append(Sample(time.monotonic() - began, vitals()))
            if samples[-1].at >= told:
                told += TELL_SECONDS
                print(f"{samples[-1].at / 60:.1f} min: {samples[-1].vitals}", flush=True)
            over.wait(interval)

    sampler = spawn(sample)
    in_time = itertools.takewhile(lambda _: time.monotonic() - began < seconds, itertools.count())
    try:
        run_all(chaos, in_time, streams)
    finally:
        over.set()
        sampler.join()
    return [one for one in samples if one.at <= seconds]


def some_of(bodies: Sequence[Body], seed: int) -> list[Body]:
    """A handful of streams of every wire, long ones first."""
    fit = [body for body in bodies if body.streamed and len(body.content) <= LARGEST]
    random.Random(seed).shuffle(fit)
    fit.sort(key=lambda body: len(body.content) < SMALLEST)
    by_wire = [
        [body for body in fit if body.wire == wire] for wire in sorted({b.wire for b in fit})
    ]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*by_wire))
    return [body for body in rounds if body is not None][:BODIES]


def machine() -> str:
    """What it ran on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {python}"


def write(prefix: Path, how: str, samples: Sequence[Sample], chaos: Chaos, verdict: str) -> None:
    """The page and the plot."""
    minutes = [one.at / 60 for one in samples]
    panels = [
        Panel(name, [getattr(one.vitals, field) for one in samples])
        for field, name in PANELS.items()
    ]
    picture = prefix.with_suffix(".svg")
    picture.write_text(plot(minutes, panels), encoding="utf-8")
    endings = dict(chaos.endings.most_common())
    page = report(how, picture.name, windows(samples), endings, verdict)
    prefix.with_suffix(".md").write_text(page, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=50, help="at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="where, without .md and .svg")
    parser.add_argument("--folder", type=Path, default=Path("../shared/wire"))
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between looks")
    parser.add_argument("--rss", type=float, default=5120.0, help="KiB that it may grow by")
    given = parser.parse_args(arguments)
    setup = Setup(given.seed, some_of(bodies_of(given.folder), given.seed), PACE)
    one_arena()
    cpu = time.process_time()
    with Server(setup) as server:
        before = vitals()
        chaos = Chaos(setup, server.url, TIMEOUTS, GRACE)
        chaos.read_ahead()
        samples = soak(chaos, given.minutes * 60, given.streams, given.interval)
        chaos.close()
        left = leaks(before)
    cpu = (time.process_time() - cpu) / (given.minutes * 60)
    few = max(10.0, given.streams / 5)
    bounds = {"threads": few, "fds": few, "rss": given.rss}
    grown = unsteady(windows(samples), bounds)
    count = chaos.endings.total()
    how = (
        f"{given.streams} streams at a time for {given.minutes:g} minutes, one after the other on "
        f"each of as many threads, with random faults, cancels and pauses: "
        f"`python -m tests.faults.soak --minutes {given.minutes:g} --streams {given.streams} "
        f"--seed {given.seed}`.\n"
        f"{len(setup.bodies)} bodies of {len({b.wire for b in setup.bodies})} wires, in about "
        f"forty pieces each, {PACE:g} s apart; the server is another process.\n\n"
        f"{machine()}; {cpu:.0%} of one core.\n"
        f"A look at the process every {given.interval:g} s. What the C library keeps free for "
        f"later is not counted: it has one arena, and `malloc_trim` comes before each look."
    )
    told = [*chaos.undocumented, *chaos.hangs, *left, *(f"not flat: {line}" for line in grown)]
    verdict = (
        f"{count} streams in {given.minutes:g} minutes, {len(chaos.undocumented)} undocumented, "
        f"{len(chaos.hangs)} hangs, {len(left)} leaks, {'not ' * bool(grown)}flat"
    )
    if given.write is not None:
        write(given.write, how, samples, chaos, verdict)
    print(*told, verdict, sep="\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
