"""How late deadlines are: `python -m tests.faults.deadlines [--rounds N]`.

Every deadline, on every way to a provider, through every kind of silence: the median and the worst
lateness in ms, and a last line `N deadlines, worst X ms late`. The exit code is 1 above 50 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from rig_sync import InsecureUrlWarning, PauseControl
from rig_sync.agent.agent import Agent
from rig_sync.agent.items import StreamUserItem
from rig_sync.errors import (
    ConnectTimeout,
    FirstEventTimeout,
    IdleTimeout,
    PauseTimeout,
    StreamTimeout,
    ToolTimeout,
    TotalTimeout,
)
from rig_sync.model import CompletionModel
from rig_sync.providers.openai_compatible import Client
from rig_sync.streaming.items import Text
from rig_sync.transport.retry import NO_RETRIES
from rig_sync.transport.timeouts import Timeouts
from tests.faults.silences import (
    CONNECTING,
    ENDLESS,
    ONE,
    PATIENCE,
    ROUTES,
    SILENCES,
    UNANSWERED,
    Route,
    Stage,
    connecting,
    restored,
)
from tests.server import (
    Request,
    Script,
    ScriptedServer,
    call_chunks,
    chat_chunks,
    sse_response,
)

__all__ = ["Late", "main", "measure"]

LIMIT = 0.050  # seconds that a deadline may be late
DEADLINE = 0.15


class Late(NamedTuple):
    """How late one deadline was, in seconds, in each round."""

    deadline: str
    route: str
    silence: str
    seconds: list[float]


def _late(kind: type[StreamTimeout], wait: Callable[[], object], deadline: float) -> float:
    """Seconds that `kind` came after its time."""
    began = time.monotonic()
    try:
        wait()
    except StreamTimeout as error:
        late = time.monotonic() - began - deadline
        if type(error) is not kind:
            raise AssertionError(f"{kind.__name__} was due: {error!r}") from error
        return late
    raise AssertionError(f"{kind.__name__} did not come")


def _streams(
    route: Route, folder: Path, env: MutableMapping[str, str], rounds: int
) -> Iterator[Late]:
    """first_event, idle and total, of streams and of whole answers."""
    begun = {name: silence(ONE) for name, silence in SILENCES.items()}
    first, rest = Timeouts(first_event=DEADLINE), Timeouts(idle=DEADLINE)
    total = Timeouts(total=DEADLINE)
    with Stage(route, UNANSWERED, folder, env) as stage:
        for name in UNANSWERED:
            stream = _seconds(stage.model(first), name, FirstEventTimeout, rounds)
            yield Late("first_event", route, name, stream)
            yield Late(
                "total", route, name, _seconds(stage.model(total), name, TotalTimeout, rounds)
            )
        whole = [
            _late(
                FirstEventTimeout,
                lambda: stage.model(first).completion("no headers").send(),
                DEADLINE,
            )
            for _ in range(rounds)
        ]
        yield Late("first_event", route, "no headers of a whole answer", whole)
    with Stage(route, begun, folder, env) as stage:
        for name in begun:
            late = _seconds(stage.model(rest), name, IdleTimeout, rounds, first=True)
            yield Late("idle", route, name, late)
    with Stage(route, {"endless": ENDLESS}, folder, env) as stage:
        late = _seconds(stage.model(total), "endless", TotalTimeout, rounds)
        yield Late("total", route, "endless text", late)
        paused = [_paused(stage) for _ in range(rounds)]
        yield Late("max_pause", route, "endless text", paused)


def _seconds(
    model: CompletionModel,
    prompt: str,
    kind: type[StreamTimeout],
    rounds: int,
    *,
    first: bool = False,
) -> list[float]:
    """How late `kind` was each time; `first`: counted from the first item on."""
    found = []
    for _ in range(rounds):
        with model.stream_completion(prompt).stream() as stream:
            if first:
                assert next(stream) == Text("one ")
            found.append(_late(kind, lambda: list(stream), DEADLINE))
    return found


def _paused(stage: Stage) -> float:
    pause = PauseControl()
    model = stage.model(Timeouts(max_pause=DEADLINE, idle=DEADLINE / 2, total=PATIENCE))
    with model.stream_completion("endless").stream(pause=pause) as stream:
        next(stream)
        pause.pause()
        return _late(PauseTimeout, lambda: list(stream), DEADLINE)


def _connections(env: MutableMapping[str, str], rounds: int) -> Iterator[Late]:
    """connect, wherever it may take its time."""
    for name, case in CONNECTING.items():
        late = []
        for _ in range(rounds):
            with restored(env), connecting(case, env) as url:
                late.append(_connection(url))
        yield Late("connect", "", name, late)


def _connection(url: str) -> float:
    timeouts = Timeouts(connect=DEADLINE)
    with Client("key", base_url=url, timeouts=timeouts, retries=NO_RETRIES) as client:
        stream = client.completion_model("scripted").stream_completion("Hi").stream()
        return _late(ConnectTimeout, lambda: list(stream), DEADLINE)


def _tools(rounds: int) -> Iterator[Late]:
    """tool, until its caller is told of it."""
    late: list[float] = []
    over, began = threading.Event(), [0.0]

    def hang() -> str:
        """Hang."""
        began[0] = time.monotonic()
        over.wait(PATIENCE)
        return "never"

    def answer(request: Request) -> Script:
        body: Any = request.json
        told = body["messages"][-1]["role"] == "tool"
        return sse_response(*(chat_chunks("fine") if told else call_chunks(("hang", {}))))

    with ScriptedServer(answer) as server:
        timeouts = Timeouts(tool=DEADLINE)
        with Client("key", base_url=server.url, timeouts=timeouts) as client:
            agent = Agent(client.completion_model("scripted"), tools=[hang])
            for _ in range(rounds):
                for item in agent.stream_prompt("Hi"):
                    if isinstance(item, StreamUserItem):
                        late.append(time.monotonic() - began[0] - DEADLINE)
                        assert ToolTimeout.__name__ in str(item.content)
    over.set()
    yield Late("tool", "", "a tool that hangs", late)


def measure(rounds: int, env: MutableMapping[str, str]) -> Iterator[Late]:
    """Every deadline, everywhere; sets variables in `env`, and takes them away again.

    First how late this machine is by itself, now: what waits for a mere event.
    """
    yield Late("none", "", "an event that never comes", [_control() for _ in range(10 * rounds)])
    with tempfile.TemporaryDirectory() as folder:
        for route in ROUTES:
            with restored(env):
                yield from _streams(route, Path(folder), env, rounds)
        yield from _connections(env, rounds)
        yield from _tools(rounds)


def _control() -> float:
    began = time.monotonic()
    threading.Event().wait(DEADLINE)
    return time.monotonic() - began - DEADLINE


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.deadlines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each deadline (default 3)")
    rounds = parser.parse_args(arguments).rounds
    warnings.simplefilter("ignore", InsecureUrlWarning)
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        del os.environ[name]
    count, worst = 0, 0.0
    for late in measure(rounds, os.environ):
        if late.deadline != "none":
            count += len(late.seconds)
            worst = max(worst, *late.seconds)
        middle = statistics.median(late.seconds)
        where = f"{late.deadline:<12} {late.route:<14} {late.silence:<40}"
        print(f"{where} {1e3 * middle:6.1f} {1e3 * max(late.seconds):6.1f}", flush=True)
    print(f"{count} deadlines, worst {1e3 * worst:.1f} ms late")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
