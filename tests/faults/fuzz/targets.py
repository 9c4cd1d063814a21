"""A decoder to be fuzzed: what makes its cases, and what has to be so of each."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple, TypeVar

__all__ = ["Case", "Target", "target"]

T = TypeVar("T")


class Case(NamedTuple):
    """One input, and what is done with it.

    Attributes:
        given: To be shown when it is a finding.
        check: Whatever it raises is a finding.
    """

    given: object
    check: Callable[[], None]


class Target(NamedTuple):
    """One decoder; the same chance makes the same case."""

    name: str
    case: Callable[[random.Random], Case]


def target(name: str, make: Callable[[random.Random], T], check: Callable[[T], None]) -> Target:
    """The target whose cases `make` makes, and `check` looks at."""

    def case(chance: random.Random) -> Case:
        given = make(chance)
        return Case(given, lambda: check(given))

    return Target(name, case)
