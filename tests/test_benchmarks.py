"""The benchmarks measure what they say: whole streams come out, and the page tells it all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import counts, page
from benchmarks.bars import BARS, Bar
from benchmarks.cases import CASES, Case, per_event
from benchmarks.feeds import Feed, body
from benchmarks.measuring import Bench
from benchmarks.results import Results, Series
from benchmarks.running import Failed, Server, Worker, bare, serving
from benchmarks.stacks import LOOP, OURS, STACKS, Stack

HERE = {"by_hand": sys.executable, "rig": sys.executable}
INSTALLED = [stack for stack in STACKS if stack.module in HERE]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The replay server, in processes of its own."""
    with serving() as one:
        yield one


def measured(server: Server, stacks: list[Stack], *cases: Case) -> tuple[Results, list[str]]:
    """What one round gives."""
    results, said = Results("2026-01-01", "a machine", 1), list[str]()
    with contextlib.closing(Bench(stacks, HERE, server, results, said.append)) as bench:
        for case in cases:
            bench.run(case)
    return results, said


@pytest.mark.parametrize("wire", ["chat", "responses", "anthropic", "gemini"])
def test_every_wire_is_read_whole(server: Server, wire: str) -> None:
    """A stack from which less comes than was sent would be an error, not a figure."""
    case = Case("small", "streams", Feed(wire, "burst", 50), per_event("small"), 2)
    results, said = measured(server, INSTALLED, case)
    found = results.figures["small"]
    assert {name: one.error for name, one in found.items()} == {LOOP: "", OURS: ""}
    assert len(found[OURS].ratios) == len(found[OURS].values) == 3
    assert said == ["small: 2 stacks, 1 rounds"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_can_be_measured(server: Server, case: Case) -> None:
    """With a few pieces, over each of its ways."""
    small = case.feed._replace(pieces=30, rate=case.feed.rate and 1000)
    results, _ = measured(
        server, INSTALLED, case._replace(feed=small, times=min(case.times, 3), rounds=1)
    )
    for name, found in results.figures.items():
        assert found[OURS].values, (name, found)
        assert not any(one.error for one in found.values()), (name, found)


def test_what_falls_short_is_told(server: Server) -> None:
    """The row says why; the others go on."""
    case = CASES[0]
    wrong = Stack(OURS, "by_hand", "responses", ("requests",), "requests")
    results, said = measured(
        server, [INSTALLED[0], wrong], case._replace(feed=Feed("chat", "burst", 20))
    )
    assert "KeyError" in results.figures["burst chat"][OURS].error
    assert results.figures["burst chat"][LOOP].values
    assert len(said) == 2
    assert "fails" in page.measured(results)


def test_a_stack_that_is_not_here_is_told(server: Server) -> None:
    """Not taken for one that is slow."""
    absent = Stack("absent", "by_hand", "chat", ("absent",), "there_is_no_such_module")
    with pytest.raises(Failed, match="there_is_no_such_module"):
        Worker(absent, sys.executable, server)


def test_the_bare_loop_receives_it_all(server: Server) -> None:
    """Whatever the way of sending."""
    for kind in ("burst", "writes"):
        feed = Feed("chat", kind, 20)
        assert bare(server.url(feed), 20) > 0
        assert b"".join(body(feed)).count(b"data:") == 24


@pytest.mark.parametrize(
    ("value", "least", "verdict"),
    [
        (1.0, False, "goal"),
        (1.5, False, "first bar"),
        (3.0, False, "missed"),
        (3.0, True, "goal"),
        (1.5, True, "missed"),
        (None, True, "not measured"),
    ],
)
def test_a_bar_is_held_or_missed(value: float | None, least: bool, verdict: str) -> None:
    """At most, or at least."""
    bar = Bar("x", lambda _: value, 2.0 if least else 1.2, 1.8 if least else 2.0, least=least)
    assert bar.verdict(Results("", "", 1)) == verdict


def test_the_page_and_the_plots(tmp_path: Path) -> None:
    """Tables of what there is, and nothing of what there is not."""
    results = Results("2026-01-01", "a machine", 2)
    results.figures = {
        "burst chat": {
            LOOP: Series([6.0, 7.0]),
            OURS: Series([6.6, 7.0], [1.1, 1.0]),
            "openai create": Series([91.0], [14.0]),
            "litellm": Series(error="litellm: it broke"),
        },
    }
    told = page.measured(results)
    assert "| burst, chat: CPU, x the loop | ≤ 1.2 | ≤ 2 | **1.05** | goal |" in told
    assert "| burst: times less than openai `create` | ≥ 11 | ≥ 6 | **13.3** | goal |" in told
    assert "| **rig_sync** | 6.8 (6.7-6.9) | 1.05 |" in told
    assert "- `litellm: it broke`" in told
    assert "Latency" not in told
    page.plots(results, tmp_path / "plots")
    assert [file.name for file in Path(tmp_path, "plots").iterdir()] == ["burst.svg"]
    assert len(BARS) == 21


def test_the_budget_of_instructions() -> None:
    """More than a twentieth over it is told; so is what has none."""
    counted = {"chat": 105, "agent": 106, "new": 1}
    assert counts.beyond(counted, {"chat": 100, "agent": 100}) == ["agent", "new"]
    assert "agent                         106      100  1.060" in counts.page(
        counted, {"agent": 100}
    )
