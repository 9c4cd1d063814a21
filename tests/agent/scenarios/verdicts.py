"""Our requests against the recorded ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rig_sync._json import Json, JsonObject
from rig_sync.errors import ConfigError, UnknownToolCall
from tests.agent.scenarios.enacting import Enacted, Ending, NoPrompt
from tests.agent.scenarios.openings import body_of, settings_in, tools_in
from tests.wire.compare import Difference, differences
from tests.wire.corpus import Recording
from tests.wire.fidelity import replay
from tests.wire.loopback import Loopback
from tests.wire.roundtrip.excuses import Evidence, Verdict, judge
from tests.wire.roundtrip.reader import Reader, objects
from tests.wire.roundtrip.rebuild import both_sides

__all__ = ["Compared", "compare"]


class Compared(NamedTuple):
    """What is to be said about one request; it is equal when there is nothing.

    Attributes:
        number: Of the exchange.
        first: It is the first of its chain.
        excuses: Why it differs, by name.
        hooks: Why a hook of ours would be needed that `steering` does not know.
        differences: What has no name.
    """

    number: int
    first: bool
    excuses: list[str]
    hooks: list[str]
    differences: list[Difference]

    @property
    def word(self) -> str:
        """What it counts as."""
        if self.differences:
            return "different"
        if self.hooks:
            return "needs hooks"
        return "explained" if self.excuses else "equal"


def compare(
    reader: Reader, done: Sequence[Enacted], server: Loopback, chance: random.Random
) -> Iterator[Compared]:
    """A verdict for each request of a chain."""
    before: list[Recording] = []
    missing: Compared | None = None
    for enacted in done:
        for turn, link in enumerate(enacted.run.links):
            number = link.recording.index
            if missing is not None:
                missing = missing._replace(number=number)
            elif turn >= len(enacted.asked):
                missing = _not_made(number, enacted.ending, first=not before)
            if missing is not None:
                yield missing
            else:
                verdict = _of_request(reader, enacted, turn, before, server, chance)
                _compare_settings(enacted, turn, verdict)
                yield Compared(number, not before, verdict.excuses, [], verdict.differences)
            before.append(link.recording)
        if isinstance(enacted.ending, UnknownToolCall) and missing is None:
            missing = _not_made(0, enacted.ending, first=False)


def _not_made(number: int, ending: Ending, *, first: bool) -> Compared:
    """The verdict on a request that our loop did not make, for what it ended in instead."""
    compared = Compared(number, first, [], [], [])
    if isinstance(ending, NoPrompt):
        compared.excuses.append(str(ending))
    elif isinstance(ending, ConfigError):
        compared.excuses.append(f"refused before it is sent: {str(ending).partition(': ')[0]}")
    elif isinstance(ending, UnknownToolCall):
        compared.hooks.append("a tool was called that was not offered")
    else:
        compared.differences.append(Difference("request", repr(ending)[:300], "one more"))
    return compared


def _of_request(
    reader: Reader,
    enacted: Enacted,
    turn: int,
    before: Sequence[Recording],
    server: Loopback,
    chance: random.Random,
) -> Verdict:
    link = enacted.run.links[turn]
    given = [entry.exchange.response.content for entry in before]
    asked, items = reader.history(enacted.asked[turn]), reader.history(body_of(link.recording))
    dropped = _without_media(reader, asked, items)
    ours, theirs = both_sides(reader, asked, items, given)
    if ours == theirs:
        return Verdict(dropped, [])
    if _squeezed(ours) == _squeezed(theirs):
        return Verdict([*dropped, EMPTY], [])
    verdict = judge(ours, theirs, Evidence(before, faithful=_faithful(before, server, chance)))
    verdict.excuses.extend(dropped)
    return verdict


def _squeezed(parts: Sequence[JsonObject]) -> list[JsonObject]:
    """The parts without what is empty; texts that become neighbours are one."""
    kept: list[JsonObject] = []
    for part in parts:
        field = next((name for name in ("text", "content") if isinstance(part.get(name), str)), "")
        before = kept[-1] if kept else {}
        if part.get(field) == "":
            continue
        if field and {**part, field: ""} == {**before, field: ""}:
            kept[-1] = {**part, field: f"{before[field]}{part[field]}"}
        else:
            kept.append(part)
    return kept


def _without_media(reader: Reader, ours: list[JsonObject], recorded: list[JsonObject]) -> list[str]:
    """Take out, of a chat, the results that are more than text: ours send the rest after them."""
    rich = [item for item in recorded if reader.message(item) is None]
    ids = [item.get("tool_call_id") for item in rich]
    media = [part for item in rich for part in objects(item.get("content"))]
    recorded[:] = [item for item in recorded if item not in rich]
    ours[:] = (
        [
            item
            for item in ours
            if item.get("tool_call_id") not in ids and not _made_of(item.get("content"), media)
        ]
        if rich
        else ours
    )
    return ["our results of chat completions are text"] * bool(rich)


def _made_of(content: Json, parts: Sequence[JsonObject]) -> bool:
    mine = objects(content)
    return bool(mine) and all(part in parts for part in mine)


def _faithful(before: Sequence[Recording], server: Loopback, chance: random.Random) -> bool:
    """Whether our decoder says of each answer what the oracle says."""
    return not any(
        differences(entry.expected, replay(entry.exchange, server, chance))
        for entry in before
        if entry.expected is not None
    )


def _compare_settings(enacted: Enacted, turn: int, verdict: Verdict) -> None:
    """Add to `verdict` the settings in which the two requests differ.

    Of the first request all that were recorded count, later those that have changed on one side.
    """
    asked, recorded = enacted.asked, [body_of(link.recording) for link in enacted.run.links]
    ours, theirs = settings_in(asked[turn]), settings_in(recorded[turn])
    ours_first, theirs_first = settings_in(asked[0]), settings_in(recorded[0])
    for name in sorted(ours.keys() | theirs.keys()):
        mine, their = ours.get(name), theirs.get(name)
        if mine == their or (name == "tools" and _tools(mine) == _tools(their)):
            continue
        if (name in theirs) if not turn else their != theirs_first.get(name):
            verdict.differences.append(Difference(f"settings.{name}", mine, their))
        elif mine != ours_first.get(name):
            forced = enacted.opening.tool_choice
            if forced is None or forced.mode not in FORCED:
                verdict.differences.append(Difference(f"settings.{name}", mine, their))
            else:
                verdict.excuses.append(DROPPED)


def _tools(value: Json) -> list[object]:
    """Ours and the provider's own, in whatever spelling."""
    hosted: list[Json] = [tool for tool in objects(value) if not [*tools_in(tool)]]
    return [*tools_in(value), *hosted]


FORCED = ("required", "specific")
EMPTY = "ours leaves out what is empty: the APIs refuse it"
DROPPED = "a forced tool choice is for our first turn alone"
