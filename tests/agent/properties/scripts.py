"""What a model says in one run, turn by turn, drawn at random."""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias, get_args

from hypothesis import strategies as st
from msgspec import Struct

from rig_sync._json import JsonObject, parse_object

__all__ = ["Call", "Ids", "Script", "Turn", "scripts"]

TOOLS = ("echo", "broken", "again", "limited", "skipped", "rewritten", "replaced")
HELD = ("held", "asked", "deferred")
INVALID = ("gone", "lost", "ech0", "ghost")
MALFORMED = '{"n": '

End: TypeAlias = Literal["stop", "length", "status", "truncated"]
Ids: TypeAlias = Literal["unique", "same", "none"]
"""Call ids: none like another; the same ones in every turn; left out by the server."""


IDS: tuple[Ids, ...] = get_args(Ids)


class Call(Struct, frozen=True):
    """A call; what the tool, or a hook, does about it is in its name: see `stage`."""

    name: str
    arguments: str

    @property
    def value(self) -> JsonObject:
        """The arguments, of a call whose arguments are an object."""
        return parse_object(self.arguments) or {}


class Turn(Struct, frozen=True):
    """One answer of the model.

    Attributes:
        words: Pieces of text; what a hook does about the answer stands in the first.
        end: How it ends: well, at the token limit, or not at all.
    """

    thoughts: str = ""
    words: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    ids: tuple[str, ...] | None = None
    end: End = "stop"

    @property
    def text(self) -> str:
        """All its words."""
        return "".join(self.words)

    @property
    def named_calls(self) -> list[tuple[str | None, Call]]:
        """The calls with their ids, if they have any."""
        return list(zip(self.ids or (None,) * len(self.calls), self.calls, strict=True))


class Script(Struct, frozen=True):
    """All turns of a run; no run asks for more."""

    turns: tuple[Turn, ...]
    max_turns: int = 6
    live_results: bool = False


pieces = st.text('ab \n"\\é€\U0001f980', min_size=1, max_size=6)
arguments = st.integers(0, 9).map(lambda n: f'{{"n": {n}}}')


@functools.cache  # strategies are costly to make, and hypothesis would make them for every draw
def calls(names: tuple[str, ...], *, malformed: bool) -> st.SearchStrategy[list[Call]]:
    """Calls of these tools; some arguments do not fit, some are no JSON."""
    wrong = st.sampled_from(('{"n": "x"}', "{}", *[MALFORMED] * malformed))
    some = st.sampled_from(names)
    fine = st.builds(Call, some, arguments)
    return st.lists(st.one_of(fine, fine, fine, st.builds(Call, some, wrong)), max_size=4)


wordings = st.lists(pieces, max_size=3)
orders = st.sampled_from(("", "", "", "REPEAT", "FEEDBACK"))


@st.composite
def scripts(
    draw: st.DrawFn,
    *,
    malformed: bool = True,
    without: tuple[str, ...] = (),
    ends: tuple[End, ...] = ("stop", "stop", "stop", "length", "status"),
) -> Script:
    """A run of up to five turns.

    Args:
        draw: Given by hypothesis.
        malformed: Whether the wire can carry arguments that are no JSON; only calls with ids do.
        without: Tools that the model does not call.
        ends: How the last turn may end.
    """
    several = (*TOOLS, *TOOLS, *HELD, *HELD, *INVALID)
    names = tuple(name for name in several if name not in without)
    ids = draw(st.sampled_from(IDS))
    turns = []
    for number in range(draw(st.integers(1, 4))):
        told, words = draw(orders), draw(wordings)
        made = draw(calls(names, malformed=malformed))
        if not told and not made:
            made = [Call("echo", '{"n": 1}')]  # or the run would be over
        thoughts = draw(st.sampled_from(("", "I see\nthat")))
        spoken = (*[told] * bool(told), *words)
        turns.append(Turn(thoughts, spoken, tuple(made), _ids(ids, number, len(made))))
    end = draw(st.sampled_from(ends))
    turns.append(Turn(draw(st.sampled_from(("", "So"))), tuple(draw(wordings)), end=end))
    return Script(tuple(turns), draw(st.sampled_from((6, 6, 6, 2))), draw(st.booleans()))


def _ids(kind: Ids, turn: int, count: int) -> tuple[str, ...] | None:
    if kind == "none":
        return None
    return tuple(f"c{number if kind == 'same' else 10 * turn + number}" for number in range(count))
