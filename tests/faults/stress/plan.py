"""A schedule: what is sent, who reads it, and who meddles with it when; all of it from a seed."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "Act",
    "Ending",
    "Failure",
    "How",
    "Kind",
    "Moment",
    "Plan",
    "Schedule",
    "Turn",
    "Verb",
    "make_schedule",
]

Kind: TypeAlias = Literal["model", "agent", "typed"]

How: TypeAlias = Literal["for", "next", "words", "with"]

Failure: TypeAlias = Literal["503", "429", "reset", "closed", "empty"]
"""A try that fails before any content: by its status, without headers, or without a body."""

Fault: TypeAlias = Literal["", "garbage", "reset", "closed", "truncated", "stalled", "error"]
"""What befalls an answer that has begun; "garbage" is one bad frame, and no end."""

Verb: TypeAlias = Literal[
    "pause",
    "resume",
    "cancel",
    "throw",
    "close",
    "next",
    "drop",
    "collect",
    "look",
    "let go",
]
"""What is done: `throw` cancels the token that all share, `let go` closes the client."""

Ending: TypeAlias = Literal["wait", "cancel", "close", "drop"]


class Turn(NamedTuple):
    """One answer of the model, and the tries that fail before it.

    Attributes:
        words: Pieces of text.
        calls: Tool calls after them.
        sends: Events in each piece that is sent.
        waits: Seconds before each piece, in turn.
        fault: What befalls it.
        fault_at: Before which event.
    """

    words: int
    calls: int
    sends: tuple[int, ...]
    waits: tuple[float, ...]
    tries: tuple[Failure, ...] = ()
    fault: Fault = ""
    fault_at: int = 0


class Moment(NamedTuple):
    """When an act is due: so long after the one before, or once so many items were read."""

    seconds: float = 0.0
    items: int = 0


class Act(NamedTuple):
    """One thing that a thread does to a stream."""

    moment: Moment
    verb: Verb
    stream: int


class Plan(NamedTuple):
    """One stream, what it is sent, and how it is read.

    Attributes:
        beside: Tools that run at once.
        naps: How long each tool takes, by its place.
        raise_errors: As the stream is told.
        paused: Whether it follows the schedule's pause control.
        cancelled: Whether it follows the schedule's token.
        ending: What is done about it once nobody meddles any more.
    """

    kind: Kind
    turns: tuple[Turn, ...]
    how: How
    beside: int
    naps: tuple[float, ...]
    raise_errors: Literal["terminal", "all", "none"]
    paused: bool
    cancelled: bool
    ending: Ending


class Schedule(NamedTuple):
    """Streams, and the threads that meddle with them.

    Attributes:
        number: Which one of its seed.
        threads: What each thread does, one act after the other.
        switch: Seconds between the interpreter's thread switches.
        storm: Whether one thread pauses and resumes all the time.
        control: Whose pause control it is: of this schedule, or of all.
        fresh: Whether it has a client of its own.
    """

    number: int
    plans: tuple[Plan, ...]
    threads: tuple[tuple[Act, ...], ...]
    switch: float
    storm: bool
    control: Literal["own", "common"]
    fresh: bool


def make_schedule(seed: int, number: int) -> Schedule:
    """Schedule `number` of a seed.

    >>> make_schedule(5, 7) == make_schedule(5, 7)
    True
    >>> make_schedule(5, 7) == make_schedule(5, 8)
    False
    """
    chance = random.Random(f"{seed} {number}")
    plans = tuple(_plan(chance) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    fresh = chance.random() < 0.1
    return Schedule(
        number,
        plans,
        tuple(_thread(chance, len(plans), fresh) for _ in range(chance.randint(0, 3))),
        chance.choice((5e-3, 5e-3, 1e-4, 1e-5, 1e-6)),
        chance.random() < 0.25,
        chance.choice(("own", "common")),
        fresh,
    )


def _plan(chance: random.Random) -> Plan:
    kind: Kind = chance.choice(("model", "model", "agent", "agent", "agent", "typed"))
    turns = [
        _turn(chance, calls=chance.randint(1, 4))
        for _ in range(chance.choice((0, 1, 1, 2)) if kind == "agent" else 0)
    ]
    turns.append(_turn(chance, calls=chance.choice((0, 2)) if kind == "model" else 0))
    fault: Fault = chance.choice(
        ("", "", "", "garbage", "reset", "closed", "truncated", "stalled", "error")
    )
    at = chance.randrange(len(turns))
    turns[at] = turns[at]._replace(fault=fault, fault_at=chance.randint(0, turns[at].words))
    return Plan(
        kind,
        tuple(turns if fault in ("", "garbage") else turns[: at + 1]),
        chance.choice(("for", "next", "words", "with")),
        chance.choice((1, 2, 4)),
        tuple(chance.choice((0.0, 0.0, 0.001, 0.004)) for _ in range(4)),
        chance.choice(("terminal", "terminal", "all", "none")),
        chance.random() < 0.7,
        chance.random() < 0.4,
        chance.choice(("wait", "wait", "wait", "cancel", "close", "drop")),
    )


def _turn(chance: random.Random, *, calls: int) -> Turn:
    tries: list[Failure] = ["503", "429", "reset", "closed", "empty"]
    return Turn(
        words=chance.choice((1, 3, 10, 25)),
        calls=calls,
        sends=tuple(chance.choice((1, 3, 20)) for _ in range(3)),
        waits=tuple(chance.choice((0.0, 0.0, 0.0, 0.0, 0.002)) for _ in range(4)),
        tries=tuple(chance.sample(tries, chance.choice((0, 0, 0, 0, 0, 1, 2)))),
    )


def _thread(chance: random.Random, streams: int, fresh: bool) -> tuple[Act, ...]:
    verbs: list[Verb] = [*("pause", "resume") * 4, "collect", "look", "next", "next"]
    verbs += ["cancel", "throw", "close", "drop"]
    if fresh:
        verbs.append("let go")
    return tuple(
        Act(_moment(chance), chance.choice(verbs), chance.randrange(streams))
        for _ in range(chance.randint(1, 5))
    )


def _moment(chance: random.Random) -> Moment:
    if chance.random() < 0.3:
        return Moment(items=chance.choice((1, 2, 5, 20)))
    return Moment(seconds=chance.choice((0.0, 0.0, 0.0005, 0.002, 0.006)))
