"""The command: see the package."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import itertools
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.transport.retry import NO_RETRIES, RetryPolicy
from rig_sync.transport.timeouts import Timeouts
from tests.faults.chaos.answering import BODILESS, Served, served
from tests.faults.chaos.bodies import Body, own_bodies, recorded_bodies, wires_by_name
from tests.faults.chaos.consuming import Outcome, consume
from tests.faults.chaos.judging import Reading, complaints, ending, reading
from tests.faults.chaos.plans import Plan, Shelf, mended, plan_of
from tests.faults.chaos.serving import Server, Setup
from tests.faults.vitals import leaks, leftovers_in_time, vitals
from tests.server import spawn

__all__ = ["Chaos", "bodies_of", "main", "run_all"]

TIMEOUTS = Timeouts(connect=2.0, first_event=0.4, idle=0.4, total=2.0, max_pause=0.3)
HANG_SECONDS = 60.0
TICK = 0.2
BLOCK = 4000
RETRIES = RetryPolicy(attempts=2, initial=0.01, maximum=0.01, total=1.0)


class Chaos:
    """Runs streams, and counts what comes of them.

    Args:
        setup: The seed and the bodies.
        url: Where the server is.
        timeouts: The client's.
        grace: Seconds after its deadline at which a stream counts as hanging.

    Attributes:
        endings: How many ended in which shape.
        undocumented: What did not end as documented, in words.
        starved: From when to when this process got no time to run: that is no stream's fault.
    """

    def __init__(self, setup: Setup, url: str, timeouts: Timeouts, grace: float) -> None:
        self.setup = setup
        self._shelf = Shelf(setup.bodies)
        self.endings: Counter[str] = Counter()
        self.undocumented: list[str] = []
        self.starved: list[tuple[float, float]] = []
        self._wires = wires_by_name()
        self._lock = threading.Lock()
        self._deadline = (timeouts.total or 0.0) + grace
        self._late: list[tuple[int, float, float]] = []
        self._goods: dict[tuple[int, bool], Reading] = {}
        self._clients: list[Client] = []
        self._models: dict[tuple[bool, bool], dict[str, CompletionModel]] = {}
        for retries, garbled in itertools.product((False, True), repeat=2):
            policy = RETRIES if retries else NO_RETRIES
            client = Client(base_url=url, timeouts=timeouts, retries=policy)
            self._clients.append(client)
            models = {name: self._model(client, name) for name in self._wires}
            self._models[retries, garbled] = models

    def _model(self, client: Client, wire: str) -> CompletionModel:
        client.wire = self._wires[wire]
        return client.completion_model("chaos")

    def close(self) -> None:
        """Let the waiting connections go."""
        for client in self._clients:
            client.close()

    def plan(self, number: int) -> Plan:
        """The plan of one stream."""
        return plan_of(self.setup.seed, number, self._shelf, self.setup.pace)

    def run(self, number: int) -> tuple[Outcome, list[str]]:
        """One stream, and what was wrong with it."""
        plan = self.plan(number)
        garbled = plan.garbled > 0  # with connections of its own: what is left on one is no other's
        model = self._models[plan.retries, garbled][self.setup.bodies[plan.body].wire]
        outcome = consume(model, plan)
        wrong = self._complaints(plan, outcome)
        if wrong and plan.retries:  # all of it has to come from one try
            wrong = self._complaints(mended(plan), outcome)
        now = time.monotonic()
        with self._lock:
            self.endings[ending(outcome)] += 1
            self.undocumented += [f"seed {self.setup.seed} number {number}: {w}" for w in wrong]
            if outcome.seconds > self._deadline:
                self._late.append((number, now - outcome.seconds, now))
        return outcome, wrong

    @property
    def hangs(self) -> list[str]:
        """What took too long, in words."""
        found = []
        for number, began, ended in self._late:
            lost = sum(max(0.0, min(ended, to) - max(began, at)) for at, to in self.starved)
            if ended - began - lost > self._deadline:
                found.append(f"seed {self.setup.seed} number {number}: {ended - began:.1f} s")
        return found

    def _complaints(self, plan: Plan, outcome: Outcome) -> list[str]:
        what = served(plan, self.setup.seed, self.setup.bodies)
        return complaints(plan, what, self._readings(plan, what), outcome)

    def _readings(self, plan: Plan, what: Served) -> list[Reading]:
        if what.payload is None or plan.status in BODILESS or plan.status >= 300:
            return []
        body = self.setup.bodies[plan.body]
        if what.payload == body.content:
            return [self._good(plan.body, plan.whole)]
        cut = reading(self._wires[body.wire], what.payload, whole=plan.whole)
        return [cut, self._good(plan.body, plan.whole)] if what.unspoiled else [cut]

    def read_ahead(self) -> None:
        """Read every body now, so that memory does not grow later."""
        for number in range(len(self.setup.bodies)):
            self._good(number, False)

    def _good(self, number: int, whole: bool) -> Reading:
        if (number, whole) not in self._goods:
            body = self.setup.bodies[number]
            found = reading(self._wires[body.wire], body.content, whole=whole)
            self._goods[number, whole] = found
        return self._goods[number, whole]


def run_all(chaos: Chaos, numbers: Iterator[int], workers: int) -> None:
    """Run those streams, `workers` at a time; ends the process if one never ends."""
    lock, at_work = threading.Lock(), dict[int, tuple[int, float]]()
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        while not failures:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            at_work[worker] = number, time.monotonic()
            try:
                chaos.run(number)
            except BaseException as error:  # noqa: BLE001 - raised again below
                failures.append(error)
        at_work.pop(worker, None)

    threads = [spawn(partial(work, worker)) for worker in range(workers)]
    while threads:
        looked = time.monotonic()
        threads[0].join(TICK)
        if time.monotonic() - looked > 2 * TICK:
            chaos.starved.append((looked, time.monotonic()))
        for number, began in list(at_work.values()):
            if time.monotonic() - began > HANG_SECONDS:
                print(f"seed {chaos.setup.seed} number {number}: no end in {HANG_SECONDS:g} s")
                faulthandler.dump_traceback(all_threads=True)
                sys.exit(1)
        threads = [thread for thread in threads if thread.is_alive()]
    if failures:
        raise failures[0]


def run_blocks(chaos: Chaos, count: int, workers: int) -> list[str]:
    """Run that many streams without the garbage collector; what is left of any, in words.

    Between blocks it may do its work: the circles of other libraries would fill the memory.
    """
    found: list[str] = []
    gc.collect()
    gc.disable()
    for start in range(0, count, BLOCK):
        run_all(chaos, iter(range(start, min(count, start + BLOCK))), workers)
        found += [f"before {start + BLOCK}: {line}" for line in leftovers_in_time()]
        gc.collect()
    gc.enable()
    return found


def show(chaos: Chaos, number: int) -> None:
    """Run one stream, and tell all about it."""
    plan = chaos.plan(number)
    body = chaos.setup.bodies[plan.body]
    what = served(plan, chaos.setup.seed, chaos.setup.bodies)
    print(f"{plan}\nbody: {body.name}, {body.wire}, {len(body.content)} bytes")
    for step in what.steps[:40]:
        print("  ", step if not isinstance(step, bytes) else f"{len(step)} bytes: {step!r:.3000}")
    outcome, wrong = chaos.run(number)
    for item in outcome.items:
        print(f"   {item!r:.300}")
    error = "" if outcome.error is None else f": {outcome.error!r}"
    print(f"{ending(outcome)} after {outcome.seconds:.3f} s{error}")
    print(*[f"undocumented: {line}" for line in wrong], sep="\n")


def bodies_of(folder: Path) -> Sequence[Body]:
    """Those recorded in `folder`; where it is missing, our own."""
    if (folder / "expected.jsonl.gz").is_file():
        found = recorded_bodies(folder)
        print(f"{len(found)} recorded bodies of {len({b.wire for b in found})} wires from {folder}")
        return found
    found = own_bodies()
    print(f"there are no recordings in {folder}: {len(found)} bodies of our own scenes instead")
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, help="another one each time unless given")
    parser.add_argument("--workers", type=int, default=24, help="streams at a time")
    parser.add_argument("--only", type=int, help="the number of a single stream, told in full")
    parser.add_argument("--folder", type=Path, default=Path("../shared/wire"))
    parser.add_argument("--grace", type=float, default=1.0, help="seconds a stream may be late")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    setup = Setup(seed, bodies_of(given.folder))
    print(f"seed {seed}", flush=True)
    left: list[str] = []
    count, began = (given.count if given.only is None else 1), time.monotonic()
    with Server(setup) as server:
        before = vitals()
        chaos = Chaos(setup, server.url, TIMEOUTS, given.grace)
        if given.only is not None:
            show(chaos, given.only)
        else:
            left += run_blocks(chaos, count, given.workers)
        chaos.close()
        left += leaks(before)
    took = time.monotonic() - began
    print(*chaos.undocumented, *chaos.hangs, *left, sep="\n")
    for kind, number in chaos.endings.most_common():
        print(f"{number:8} {kind}")
    print(f"{took:.1f} s, {count / took:.0f} streams/s")
    wrong = (len({line.partition(": ")[0] for line in chaos.undocumented}), len(chaos.hangs))
    print(f"{count} streams, {wrong[0]} undocumented, {wrong[1]} hangs, {len(left)} leaks")
    return 1 if any(wrong) or left else 0


if __name__ == "__main__":
    sys.exit(main())
