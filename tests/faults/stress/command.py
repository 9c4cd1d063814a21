"""The command: schedule after schedule, each watched, and a last line that says what came of it."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rig_sync import Client, PauseControl, RetryPolicy
from rig_sync.providers import openai_compatible
from tests.faults.stress.plan import Schedule, make_schedule
from tests.faults.stress.script import scripts
from tests.faults.stress.stage import Stage
from tests.faults.stress.verdict import faults_of
from tests.server import Close, Request, Script, ScriptedServer, spawn

__all__ = ["Played", "Theatre", "main"]

DEADLINE = 20.0  # seconds of one schedule; it takes some 10 ms
GONE_WITHIN = 5.0  # seconds until a stream that has ended has no thread any more
RETRIES = RetryPolicy(attempts=4, initial=0.002, maximum=0.02)
KEY = "sk-test-0123456789abcdef"
SHOWN = 20  # faults printed

Threads = Sequence[threading.Thread]  # noqa: TID251 - a type here


class Played(NamedTuple):
    """What came of one schedule.

    Attributes:
        wrong: What must not be, in words.
        hung: Some thread did not come to its end.
        leaks: What was left behind.
        gone: Seconds from its end until no thread of ours was left.
    """

    wrong: list[str]
    hung: bool = False
    leaks: tuple[str, ...] = ()
    gone: float = 0.0


class Theatre:
    """One server and one client, in which schedule after schedule is played."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._scripts: dict[str, Iterator[Script]] = {}
        self._last: dict[str, Script] = {}
        self.server = ScriptedServer(self._answer)
        self._client = self._new_client()
        self._common = PauseControl()
        self._stray: list[str] = []

    def play(self, number: int) -> Played:
        """Schedule `number`, from its beginning to the end of all its threads."""
        schedule = make_schedule(self._seed, number)
        client = self._new_client() if schedule.fresh else self._client
        faulthandler.dump_traceback_later(DEADLINE - 1, exit=False)
        sys.setswitchinterval(schedule.switch)
        try:
            return self._play(schedule, client)
        finally:
            sys.setswitchinterval(5e-3)
            faulthandler.cancel_dump_traceback_later()
            if schedule.fresh:
                client.close()

    def close(self) -> list[str]:
        """End the server; what was left behind."""
        self._client.close()
        end = time.monotonic() + GONE_WITHIN
        while self.server.open_connections and time.monotonic() < end:
            threading.Event().wait(0.005)
        left = self.server.open_connections
        self.server.close()
        return [f"{left} connections"] if left else []

    def watch_strays(self) -> None:
        """Count what goes wrong where nobody catches it: in threads, and in finalisers."""

        def unraisable(what: sys.UnraisableHookArgs) -> None:
            self._stray.append(f"unraisable in {what.object!r}: {what.exc_value!r}")

        def uncaught(what: threading.ExceptHookArgs) -> None:
            self._stray.append(f"uncaught in a thread: {what.exc_value!r}")

        sys.unraisablehook, threading.excepthook = unraisable, uncaught

    def _new_client(self) -> Client:
        return openai_compatible.Client(KEY, base_url=self.server.url, retries=RETRIES)

    def _answer(self, request: Request) -> Script:
        """The next script for the stream that asks; the last one again when there are no more."""
        body = request.json
        assert isinstance(body, dict)
        label = str(body["model"])
        with self._lock:
            if label not in self._scripts:
                return [Close()]  # a stream of an earlier schedule, that was ended as it asked
            for script in self._scripts[label]:
                self._last[label] = script
                break
            return self._last[label]

    def _play(self, schedule: Schedule, client: Client) -> Played:
        end = time.monotonic() + DEADLINE
        stage = Stage(schedule, client, self._common)
        with self._lock:
            self._scripts = {one.label: scripts(one.plan, one.label) for one in stage.watched}
            self._last = {}
        readers, meddlers = stage.readers(), stage.meddlers()
        if not (
            _joined(meddlers, end)
            and _joined([spawn(stage.end)], end)
            and _joined([*readers, *stage.others], end)
        ):
            return Played([], hung=True)
        began = time.monotonic()
        ours = _ours_left(began + GONE_WITHIN)
        gone = time.monotonic() - began
        wrong = [
            f"{one.label} ({one.plan.kind}): {fault}"
            for one in stage.watched
            for fault in faults_of(one)
        ]
        wrong += self._stray
        self._stray.clear()
        leaks = [f"thread {name}" for name in ours]
        streams = [one.gone for one in stage.watched]
        for one in stage.watched:
            one.held.clear()
        leaks += [f"{left!r}" for left in (one() for one in streams) if left is not None]
        return Played(wrong, False, tuple(leaks), gone)


def _joined(threads: Threads, end: float) -> bool:
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _ours_left(end: float) -> list[str]:
    """The names of our threads that do not end in time."""
    ours = [one for one in threading.enumerate() if one.name.startswith("rig_sync-")]
    _joined(ours, end)
    return [thread.name for thread in ours if thread.is_alive()]


def play_all(theatre: Theatre, numbers: Sequence[int], tell: Callable[[str], None]) -> list[Played]:
    """Every schedule until one hangs; `tell` is told of what went wrong."""
    played: list[Played] = []
    told = 0
    for number in numbers:
        one = theatre.play(number)
        played.append(one)
        for line in (*one.wrong, *(f"left behind: {leak}" for leak in one.leaks)):
            told += 1
            if told <= SHOWN:
                tell(f"schedule {number}: {line}")
        if one.hung:
            tell(f"schedule {number} hangs: its threads are above")
            break
    return played


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.stress")
    parser.add_argument("--schedules", type=int, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", type=int, metavar="K", help="play schedule K of the seed alone")
    options = parser.parse_args(arguments)
    numbers = range(options.schedules) if options.only is None else [options.only]
    gc.disable()  # what is freed is freed by counting references, but for the schedules' own acts
    theatre = Theatre(options.seed)
    theatre.watch_strays()
    began = time.monotonic()
    played = play_all(theatre, numbers, print)
    hangs = sum(one.hung for one in played)
    left = [] if hangs else theatre.close()
    for leak in left:
        print(f"left behind: {leak}")
    leaks = sum(len(one.leaks) for one in played) + len(left)
    wrong = sum(bool(one.wrong) for one in played)
    slowest = max((one.gone for one in played), default=0.0)
    print(f"{time.monotonic() - began:.1f} s; threads gone after at most {slowest * 1000:.0f} ms")
    print(f"{len(played)} schedules, {wrong} wrong, {hangs} hangs, {leaks} leaks", flush=True)
    if hangs:
        os._exit(1)  # its threads would be waited for
    return 1 if wrong or leaks else 0
