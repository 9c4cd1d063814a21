"""Reading an answer as JSON while it streams: `PartialJson` against parsing again at each delta.

A 1 MB answer in 20,000 deltas, in three shapes; milliseconds of CPU, the minimum of the rounds:
feeding without a look at `value`, with one at every 100th delta and at each; beside `json.loads` of
the whole once, and of the text so far at each delta (from ten prefixes, times 2,000). The last
column is 2 MB in 40,000 deltas without a look over 1 MB in 20,000: 2 is linear.

Then the same through an agent, over loopback from a process of its own: microseconds of CPU a delta
of all threads, of `stream_prompt` and of `stream_typed` beside it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial

import msgspec

from benchmarks.server import serving
from rig_sync import Agent, AgentStream, Partial, TypedStream
from rig_sync._json import Json
from rig_sync.output import PartialJson
from rig_sync.providers import openai_compatible

SIZE = 1_000_000
DELTAS = 20_000


def objects(size: int) -> str:
    """A list of small objects."""
    rows: list[Json] = [
        {"id": number, "name": f"Person {number}", "score": number / 7, "tags": ["a", "bc"]}
        for number in range(size // 85)
    ]
    return json.dumps(rows)


def wrapped(size: int) -> str:
    """The same list, as an agent asks for it."""
    return f'{{"value": {objects(size)}}}'


def one_string(size: int) -> str:
    """One long text with a line break now and then."""
    line = "It was a bright cold day in April, and the clocks were striking. \n"
    return json.dumps({"text": line * (size // 67)})


def nested(size: int) -> str:
    """Chapters with sections with paragraphs, indented as models like it."""
    paragraph: Json = {"text": "Some words that are not too long.", "page": 17, "draft": False}
    section: Json = {"title": "A section", "paragraphs": [paragraph] * 8}
    chapter: Json = {"title": "A chapter", "sections": [section] * 8}
    count = max(1, size // len(json.dumps(chapter, indent=2)))
    return json.dumps({"chapters": [chapter] * count}, indent=2)


def cut(text: str, deltas: int) -> list[str]:
    """`text` in `deltas` pieces of one length."""
    step = -(-len(text) // deltas)
    return [text[begin : begin + step] for begin in range(0, len(text), step)]


def feeding(pieces: list[str], look_every: int) -> Callable[[], object]:
    """Feed all, and look at the value every `look_every` deltas; 0 is never."""

    def run() -> object:
        parser = PartialJson()
        seen: Json = None
        for number, piece in enumerate(pieces, 1):
            grown = parser.feed(piece)
            if look_every and grown is not None and number % look_every == 0:
                seen = grown.value
        if parser.broken is not None:
            raise SystemExit(parser.broken)
        return seen

    return run


def milliseconds(run: Callable[[], object], rounds: int) -> float:
    """CPU time of this thread."""
    times = []
    for _ in range(rounds):
        began = time.thread_time()
        run()
        times.append(time.thread_time() - began)
    return min(times) * 1000


def parsing_again(text: str, deltas: int) -> float:
    """What parsing the text so far at each delta costs, from the cost of ten prefixes.

    A prefix is no JSON, so that each is stood for by a whole text of its length.
    """
    steps = 10
    tenths = [shape_of(text, step / steps) for step in range(1, steps + 1)]
    return sum(milliseconds(partial(json.loads, tenth), 1) for tenth in tenths) * deltas / steps


def shape_of(text: str, share: float) -> str:
    """The first `share` of `text`, closed so that it parses."""
    whole = PartialJson()
    grown = whole.feed(text[: int(len(text) * share)])
    return json.dumps(grown.value if grown is not None else None)


class Row(msgspec.Struct):
    """What `objects` has."""

    id: int
    name: str
    score: float
    tags: list[str]


class Words(msgspec.Struct):
    """What `one_string` has."""

    text: str


def read(stream: AgentStream | TypedStream[object], look_every: int) -> object:
    """Read to the end, and look at the value of every so manieth partial; 0 is none."""
    seen: Json = None
    count = 0
    for item in stream:
        if isinstance(item, Partial):
            count += 1
            if look_every and count % look_every == 0:
                seen = item.value
    return seen


def microseconds(run: Callable[[], object], deltas: int, rounds: int) -> float:
    """CPU time of all threads, a delta."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times) / deltas * 1e6


def through_an_agent(text: str, kind: type[object], deltas: int, rounds: int) -> list[float]:
    """Plain; typed without a look, with one at every 100th partial, and at each."""
    with serving(cut(text, deltas)) as url, openai_compatible.Client(base_url=url) as client:
        agent: Agent = client.agent("m").build()
        plain = microseconds(lambda: read(agent.stream_prompt("Hi"), 0), deltas, rounds)

        def typed(often: int) -> float:
            return microseconds(lambda: read(agent.stream_typed(kind, "Hi"), often), deltas, rounds)

        return [plain, *map(typed, (0, 100, 1))]


def agent_table(rounds: int) -> None:
    """Print what `stream_typed` costs."""
    heads = ("plain", "never", "100th", "each", "ratio", "2 MB")
    print(f"{'agent':12}", *(f"{head:>9}" for head in heads))
    cases: tuple[tuple[Callable[[int], str], type[object]], ...] = (
        (wrapped, list[Row]),
        (one_string, Words),
    )
    for shape, kind in cases:
        plain, never, some, each = through_an_agent(shape(SIZE), kind, DELTAS, rounds)
        twice = through_an_agent(shape(2 * SIZE), kind, 2 * DELTAS, rounds)[1]
        print(
            f"{shape.__name__:12} {plain:9.1f} {never:9.1f} {some:9.1f} {each:9.1f}",
            f"{never / plain:9.2f} {2 * twice / never:9.2f}",
        )


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    heads = ("never", "100th", "each", "loads", "again", "2 MB")
    print(f"{'looking':12}", *(f"{head:>9}" for head in heads))
    for shape in (objects, one_string, nested):
        text = shape(SIZE)
        pieces = cut(text, DELTAS)
        never, some, each = (milliseconds(feeding(pieces, n), rounds) for n in (0, 100, 1))
        once = milliseconds(partial(json.loads, text), rounds)
        twice = milliseconds(feeding(cut(shape(2 * SIZE), 2 * DELTAS), 0), rounds)
        print(
            f"{shape.__name__:12} {never:9.0f} {some:9.0f} {each:9.0f} {once:9.1f}",
            f"{parsing_again(text, DELTAS):9.0f} {twice / never:9.2f}",
        )
    agent_table(rounds)


if __name__ == "__main__":
    main()
