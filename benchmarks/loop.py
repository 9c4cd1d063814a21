"""`agent.stream_prompt` against the loop that a user would write by hand.

Both read the same 10,000-event body over loopback, in alternation, in one process; CPU time of all
threads, the minimum of the rounds. The last word printed is the ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import requests
import sseclient

from benchmarks.server import serving
from rig_sync import Agent, FinalResponse, StreamAssistantItem, Text
from rig_sync.providers import openai_compatible

EVENTS = 10_000


def by_hand(url: str) -> tuple[int, int]:
    """What the documentation of requests and sseclient-py suggests."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    pieces = 0
    size = 0
    with requests.post(f"{url}/chat/completions", json=body, stream=True, timeout=60) as response:
        for event in sseclient.SSEClient(response.iter_content(None)).events():
            if event.data == "[DONE]":
                break
            text = json.loads(event.data)["choices"][0]["delta"].get("content")
            if text:
                pieces += 1
                size += len(text)
    return pieces, size


def by_agent(agent: Agent) -> tuple[int, int]:
    """The whole agent: typed items, the message put together, usage, deadlines."""
    pieces = 0
    size = 0
    for item in agent.stream_prompt("Hi"):
        match item:
            case StreamAssistantItem(Text(text)):
                pieces += 1
                size += len(text)
            case FinalResponse(output=output):
                assert len(output) == size
    return pieces, size


def cpu_of(run: Callable[[], tuple[int, int]]) -> float:
    """CPU microseconds per event of all threads of this process."""
    began = time.process_time()
    pieces, size = run()
    spent = time.process_time() - began
    if (pieces, size) != (EVENTS, EVENTS * 5):
        raise SystemExit(f"wrong count: {pieces} pieces, {size} characters")
    return spent / EVENTS * 1e6


def import_milliseconds(statement: str) -> float:
    """Wall time of one import in a fresh process, less that of an empty one; minimum of 7."""
    script = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    runs = [
        float(
            subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
        )
        for _ in range(7)
    ]
    return min(runs) * 1000


def main() -> None:
    """Measure, and print the ratio as the last word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    hand, ours = [], []
    with serving([" word"] * EVENTS) as url, openai_compatible.Client(base_url=url) as client:
        agent = client.agent("m").build()
        for _ in range(rounds):
            hand.append(cpu_of(lambda: by_hand(url)))
            ours.append(cpu_of(lambda: by_agent(agent)))
    everything = "import rig_sync; from rig_sync.providers import openai; openai.Client('k')"
    print(f"by hand             {min(hand):6.2f} us of CPU per event")
    print(f"agent.stream_prompt {min(ours):6.2f} us of CPU per event")
    print(f"import rig_sync     {import_milliseconds('import rig_sync'):6.1f} ms")
    print(f"with a client       {import_milliseconds(everything):6.1f} ms")
    print(f"ratio {min(ours) / min(hand):.2f}")


if __name__ == "__main__":
    main()
