"""Hostile input to every decoder: only documented errors come out, and never late."""

from __future__ import annotations

import contextlib
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig_sync._json import is_deeper
from rig_sync.output.misfit import Misfit
from rig_sync.output.partial import PartialJson
from rig_sync.output.prompted import find_json
from tests.faults.fuzz.__main__ import every_target, fuzz, main, run
from tests.faults.fuzz.large import LARGE, put_together, stream
from tests.faults.fuzz.targets import Target, target

pytestmark = pytest.mark.long

CASES = 3000
SEED = 5
TARGETS = every_target()
SECONDS = 5.0  # of this thread alone, for a million bytes; they take a tenth of one


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


# a million bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LARGE)
def test_what_grows_stays_linear(name: str) -> None:
    """A million bytes of frames are put together in a moment, whatever grows with each."""
    wire, frames = LARGE[name]
    pieces = [*stream(frames)]
    began = time.thread_time()
    put_together(wire, pieces)
    assert time.thread_time() - began < SECONDS


TEXTS = {
    "braces": "{" * 10**6,
    "keys": '{"a":' * 200_000,
    "quotes": '"' * 10**6,
    "escapes": '{"' + "\\n" * 500_000,
    "halves": '"' + "\\ud83d" * 160_000 + '"',
    "fences": "```json\n" * 120_000,
    "ticks": "`" * 10**6,
    "objects": "{}x" * 330_000,
    "open objects": '{"a" ' * 200_000,
    "blanks": "{" + " " * 10**6,
    "many blanks": "{ " * 500_000,
    "digits": "[" + "1" * 10**6,
    "commas": "[" + "1," * 500_000,
    "lists": "[" + "[]," * 330_000,
    "words": '{"a": [' + "true, " * 160_000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_million_characters_of_json(name: str) -> None:
    """To find it in prose, to read it in pieces, and to see how deep it is, takes a moment."""
    text = TEXTS[name]
    began = time.thread_time()
    with contextlib.suppress(Misfit):
        find_json(text)
    for find in (False, True):
        reader = PartialJson(find=find)
        for start in range(0, len(text), 50):
            reader.feed(text[start : start + 50])
        reader.finish()
    is_deeper(text, 10**7)
    is_deeper(text, 256)
    assert time.thread_time() - began < SECONDS
