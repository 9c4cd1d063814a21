"""Typed answers through the agent: the types, and what becomes of an answer that does not fit."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Optional, TypedDict

import msgspec
import pytest

from rig_sync import (
    Agent,
    AssistantMessage,
    CompletionCall,
    CompletionResponse,
    ConfigError,
    Hook,
    HookContext,
    MaxTurnsExceeded,
    ModelTurnRetried,
    OutputInvalid,
    RunFinished,
    RunPending,
    RunSuspended,
    UserMessage,
    dump_run,
    load_run,
    tool,
    user,
)
from rig_sync._json import Json
from rig_sync.errors import StreamMisuse
from rig_sync.message import unanswered_calls
from tests.agent.typed_wires import WAYS, WIRES, Speaker, calls, says

Way = Callable[..., Any]
CHAT = WIRES["openai_chat"]


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Speaker:
    """Each wire."""
    return WIRES[request.param]


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """One-shot, and streamed."""
    return WAYS[request.param]


@dataclass
class Town:
    """A place."""

    name: str
    people: int


@dataclass
class Tagged:
    label: str
    tags: list[str] = field(default_factory=list)


class Movie(TypedDict):
    title: str


class Point(msgspec.Struct):
    x: float
    y: float = 0.0


class Pair(NamedTuple):
    left: int
    right: str


class Colour(enum.Enum):
    RED = "red"


ULM: Json = {"name": "Ulm", "people": 126000}
WRONG: Json = {"name": "Ulm", "people": "many"}
COMPLAINT = "Expected `int`, got `str` - at `$.people`"

KINDS: list[tuple[Any, Json, object]] = [
    (Town, ULM, Town("Ulm", 126000)),
    (Tagged, {"label": "a", "tags": None}, Tagged("a")),
    (Movie, {"title": "Heat"}, {"title": "Heat"}),
    (Point, {"x": 1, "y": 2.5}, Point(1.0, 2.5)),
    (Pair, {"left": 1, "right": "b"}, Pair(1, "b")),
    (list[str], {"value": ["a", "b"]}, ["a", "b"]),
    (list[Town], {"value": [ULM]}, [Town("Ulm", 126000)]),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (int, {"value": 7}, 7),
    (bool, {"value": False}, False),
    (str, {"value": "words"}, "words"),
    (Colour, {"value": "red"}, Colour.RED),
    (Literal["yes", "no"], {"value": "no"}, "no"),
    (Optional[int], {"value": None}, None),  # noqa: UP045 - what users write
    (int | str, {"value": "a"}, "a"),
    (Town | None, {"value": ULM}, Town("Ulm", 126000)),
]


@pytest.mark.parametrize(("kind", "said", "value"), KINDS, ids=[str(kind[0]) for kind in KINDS])
@pytest.mark.parametrize("mode", ["native", "tool", "prompted"])
def test_each_kind_of_type(way: Way, mode: str, kind: Any, said: Json, value: object) -> None:
    """In every mode the caller gets a value of the type."""
    turn = calls(("final_answer", said)) if mode == "tool" else says(said)
    with CHAT.playing(turn) as (model, _):
        assert way(Agent(model), kind, "Go.", output_mode=mode) == value


def test_each_wire(wire: Speaker, way: Way) -> None:
    """A list of objects, wrapped for the wire and unwrapped for the caller."""
    with wire.playing(says({"value": [ULM, ULM]})) as (model, server):
        assert way(Agent(model), list[Town], "Go.") == [Town("Ulm", 126000)] * 2
        assert len(server.requests) == 1


def test_pydantic(wire: Speaker, way: Way) -> None:
    """A pydantic model is validated by itself; its own words go back to the model."""
    pydantic = pytest.importorskip("pydantic")
    kind = pydantic.create_model("Town", name=(str, ...), people=(int, pydantic.Field(gt=0)))
    wrong: Json = {"name": "Ulm", "people": -1}
    with wire.playing(says(wrong), says(ULM)) as (model, server):
        value = way(Agent(model), kind, "Go.")
        assert type(value) is kind
        assert value.people == 126000
        assert "greater than 0 - at `$.people`" in wire.last(server.requests[1])[1]


class Plain:
    """What nobody can make a schema of."""

    def __init__(self, x: int) -> None:
        self.x = x


WRONGS: list[tuple[Any, dict[str, object], str]] = [
    (Plain, {}, "ask for a dataclass"),
    (lambda: None, {}, "ask for a dataclass"),
    (Town, {"output_mode": "xml"}, "'native', 'tool' or 'prompted'"),
    (Town, {"output_retries": -1}, "output_retries=-1: give a whole number, 0 or more"),
    (Town, {"output_retry": 1}, "output_retry"),
    (Town, {"max_turns": 0}, "max_turns=0"),
]


@pytest.mark.parametrize(("kind", "options", "words"), WRONGS)
def test_what_cannot_be(kind: Any, options: dict[str, Any], words: str) -> None:
    """Wrong types and options are told of by the call itself, before any request."""
    with CHAT.playing() as (model, _):
        for begin in (Agent(model).stream_typed, Agent(model).prompt_typed):
            with pytest.raises(ConfigError, match=words):
                begin(kind, "Go.", **options)


# answers that do not fit ---------------------------------------------------------------------


def test_told_as_a_user(wire: Speaker, way: Way) -> None:
    """An answer in words that does not fit goes back as a user's message that says why."""
    with wire.playing(says(WRONG), says(ULM)) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="native") == Town("Ulm", 126000)
        said_by, words = wire.last(server.requests[1])
        assert said_by == "user"
        assert f"does not fit what was asked for: {COMPLAINT}. Give the whole answer" in words


def test_told_as_a_result(wire: Speaker, way: Way) -> None:
    """An answer by the tool that does not fit gets why as the call's result."""
    turns = (calls(("final_answer", WRONG)), calls(("final_answer", ULM)))
    with wire.playing(*turns) as (model, server):
        assert way(Agent(model), Town, "Go.", output_mode="tool") == Town("Ulm", 126000)
        said_by, words = wire.last(server.requests[1])
        assert said_by == "tool"
        assert COMPLAINT in words


@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.parametrize("mode", ["native", "tool"])
def test_retries_are_bounded(wire: Speaker, way: Way, mode: str, retries: int) -> None:
    """After them comes `OutputInvalid`, with the answer and a history that goes on from there."""
    turn = calls(("final_answer", WRONG)) if mode == "tool" else says(WRONG)
    with wire.playing(*[turn] * (retries + 1), says("Well.")) as (model, server):
        agent = Agent(model)
        with pytest.raises(OutputInvalid, match=r"got `str` - at `\$.people`") as caught:
            way(agent, Town, "Go.", output_mode=mode, output_retries=retries)
        assert len(server.requests) == retries + 1
        assert caught.value.raw == '{"name":"Ulm","people":"many"}'
        assert unanswered_calls(caught.value.history) == []
        assert agent.chat("And now?", caught.value.history).output == "Well."


def test_tokens_of_all_tries_count(wire: Speaker) -> None:
    """The usage is of all model calls; every turn that does not count is announced."""
    with wire.playing(says(WRONG), says("Hm."), says(ULM)) as (model, _):
        with Agent(model).stream_typed(Town, "Go.") as stream:
            items = list(stream)
        assert stream.usage.output_tokens == 6
        assert [i.turn for i in items if isinstance(i, ModelTurnRetried)] == [1, 2]
        assert [i.turn for i in items if isinstance(i, CompletionCall)] == [1, 2, 3]


def test_tokens_of_a_failure_count() -> None:
    """Those of the last answer too, whatever is wrong with it."""
    for last in (says(WRONG), says('{"name"', "length"), says("No.", "content_filter")):
        with CHAT.playing(says(WRONG), last) as (model, _):
            stream = Agent(model).stream_typed(Town, "Go.", output_retries=1)
            with pytest.raises(OutputInvalid) as caught:
                list(stream)
            assert stream.usage.output_tokens == 4
            assert caught.value.history == stream.messages
            assert any(isinstance(message, AssistantMessage) for message in stream.messages)


@pytest.mark.parametrize("mode", ["native", "tool"])
def test_more_retries_later(mode: Literal["native", "tool"]) -> None:
    """A run that has used up its retries goes on with more: the model is told, and asked again."""
    answers: list[Json] = [WRONG, {"name": "Ulm", "people": 1}]
    turns = [says(one) if mode == "native" else calls(("final_answer", one)) for one in answers]
    with CHAT.playing(*turns) as (model, server):
        agent = Agent(model)
        stream = agent.stream_typed(Town, "Go.", output_mode=mode, output_retries=0)
        with pytest.raises(OutputInvalid):
            list(stream)
        run = load_run(dump_run(stream.run))
        town = agent.prompt_typed(Town, run, output_mode=mode, output_retries=1)
    assert town == Town("Ulm", 1)
    assert b"does not fit" in server.requests[1].body


def test_max_turns_counts(way: Way) -> None:
    """A retry is a model call like any other, and the message says so."""
    with CHAT.playing(says(WRONG)) as (model, server):
        with pytest.raises(MaxTurnsExceeded, match="or its answers were sent back"):
            way(Agent(model), Town, "Go.", max_turns=2, output_retries=5)
        assert len(server.requests) == 2


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_malformed_arguments(name: str, way: Way) -> None:
    """Arguments that are no JSON go back; those of a stream on every wire that sends text."""
    wire = WIRES[name]
    broken, right = calls(("final_answer", '{"name": "Ulm", ')), calls(("final_answer", ULM))
    with wire.playing(broken, right) as (model, server):
        value = way(Agent(model), Town, "Go.", output_mode="tool", stream=True)
        assert value == Town("Ulm", 126000)
        said_by, words = wire.last(server.requests[1])
        assert said_by == "tool"
        assert "the arguments were no JSON object" in words


@pytest.mark.parametrize("mode", ["native", "tool", "prompted"])
def test_cut_off(wire: Speaker, way: Way, mode: str) -> None:
    """The token limit ends it at once: the remedy is named, another try would end the same."""
    cut: Json = '{"name": "Ul'
    text = says(cut, "length")
    turn = calls(("final_answer", cut), end="length") if mode == "tool" else text
    with wire.playing(turn) as (model, server):
        with pytest.raises(OutputInvalid, match="raise max_tokens"):
            way(Agent(model), Town, "Go.", output_mode=mode)
        assert len(server.requests) == 1


def test_whole_at_the_limit(wire: Speaker, way: Way) -> None:
    """An answer that is whole when the limit comes is taken."""
    with wire.playing(says(ULM, "length")) as (model, _):
        assert way(Agent(model), Town, "Go.") == Town("Ulm", 126000)


def test_refused(wire: Speaker, way: Way) -> None:
    """A refusal is no answer, and not asked for again."""
    with wire.playing(says("I will not.", "content_filter")) as (model, server):
        with pytest.raises(OutputInvalid, match="refused") as caught:
            way(Agent(model), Town, "Go.")
        assert caught.value.raw == "I will not."
        assert len(server.requests) == 1


# hooks, and suspended runs -------------------------------------------------------------------


class Watching(Hook):
    """Notes what it is told of."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_model_turn_finished(self, context: HookContext, event: CompletionResponse) -> None:
        """Before the answer is looked at."""
        self.seen.append(f"{context.turn}: {event.message.text}")

    def on_run_finished(self, context: HookContext, event: RunFinished) -> None:
        """With the error."""
        self.seen.append(f"{context.turn}: {type(event.error or event.response).__name__}")


def test_hooks_see_every_try(way: Way) -> None:
    """Each answer before it is validated, and how the run ended."""
    for second, end in ((ULM, "FinalResponse"), (WRONG, "OutputInvalid")):
        watching = Watching()
        with CHAT.playing(says(WRONG), says(second)) as (model, _):
            agent = Agent(model, hooks=[watching])
            with contextlib.suppress(OutputInvalid):
                way(agent, Town, "Go.", output_retries=1)
        assert [one[:10] for one in watching.seen[:2]] == ['1: {"name"', '2: {"name"']
        assert watching.seen[2:] == [f"2: {end}"]


@tool(approval=True)
def look_up(town: str) -> int:
    """How many people live there."""
    return 126000


ASKS = calls(("look_up", {"town": "Ulm"}))


def test_a_run_that_waited_goes_on_typed(wire: Speaker, way: Way) -> None:
    """Saved while it waits for a person, loaded, and brought to a typed end; retries are kept."""
    turns = (ASKS, says(WRONG), says(ULM))
    with wire.playing(*turns) as (model, server):
        agent = Agent(model, tools=[look_up])
        with pytest.raises(RunSuspended) as caught:
            agent.prompt_typed(Town, "Go.", output_retries=1)
        run = load_run(dump_run(caught.value.run))
        run.approve("c0")
        assert way(agent, Town, run) == Town("Ulm", 126000)
        assert run.output_retries == 0
        assert (run.turn, run.usage.output_tokens) == (3, 6)
        assert wire.last(server.requests[1])[0] == "tool"


def test_a_suspended_stream_has_no_output() -> None:
    """Its last item says what it waits for; a run that goes on can be given other retries."""
    turns = (ASKS, *[says(WRONG)] * 3, says(ULM))
    with CHAT.playing(*turns) as (model, _):
        agent = Agent(model, tools=[look_up])
        with agent.stream_typed(Town, "Go.", output_retries=0) as stream:
            assert isinstance(list(stream)[-1], RunPending)
            with pytest.raises(StreamMisuse):
                _ = stream.output
        stream.run.deny("c0", "No.")
        assert agent.prompt_typed(Town, stream.run, output_retries=3) == Town("Ulm", 126000)


def test_a_run_that_has_ended_keeps_its_answer() -> None:
    """Going on with it asks nobody; of another type, it does not fit."""
    with CHAT.playing(says(ULM)) as (model, server):
        agent = Agent(model)
        with agent.stream_typed(Town, "Go.") as stream:
            list(stream)
        assert agent.prompt_typed(Town, stream.run) == Town("Ulm", 126000)
        with pytest.raises(OutputInvalid, match="`title`") as caught:
            agent.prompt_typed(Movie, stream.run)
        assert caught.value.history == stream.messages
        assert len(server.requests) == 1


def test_a_typed_answer_with_a_history() -> None:
    """It goes ahead of the prompt; the run's history is prompt and answer as they were."""
    with CHAT.playing(says(ULM)) as (model, server):
        with Agent(model).stream_typed(Town, "Go.", [user("Hello.")]) as stream:
            list(stream)
        assert stream.output == Town("Ulm", 126000)
        assert b"Hello." in server.requests[0].body
        kinds = [type(one) for one in stream.messages]
        assert kinds == [UserMessage, UserMessage, AssistantMessage]
