"""Runs the cases: every stack in alternation with the loop, over so many rounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from benchmarks.cases import Case
from benchmarks.results import Results
from benchmarks.running import Failed, Server, Worker, bare, start_up
from benchmarks.stacks import OURS, Stack
from benchmarks.venvs import size_of
from benchmarks.worker import Ask

__all__ = ["Bench"]

OURS_TIMES = 3  # as often in a round: the ratio of ours is the one that is wanted exactly
STARTS = 5  # processes of which the import is taken

Say = Callable[[str], None]


class Bench:
    """One run; the workers live until `close`."""

    def __init__(
        self,
        stacks: Sequence[Stack],
        pythons: Mapping[str, str],
        server: Server,
        results: Results,
        say: Say,
    ) -> None:
        self._stacks = [stack for stack in stacks if stack.venv in pythons]
        self._pythons = pythons
        self._server = server
        self._results = results
        self._say = say
        self._open = ExitStack()
        self._workers: dict[Stack, Worker] = {}

    def close(self) -> None:
        """End the workers."""
        self._open.close()

    def run(self, case: Case) -> None:
        """Fill in the figures of one case."""
        stacks = [stack for stack in self._stacks if case.concerns(stack)]
        rounds = max(1, round(self._results.rounds * case.rounds))
        self._say(f"{case.name}: {len(stacks)} stacks, {rounds} rounds")
        if case.measure == "streams" and case.times == 1:
            feed = case.feed
            url = self._server.url(feed, tls=case.tls)
            bare(url, feed.pieces)  # rendered once, which is not its speed
            self._results.server[case.name] = bare(url, feed.pieces)
        for _ in range(rounds):
            for stack in stacks[1:]:
                often = OURS_TIMES if stack.name == OURS and not case.fresh else 1
                for _ in range(often):
                    self._pair(case, stacks[0], stack)

    def start_up(self) -> None:
        """What it takes to import each, to build a client, and on the disk."""
        named = {stack.name: stack for stack in reversed(self._stacks)}
        self._say(f"imports: {len(named)} stacks, {STARTS} rounds")
        for _ in range(STARTS):
            for name, stack in named.items():
                with contextlib.suppress(Failed):  # is told where it is asked for more
                    imported, built = start_up(stack, self._pythons[stack.venv])
                    self._results.series("import", name).values.append(imported)
                    self._results.series("client", name).values.append(built)
        for name, stack in named.items():
            with contextlib.suppress(Failed):
                self._results.versions[name] = self._worker(stack).version
            self._results.sizes[name] = size_of(self._pythons[stack.venv])

    def _pair(self, case: Case, loop: Stack, stack: Stack) -> None:
        """The loop, then this stack; what a stack cannot do is told in its row."""
        base = self._figures(case, loop)
        self._note(loop, base)
        if any(self._results.series(name, stack.name).error for name in base):
            return
        try:
            found = self._figures(case, stack)
        except Failed as error:
            self._say(f"  {error}")
            for name in base:
                self._results.series(name, stack.name).error = str(error)
            self._workers.pop(stack, None)
            return
        self._note(stack, found)
        for name, value in found.items():
            if base[name] > 0:
                self._results.series(name, stack.name).ratios.append(value / base[name])

    def _note(self, stack: Stack, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._results.series(name, stack.name).values.append(value)

    def _figures(self, case: Case, stack: Stack) -> dict[str, float]:
        urls = [self._server.url(feed, tls=case.tls) for feed in (case.feed, case.warm)]
        ask = Ask(case.measure, case.function or stack.function, urls[0], case.times, urls[1])
        if case.fresh:
            with self._anew(stack) as worker:
                answer = worker.ask(ask)
                if case.measure == "hold":
                    self._results.stalled[stack.name] = self._server.sent() / 1e6
        else:
            answer = self._worker(stack).ask(ask)
        _check(case, stack, answer)
        return case.figures(answer)

    def _worker(self, stack: Stack) -> Worker:
        if stack not in self._workers:
            self._workers[stack] = self._open.enter_context(self._anew(stack))
        return self._workers[stack]

    @contextmanager
    def _anew(self, stack: Stack) -> Iterator[Worker]:
        with closing(Worker(stack, self._pythons[stack.venv], self._server)) as worker:
            yield worker


def _check(case: Case, stack: Stack, answer: Mapping[str, Any]) -> None:
    """A stream that failed or fell short is no measurement."""
    if case.measure != "streams":
        return
    if answer["failed"]:
        raise Failed(f"{stack.name}: {answer['error']}")
    if answer["letters"] != case.letters * case.times:
        came, due = answer["letters"], case.letters * case.times
        raise Failed(f"{stack.name}: {came} letters came of {due}")
