"""Which recorded exchanges go on from one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rig_sync._json import JsonObject
from rig_sync.message import ToolResult, UserMessage
from tests.agent.scenarios.openings import body_of, message_of, settings_in
from tests.wire.compare import FINISH_KINDS
from tests.wire.corpus import Recording
from tests.wire.roundtrip.pairs import Pair, pairs_in
from tests.wire.roundtrip.reader import Reader, cut, parts_of

__all__ = ["Link", "Run", "chains_in", "runs_in"]


class Link(NamedTuple):
    """One exchange of a chain.

    Attributes:
        recording: The exchange.
        added: What its request has after the answer before: all of it, in the first of a chain.
        repeats: It asks the same as the one before, with more tokens: that answer was cut.
    """

    recording: Recording
    added: list[JsonObject]
    repeats: bool = False


class Run(NamedTuple):
    """Exchanges that one run of an agent makes: the user speaks once, at its beginning."""

    links: list[Link]

    @property
    def first(self) -> Recording:
        """The one that the run begins with."""
        return self.links[0].recording


def chains_in(reader: Reader, conversation: Sequence[Recording]) -> Iterator[list[Link]]:
    """The chains of one conversation and family, each from its beginning to an end.

    Two requests that go on from the same answer give two chains with the same beginning.
    """
    links: dict[int, Link] = {}
    after: dict[int, list[int]] = {}
    roots = [entry.index for entry in conversation[:1]]
    for recording in conversation:
        links[recording.index] = Link(recording, _history(reader, recording))
    for before, found in zip(conversation, pairs_in(reader, conversation), strict=False):
        previous = _previous(reader, found) if isinstance(found, Pair) else None
        previous = previous or _repeated(reader, before, found.request)
        index = found.request.index
        if previous is None:
            roots.append(index)
        else:
            behind, links[index] = previous
            after.setdefault(behind, []).append(index)
    for root in roots:
        for path in _paths(root, after):
            yield [links[index] for index in path]


def _history(reader: Reader, recording: Recording) -> list[JsonObject]:
    return reader.history(body_of(recording))


def _previous(reader: Reader, pair: Pair) -> tuple[int, Link] | None:
    """The exchange whose answer is the last turn of the history, and what comes after it."""
    *_, last = cut(reader, pair.items)
    known = pair.known[-1]
    asked = _history(reader, known.response)
    if known.turn.start != last.start or not _same(reader, asked, pair.items[: last.start]):
        return None
    return known.response.index, Link(pair.request, pair.items[last.stop :])


def _repeated(reader: Reader, before: Recording, now: Recording) -> tuple[int, Link] | None:
    """The exchange before, if its answer was cut and the question is the same."""
    finish = before.expected.finish if before.expected is not None else None
    cut_short = FINISH_KINDS.get(finish or "") == "length"
    changed = settings_in(body_of(before)) != settings_in(body_of(now))
    same = _history(reader, before) == _history(reader, now)
    alike = before.exchange.streaming == now.exchange.streaming
    if not (cut_short and changed and same and alike):
        return None
    return before.index, Link(now, [], repeats=True)


def _same(reader: Reader, before: Sequence[JsonObject], now: Sequence[JsonObject]) -> bool:
    """Whether two histories are the same; a preamble may have been changed."""
    parts, others = (
        [part for part in parts_of(reader, items) if part.get("role") != "system"]
        for items in (before, now)
    )
    return parts == others


def _paths(root: int, after: dict[int, list[int]]) -> Iterator[list[int]]:
    further = after.get(root)
    if not further:
        yield [root]
        return
    for index in further:
        for path in _paths(index, after):
            yield [root, *path]


def runs_in(reader: Reader, chain: Sequence[Link]) -> list[Run]:
    """The runs of a chain: a new one wherever more was added than results of tools.

    Where nothing was added, the provider had paused the turn.
    """
    runs = [Run([chain[0]])]
    for link in chain[1:]:
        if link.repeats or _only_results(reader, link.added):
            runs[-1].links.append(link)
        else:
            runs.append(Run([link]))
    return runs


def _only_results(reader: Reader, items: Sequence[JsonObject]) -> bool:
    messages = [message_of(reader, item) for item in items]
    return all(
        isinstance(message, UserMessage)
        and all(isinstance(part, ToolResult) for part in message.content)
        for message in messages
    )
