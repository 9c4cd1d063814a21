"""What happens to one stream: all of it drawn from a seed and its number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from rig_sync.streaming.handle import RaiseErrors
from tests.faults.chaos.bodies import Body
from tests.faults.chaos.spoiling import SPOILS

__all__ = ["Act", "ActKind", "Break", "Framing", "Plan", "Shelf", "mended", "plan_of"]

Break: TypeAlias = Literal["none", "fin", "rst", "stall", "trickle"]
ActKind: TypeAlias = Literal[
    "none", "cancel", "close", "drop", "pause", "pause, cancel", "pause too long"
]

Framing: TypeAlias = Literal[
    "chunked", "length", "close", "gzip", "bad gzip", "bad length", "bad encoding"
]

TYPES = ("text/html", "application/json", "text/plain", "", "x", "application/octet-stream")
STATUSES = (100, 201, 202, 204, 206, 302, 304, 400, 401, 403, 404, 408, 409, 413, 418, 422)
BAD_STATUSES = (*STATUSES, 429, 429, 500, 502, 503, 504, 529, 599, 999)


class Act(Struct, frozen=True):
    """What the consumer does.

    Attributes:
        kind: The act.
        item: After so many items.
        elsewhere: Another thread does it.
        delay: So many seconds later, if another thread does; of a pause, its length.
    """

    kind: ActKind = "none"
    item: int = 0
    elsewhere: bool = False
    delay: float = 0.0


class Plan(Struct, frozen=True):
    """One stream.

    Attributes:
        number: Its own.
        body: The number of the body that is served.
        spoils: What is done to its bytes, in that order.
        framing: How it is framed.
        pieces: How finely it is cut: the mean size of a chunk.
        status: The status line's.
        content_type: None is the right one.
        breaks: What becomes of the connection, at byte `at` of the whole answer.
        at: Where, as a share of its bytes; of the head alone, below 0.
        garbled: How many bytes of the answer are wrong that are not the body's.
        retries: The client may try again.
        act: What the consumer does.
        pace: Seconds from piece to piece; 0 sends all at once.
        frills: What HTTP allows and few use: an interim answer, chunk extensions, trailers.
        whole: The one-shot form is asked for.
        raise_errors: Which errors `next()` raises.
    """

    number: int
    body: int
    spoils: tuple[str, ...] = ()
    framing: Framing = "chunked"
    pieces: int = 4096
    status: int = 200
    content_type: str | None = None
    breaks: Break = "none"
    at: float = 1.0
    garbled: int = 0
    retries: bool = False
    act: Act = Act()
    pace: float = 0.0
    frills: bool = False
    whole: bool = False
    raise_errors: RaiseErrors = "terminal"


class Shelf:
    """Bodies to choose from: every wire as often as any other, be there few or many of it.

    Args:
        bodies: All of them, in their order.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = bodies
        self._by_wire: dict[str, list[int]] = {}
        for at, body in enumerate(bodies):
            if body.streamed:
                self._by_wire.setdefault(body.wire, []).append(at)

    def pick(self, chance: random.Random) -> int:
        """The number of one: a stream; once in twenty times anything."""
        if chance.random() < 0.05:
            return chance.randrange(len(self.bodies))
        return chance.choice(self._by_wire[chance.choice(sorted(self._by_wire))])


def plan_of(seed: int, number: int, shelf: Shelf, pace: float = 0.0) -> Plan:
    """The plan of that stream; most have one fault, a tenth has none.

    Args:
        seed: Of all.
        number: Of this one.
        shelf: The bodies to choose from.
        pace: The mean pace; 0 sends all at once.
    """
    chance = random.Random(f"{seed} {number}")
    body = shelf.pick(chance)
    fields: dict[str, object] = {}
    drawn = _FAULTS if not pace else {**_FAULTS, "act too": _act, "long act": _long_act}
    for fault in chance.sample(list(drawn), chance.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 3))):
        fields |= drawn[fault](chance)
    framing = chance.choice(("chunked",) * 4 + ("length", "close", "gzip"))
    plain: dict[str, object] = {
        "framing": framing,
        "pieces": chance.choice((3, 17, 90, 400, 4096, 1 << 20)),
        "retries": chance.random() < 0.1,
        "pace": pace * chance.uniform(0.3, 1.7),
        "frills": chance.random() < 0.1,
        "raise_errors": chance.choice(("terminal",) * 6 + ("all", "none")),
        "whole": not shelf.bodies[body].streamed and chance.random() < 0.7,
    }
    return Plan(number, body, **(plain | fields))  # type: ignore[arg-type]  # drawn by name


def mended(plan: Plan) -> Plan:
    """What a further try of the same request gets: everything is well again."""
    return msgspec.structs.replace(
        plan, spoils=(), framing="chunked", status=200, content_type=None, breaks="none", garbled=0
    )


def _break(chance: random.Random) -> dict[str, object]:
    kind = chance.choice(("fin", "fin", "fin", "rst", "rst", "stall", "trickle"))
    at = -chance.random() if chance.random() < 0.1 else chance.random()
    return {"breaks": kind, "at": 1.0 if chance.random() < 0.05 else at}


def _spoils(chance: random.Random) -> dict[str, object]:
    return {"spoils": tuple(chance.choices(SPOILS, k=chance.choice((1, 1, 1, 2, 5))))}


def _act(chance: random.Random) -> dict[str, object]:
    kinds: tuple[ActKind, ...] = ("cancel", "close", "drop", "pause", "pause, cancel")
    kind = chance.choice(kinds) if chance.random() < 0.95 else "pause too long"
    item = chance.choice((0, 0, 1, 2, 3, chance.randrange(40), chance.randrange(200)))
    delay = 0.5 if kind == "pause too long" else chance.choice((0, 0.001, 0.02, 0.1))
    return {"act": Act(kind, item, chance.random() < 0.5, delay)}


def _one_of(field: str, values: Sequence[object], chance: random.Random) -> dict[str, object]:
    return {field: chance.choice(values)}


def _long_act(chance: random.Random) -> dict[str, object]:
    kind: ActKind = chance.choice(("cancel", "drop", "pause", "pause", "pause, cancel"))
    return {"act": Act(kind, chance.randrange(30), True, chance.uniform(0.2, 4.0))}


_Draw: TypeAlias = Callable[[random.Random], dict[str, object]]

_FAULTS: dict[str, _Draw] = {
    "break": _break,
    "break too": _break,
    "spoil": _spoils,
    "spoil too": _spoils,
    "act": _act,
    "type": partial(_one_of, "content_type", TYPES),
    "status": partial(_one_of, "status", BAD_STATUSES),
    "garble": partial(_one_of, "garbled", (1, 1, 2, 8)),
    "framing": partial(_one_of, "framing", ("bad gzip", "bad length", "bad encoding")),
}
