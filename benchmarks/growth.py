"""That everything grows in a straight line: four times the input over once, side by side.

Every stream in which something grows with each frame, on every wire, and every text that repeats
itself (`tests.faults.fuzz.large`), at a quarter of a million characters and at a million; every
wire's request with a history of 1,000 messages, and of 4,000. CPU of this thread, the minimum of
the rounds, without the collector: it walks all that lives once a quarter more does, which a small
input may just not reach. 4 is linear, 16 quadratic. The last line is `N of N linear`; what takes
more than `BOUND` times as long is not.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from functools import partial

from rig_sync._json import to_json
from rig_sync.completion import CompletionRequest
from rig_sync.message import (
    AssistantMessage,
    Message,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
)
from rig_sync.wire.base import Wire
from tests.faults.fuzz.large import LARGE, TEXTS, put_together, read_json, stream, text
from tests.faults.fuzz.seeds import WIRES

SIZE = 250_000
CHARACTERS = 250  # of a message
BOUND = 8.0
FAST = 0.02
"""Seconds: what takes less at a million characters is fast, whatever the ratio."""


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The least CPU time of this thread that `work` took."""
    least = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        work()
        least = min(least, time.thread_time() - began)
    return least


def works(size: int) -> dict[str, Callable[[], object]]:
    """Everything that may grow, at about `size` characters."""
    found: dict[str, Callable[[], object]] = {}
    for name, (wire, frames) in LARGE.items():
        found[name] = partial(put_together, wire, [*stream(frames, size)])
    for name in TEXTS:
        found[f"text: {name}"] = partial(read_json, text(name, size))
    for name, spoken in WIRES.items():
        found[f"history: {name}"] = partial(encode, spoken, conversation(size // CHARACTERS))
    return found


def conversation(messages: int) -> CompletionRequest:
    """A history of so many messages, with calls of tools and their results."""
    said = Text("A sentence of some words, as people and models write them. " * 4)
    history: list[Message] = []
    for number in range(messages // 4):
        call = ToolCall(f"call_{number}", "look_up", {"what": f"thing {number}", "deep": True})
        history += [
            UserMessage((said,)),
            AssistantMessage((said, call)),
            UserMessage((ToolResult(call.id, (said,), call.name),)),
            AssistantMessage((said,)),
        ]
    return CompletionRequest("m", (*history, UserMessage((said,))))


def encode(wire: Wire, request: CompletionRequest) -> bytes:
    """The body of a request, as it is sent."""
    return to_json(wire.encode(request, stream=True))


def main() -> int:
    """Measure, print, and say how many are linear."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    small, large = works(SIZE), works(4 * SIZE)
    gc.disable()
    linear = 0
    for name, work in small.items():
        once, fourfold = seconds(work, rounds), seconds(large[name], rounds)
        fine = fourfold < FAST or fourfold < BOUND * once
        linear += fine
        told = "" if fine else "  not linear"
        print(
            f"{name:44} {once * 1e3:7.0f} ms {fourfold * 1e3:7.0f} ms {fourfold / once:5.1f}{told}"
        )
    print(f"{linear} of {len(small)} linear")
    return int(linear < len(small))


if __name__ == "__main__":
    raise SystemExit(main())
