"""Runs one stack in its own interpreter: a question a line on stdin, an answer a line on stdout.

`python -m benchmarks.worker MODULE FUNCTION DISTRIBUTION IMPORTS`. Only the standard library,
beside the stack. The first line tells its version, or why it is not here.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import threading
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

from benchmarks.stacks import Words

__all__ = ["Ask", "main"]

Open: TypeAlias = Callable[[str], Words]

SETTLES = 0.5  # seconds in which a server fills what a stopped consumer leaves full
PAGE = os.sysconf("SC_PAGE_SIZE")


class Ask(NamedTuple):
    """A question.

    Attributes:
        measure: One of `MEASURES`.
        function: Of the stack's module.
        url: Where a stream is.
        times: Streams, or what the measure says.
        warm: Where a short stream is, read before anything is measured.
    """

    measure: str
    function: str
    url: str
    times: int
    warm: str


class _Tally:
    """What streams said; several threads fill one each."""

    def __init__(self, error: str = "") -> None:
        self.pieces = 0
        self.letters = 0
        self.error = error

    def read(self, words: Words) -> None:
        """One stream to its end; a failure is a figure."""
        try:
            for text in words():
                self.pieces += 1
                self.letters += len(text)
        except Exception as error:  # noqa: BLE001 - what a stack raises is its own
            self.error = f"{type(error).__name__}: {error}"[:300]


def streams(open_: Open, ask: Ask) -> dict[str, Any]:
    """So many streams, one after the other, over what is opened once."""
    words, tally = open_(ask.url), _Tally()
    if ask.times > 1:
        tally.read(words)  # the connection is made
        tally = _Tally(tally.error)
    gc.collect()
    began, wall, before = time.process_time(), time.perf_counter(), _switches()
    for _ in range(ask.times):
        tally.read(words)
    return {**_told([tally], began, wall), "switches": _switches() - before}


def threads(open_: Open, ask: Ask) -> dict[str, Any]:
    """So many streams at once, in a thread each."""
    words, tallies = open_(ask.url), [_Tally() for _ in range(ask.times)]
    ready = threading.Barrier(ask.times + 1)

    def read(tally: _Tally) -> None:
        ready.wait()
        tally.read(words)

    running = [threading.Thread(target=read, args=(tally,)) for tally in tallies]
    for thread in running:
        thread.start()
    gc.collect()
    began, wall = time.process_time(), time.perf_counter()
    ready.wait()
    for thread in running:
        thread.join()
    return _told(tallies, began, wall)


def first(open_: Open, ask: Ask) -> dict[str, Any]:
    """Milliseconds from the call to the first text, of so many streams on a kept connection."""
    words, took = open_(ask.url), []
    for _ in range(ask.times + 1):
        began = time.perf_counter()
        stream = words()
        next(stream)
        took.append((time.perf_counter() - began) * 1e3)
        for _ in stream:
            pass
    return {"first": took[1:]}


def late(open_: Open, ask: Ask) -> dict[str, Any]:
    """Microseconds from the server's clock in each text until it is here."""
    delays = [(time.monotonic() - float(text)) * 1e6 for text in open_(ask.url)()]
    return {"late": delays[20:]}


def grow(open_: Open, ask: Ask) -> dict[str, Any]:
    """MiB by which the process grows over one stream, of which nothing is kept."""
    words = open_(ask.url)
    gc.collect()
    before = most = _resident()
    for pieces, _ in enumerate(words()):
        if pieces % 1000 == 0:
            most = max(most, _resident())
    return {"grown": max(most, _resident()) - before}


def hold(open_: Open, ask: Ask) -> dict[str, Any]:
    """MiB by which it grows while so many texts are read, and then no more."""
    stream = open_(ask.url)()
    gc.collect()
    before = _resident()
    for _ in range(ask.times):
        next(stream)
    time.sleep(SETTLES)
    return {"grown": _resident() - before}


MEASURES: dict[str, Callable[[Open, Ask], dict[str, Any]]] = {
    "streams": streams,
    "threads": threads,
    "first": first,
    "late": late,
    "grow": grow,
    "hold": hold,
}


def _told(tallies: list[_Tally], began: float, wall: float) -> dict[str, Any]:
    return {
        "cpu": time.process_time() - began,
        "wall": time.perf_counter() - wall,
        "pieces": sum(tally.pieces for tally in tallies),
        "letters": sum(tally.letters for tally in tallies),
        "failed": sum(bool(tally.error) for tally in tallies),
        "error": next((tally.error for tally in tallies if tally.error), ""),
    }


def _switches() -> int:
    """How often a thread of this process has gone to sleep."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _resident() -> float:
    """MiB of this process that are in memory; Linux alone tells it so."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1024**2


def _answers() -> TextIO:
    """The real stdout; whatever else is printed goes nowhere."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return os.fdopen(kept, "w", buffering=1)


def main(module: str, function: str, distribution: str, imports: str) -> None:
    """Serve until stdin ends."""
    out = _answers()
    warnings.simplefilter("ignore")
    own = importlib.import_module(f"benchmarks.stacks.{module}")
    try:
        importlib.import_module(imports)
        getattr(own, function)("http://127.0.0.1:9")
        version = metadata.version(distribution)
    except (ImportError, metadata.PackageNotFoundError) as error:
        print(json.dumps({"missing": str(error)}), file=out)
        return
    print(json.dumps({"version": version}), file=out)
    for line in sys.stdin:
        ask = Ask(*json.loads(line))
        open_ = getattr(own, ask.function)
        try:
            if ask.warm:
                for _ in open_(ask.warm)():
                    pass
            answer = MEASURES[ask.measure](open_, ask)
        except Exception as error:  # noqa: BLE001 - what a stack raises is its own
            answer = {"broken": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
