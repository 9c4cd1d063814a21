"""Runs that broke off, or were saved anywhere: no tool runs twice, and each ends."""

from __future__ import annotations

import pytest

from rig_sync import (
    Agent,
    AgentStream,
    ConfigError,
    HookContext,
    MaxTurnsExceeded,
    RunSuspended,
    ToolExecutionStarted,
    dump_run,
    hook,
    load_run,
    tool,
)
from rig_sync.agent.actions import Replace
from rig_sync.agent.events import ToolResultEvent
from rig_sync.agent.steps import INTERRUPTED
from tests.agent.both_ways import calls, says
from tests.agent.scripting import (
    RAN,
    WAYS,
    Way,
    again,
    look,
    pay,
    results,
    told,
)
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Request


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def test_saved_while_a_tool_has_started(
    server: ServerFactory, model: ModelFactory, way: Way
) -> None:
    """It does not run again; the model reads that its result is unknown, the others run."""
    asked = calls(*(("look", {"place": place}) for place in ("up", "down", "back")))
    served = server(asked, says("Done."))
    agent = Agent(model(served), tools=[look])
    saved: list[bytes] = []
    stream = agent.stream_prompt("Look.")
    for item in stream:
        if isinstance(item, ToolExecutionStarted) and item.tool_call.id == "c1":
            saved.append(dump_run(stream.run))
            break
    stream.close()
    assert RAN == ["look up"]  # as if the process had died in the second
    run = way(agent, load_run(saved[0]))
    assert RAN == ["look up", "look back"]
    assert told(served.requests[1]) == {
        "c0": "nothing up",
        "c1": INTERRUPTED,
        "c2": "nothing back",
    }
    assert [one.is_error for one in results(run.messages)] == [False, True, False]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_saved_by_the_tool_itself(
    server: ServerFactory, model: ModelFactory, way: Way, concurrency: int
) -> None:
    """A run that was saved inside a tool goes on without it, also where a retry would be none."""
    streams: list[AgentStream] = []
    saved: list[bytes] = []

    @tool(retries=0)
    def sink(depth: int) -> str:
        """Sink."""
        saved.append(dump_run(streams[0].run))
        return "deep"

    served = server(calls(("sink", {"depth": 1})), says("Done."), says("Saved."))
    agent = Agent(model(served), tools=[sink])
    streams.append(agent.stream_prompt("Sink.", tool_concurrency=concurrency))
    list(streams[0])
    run = way(agent, load_run(saved[0]))
    assert len(saved) == 1
    assert told(served.requests[2]) == {"c0": INTERRUPTED}
    assert run.response().output == "Saved."


def test_saved_between_results(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """Saved by a hook as it reads the second result: the first is kept, the second unknown."""
    saved: list[bytes] = []
    streams: list[AgentStream] = []

    @hook.on_tool_result
    def save(context: HookContext, event: ToolResultEvent) -> Replace | None:
        saved.append(dump_run(streams[0].run))
        return None

    asked = calls(("look", {"place": "up"}), ("look", {"place": "down"}))
    served = server(asked, says("Done."), says("Saved."))
    agent = Agent(model(served), tools=[look])
    streams.append(agent.stream_prompt("Look.", hooks=[save]))
    list(streams[0])
    RAN.clear()
    way(agent, load_run(saved[1]))
    assert RAN == []
    assert told(served.requests[2]) == {"c0": "nothing up", "c1": INTERRUPTED}


def test_saved_at_any_item_ends_equal(server: ServerFactory, model: ModelFactory) -> None:
    """Wherever the run is saved, it ends; a tool that had not begun runs once."""
    script = [calls(("look", {"place": "up"}), ("look", {"place": "down"})), says("Done.")]

    def answer(request: Request) -> object:
        return script[1 if told(request) else 0](request)

    served = server(answer)  # type: ignore[arg-type] # scripts both
    agent = Agent(model(served), tools=[look])
    stream = agent.stream_prompt("Look.")
    saved = [dump_run(stream.run), *(dump_run(stream.run) for _ in stream)]
    assert stream.final is not None
    for one in saved:
        run = load_run(one)
        unknown = {p.call.id for p in run.batch if p.state == "started"}
        final = agent.resume(run)
        assert final.output == "Done."
        if not unknown:
            assert final.messages == stream.final.messages
        texts = [result.text for result in results(final.messages)]
        assert [INTERRUPTED in text for text in texts] == [
            f"c{number}" in unknown for number in range(2)
        ]


def test_a_run_that_is_over(server: ServerFactory, model: ModelFactory, way: Way) -> None:
    """It gives its answer again, and asks nobody."""
    served = server(says("Done."))
    agent = Agent(model(served))
    stream = agent.stream_prompt("Hi")
    list(stream)
    run = way(agent, again(stream.run))
    assert run.response() == stream.final
    assert len(served.requests) == 1


def test_turns_count_on(server: ServerFactory, model: ModelFactory) -> None:
    """The limit holds over the suspension, and may be raised when the run goes on."""
    served = server(calls(("pay", {"amount": 5})), says("Done."))
    agent = Agent(model(served), tools=[pay], max_turns=1)
    with pytest.raises(RunSuspended) as caught:
        agent.prompt("Pay.")
    run = caught.value.run
    run.approve("c0")
    with pytest.raises(MaxTurnsExceeded):
        agent.resume(run)
    assert RAN == ["pay 5"]
    assert agent.resume(run, max_turns=2).output == "Done."
    assert RAN == ["pay 5"]


def test_only_runs_go_on(server: ServerFactory, model: ModelFactory) -> None:
    """Anything else is refused at once, with what to give."""
    agent = Agent(model(server()))
    for wrong in (b"{}", None, agent):
        with pytest.raises(ConfigError, match=r"give `stream.run`"):
            agent.stream_resume(wrong)  # type: ignore[arg-type] # the fault
