"""Hostile input to every decoder: only documented errors come out."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig_sync._json import to_json
from rig_sync.completion import CompletionResponse
from tests.faults.fuzz.__main__ import every_target, fuzz, main, run
from tests.faults.fuzz.large import (
    LARGE,
    TEXTS,
    last_partial,
    put_together,
    read_json,
    stream,
    text,
)
from tests.faults.fuzz.targets import Target, target

pytestmark = pytest.mark.long

CASES = 3000
SEED = 5
TARGETS = every_target()
SIZE = 100_000


@pytest.mark.parametrize("one", TARGETS, ids=lambda one: one.name)
def test_any_change_of_good_answers(one: Target) -> None:
    """Whatever hypothesis makes of a sample, nothing undocumented comes out."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
    @given(st.randoms(use_true_random=False))
    def hold(chance: random.Random) -> None:
        one.case(chance).check()

    hold()


def test_seeded_cases() -> None:
    """The first cases of the command that runs for hours elsewhere."""
    assert [*map(str, fuzz(TARGETS, SEED, range(CASES)))] == []


def test_a_case_is_always_the_same() -> None:
    """By its number and the seed, so that a finding can be looked at again."""
    for number in range(len(TARGETS)):
        one = TARGETS[number]
        first, second = (one.case(random.Random(f"1 {number}")).given for _ in range(2))
        assert repr(first) == repr(second), one.name


def test_a_foreign_error_is_found() -> None:
    """The command tells of it, with the case."""

    def fail(given: int) -> None:
        raise KeyError(given)

    finding = run(target("mine", lambda _: 7, fail), 1, 3)
    assert finding is not None
    assert "mine, case 3" in str(finding)
    assert "KeyError: 7" in str(finding)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Its last line says how many cases there were."""
    assert main(["--count", "20", "--wire", "ollama_chat"]) == 0
    assert capsys.readouterr().out.endswith("20 cases, 0 foreign errors\n")


# what grows: benchmarks.growth measures that it takes linear time -----------------------------


@pytest.mark.parametrize("name", LARGE)
def test_a_stream_in_which_something_grows(name: str) -> None:
    """It comes to an answer, or to a limit, that can be kept."""
    wire, frames = LARGE[name]
    response = put_together(wire, stream(frames, SIZE))
    kept = msgspec.json.decode(to_json(response), type=CompletionResponse)
    assert to_json(kept) == to_json(response)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_repeats_itself(name: str) -> None:
    """To read it in pieces finds what reading it at once does."""
    given = text(name, SIZE)
    assert read_json(given) == [last_partial(given, find, SIZE) for find in (False, True)]
