"""The answer while it comes: partials that only ever grow, and what a stream may do to end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from rig_sync import (
    Agent,
    CancelToken,
    CompletionCall,
    ModelTurnRetried,
    Partial,
    PromptCancelled,
    StreamAssistantItem,
    Text,
    tool,
)
from rig_sync._json import Json
from rig_sync.agent.output import OutputMode
from rig_sync.errors import StreamMisuse
from tests.agent.typed_wires import WIRES, Speaker, calls, cut, says
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Flood, Stall, chat_chunk, chat_chunks, sse_response

CHAT = WIRES["openai_chat"]
ANSWER = "final_answer"


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Speaker:
    """Each wire."""
    return WIRES[request.param]


@dataclass
class Town:
    name: str
    people: int
    districts: list[str]


ULM: Json = {"name": "Ulm on the Danube", "people": 126000, "districts": ["Mitte", "Söflingen"]}
WRONG: Json = {"name": "Ulm", "people": "many", "districts": []}


def grows(before: Json, after: Json) -> bool:
    """Whether `after` is `before` and more of it."""
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip(before, after, strict=False)
        return len(before) <= len(after) and all(grows(*pair) for pair in pairs)
    if isinstance(before, dict) and isinstance(after, dict):
        ordered = list(after)[: len(before)] == list(before)
        return ordered and all(grows(value, after[key]) for key, value in before.items())
    return before == after


KINDS: list[tuple[Any, Json, Json]] = [
    (Town, ULM, ULM),
    (list[Town], {"value": [ULM, ULM]}, [ULM, ULM]),
    (list[str], {"value": ["a word", "another"]}, ["a word", "another"]),
    (str, {"value": "a long line of words"}, "a long line of words"),
    (int, {"value": 1234567}, 1234567),
]


@pytest.mark.parametrize(("kind", "said", "whole"), KINDS, ids=[str(kind[0]) for kind in KINDS])
@pytest.mark.parametrize("mode", ["native", "tool", "prompted"])
def test_partials_grow(wire: Speaker, mode: OutputMode, kind: Any, said: Json, whole: Json) -> None:
    """In every mode on every wire: each is the one before and more, the last is the answer."""
    turn = calls((ANSWER, said)) if mode == "tool" else says(said)
    with wire.playing(turn) as (model, _):
        partials = list(Agent(model).stream_typed(kind, "Go.", output_mode=mode).partials())
    values = [partial.value for partial in partials]
    assert all(grows(*pair) for pair in pairwise(values))
    assert values[-1] == whole
    assert [one.complete for one in partials] == [False] * (len(partials) - 1) + [True]
    if (wire.model, mode) != ("gemini-3-pro", "tool"):  # its calls come in one piece
        assert len(partials) > 1 or kind is int


def test_pieces_are_the_strings() -> None:
    """What `pieces` says by path is what the strings of the unwrapped answer are."""
    with CHAT.playing(says({"value": ["a word", "another"]})) as (model, _):
        partials = list(Agent(model).stream_typed(list[str], "Go.").partials())
    pieces = [piece for partial in partials for piece in partial.pieces]
    assert {path for path, _ in pieces} == {(0,), (1,)}
    assert "".join(text for path, text in pieces if path == (1,)) == "another"
    assert all(partial.path in ((0,), (1,), ()) for partial in partials)


@pytest.mark.parametrize("mode", ["native", "tool"])
def test_a_retried_turn_begins_again(wire: Speaker, mode: OutputMode) -> None:
    """After `ModelTurnRetried` they grow anew, from nothing."""
    turns = [calls((ANSWER, one)) if mode == "tool" else says(one) for one in (WRONG, ULM)]
    with wire.playing(*turns) as (model, _):
        items = list(Agent(model).stream_typed(Town, "Go.", output_mode=mode))
    at = next(n for n, item in enumerate(items) if isinstance(item, ModelTurnRetried))
    for part, last in ((items[:at], WRONG), (items[at:], ULM)):
        values = [item.value for item in part if isinstance(item, Partial)]
        assert all(grows(*pair) for pair in pairwise(values))
        assert values[-1] == last


@tool
def look_up(town: str) -> str:
    """How many people live there."""
    return "126000"


def test_the_tools_of_the_agent_show_nothing(wire: Speaker) -> None:
    """Arguments of other calls are no part of the answer, whatever they look like."""
    turns = (calls(("look_up", {"town": "Ulm"})), calls(("look_up", ULM), (ANSWER, ULM)))
    with wire.playing(*turns) as (model, _):
        agent = Agent(model, tools=[look_up])
        items = list(agent.stream_typed(Town, "Go.", output_mode="tool"))
    first = next(n for n, item in enumerate(items) if isinstance(item, Partial))
    turns_before = [item for item in items[:first] if isinstance(item, CompletionCall)]
    assert len(turns_before) == 1


@tool(name=ANSWER)
def own(town: str) -> str:
    """The agent's own."""
    return town


def test_a_tool_of_that_name_shows_nothing() -> None:
    """In native mode `final_answer` is a tool of the agent, not the answer."""
    with CHAT.playing(calls((ANSWER, {"town": "Ulm"})), says(ULM)) as (model, _):
        stream = Agent(model, tools=[own]).stream_typed(Town, "Go.", output_mode="native")
        values = [partial.value for partial in stream.partials()]
    assert values[-1] == ULM
    assert all(grows(value, ULM) for value in values)


def test_a_bare_list_shows_nothing_wrong() -> None:
    """A list that is not wrapped as it should be is taken at the end; no partial is a lie."""
    text = json.dumps([ULM, ULM])
    with CHAT.playing(says(text)) as (model, _):
        with Agent(model).stream_typed(list[Town], "Go.", output_mode="prompted") as stream:
            assert list(stream.partials()) == []
        assert len(stream.output) == 2


def test_prose_around_shows_nothing() -> None:
    """Partials begin with the JSON, and end with it."""
    text = f"Here {{you}} are:\n```json\n{json.dumps(ULM)}\n```\nDone {{}}."
    with CHAT.playing(says(text)) as (model, _):
        stream = Agent(model).stream_typed(Town, "Go.", output_mode="prompted")
        values = [partial.value for partial in stream.partials()]
    assert all(grows(*pair) for pair in pairwise(values))
    assert values[-1] == ULM


def test_items_as_without_a_type(wire: Speaker) -> None:
    """The other items are those of an untyped run; `text_deltas` gives the JSON as it comes."""
    with wire.playing(says(ULM)) as (model, _):
        agent = Agent(model)
        texts = [
            item.content.text
            for item in agent.stream_typed(Town, "Go.")
            if isinstance(item, StreamAssistantItem) and isinstance(item.content, Text)
        ]
        assert list(agent.stream_typed(Town, "Go.").text_deltas()) == texts
        assert json.loads("".join(texts)) == ULM


# ends ----------------------------------------------------------------------------------------


def test_no_output_before_the_end() -> None:
    """The answer is there after the last item, and equal at each look."""
    with CHAT.playing(says(ULM)) as (model, _):
        stream = Agent(model).stream_typed(Town, "Go.")
        with pytest.raises(StreamMisuse, match="read the stream to its end"):
            _ = stream.output
        for _ in stream:
            pass
        assert stream.output == stream.output == Town(**dict(ULM))  # type: ignore[arg-type]


ENDLESS = sse_response(chat_chunk({"content": '{"name": "'}), Flood(chat_chunk({"content": "U"})))


def test_a_break_lets_go(server: ServerFactory, model: ModelFactory) -> None:
    """Leaving the loop over `partials` closes the stream and the connection."""
    served = server(ENDLESS)
    partials = Agent(model(served)).stream_typed(Town, "Go.").partials()
    for partial in partials:
        if len(str(partial.value)) > 100:
            break
    partials.close()  # type: ignore[attr-defined] # it is a generator
    assert served.disconnected.wait(10)


def test_a_close_lets_go(server: ServerFactory, model: ModelFactory) -> None:
    """So does leaving the `with`; there is no output then."""
    served = server(ENDLESS)
    with Agent(model(served)).stream_typed(Town, "Go.") as stream:
        assert any(isinstance(item, Partial) for item in stream)
    assert served.disconnected.wait(10)
    with pytest.raises(StreamMisuse, match="was cancelled"):
        _ = stream.output


def test_a_cancel_lets_go(server: ServerFactory, model: ModelFactory) -> None:
    """From outside, while the model is silent: the iteration ends, the one-shot call raises."""
    served = server(sse_response(*chat_chunks('{"name": "Ul', finish=None, done=False), Stall()))
    agent, token = Agent(model(served)), CancelToken()
    for item in agent.stream_typed(Town, "Go.", cancel=token):
        if isinstance(item, Partial):
            token.cancel()
    with pytest.raises(PromptCancelled) as caught:
        agent.prompt_typed(Town, "Go.", cancel=token, stream=True)
    assert caught.value.history


DELTAS = 20_000


def test_a_long_answer(server: ServerFactory, model: ModelFactory) -> None:
    """1 MB in 20,000 deltas come through, whether or not somebody looks at the values."""
    rows = [{"name": f"Town {n}", "people": n, "districts": ["a", "b"]} for n in range(16_000)]
    text = json.dumps({"value": rows})
    step = len(text) // DELTAS
    pieces = [text[at : at + step] for at in range(0, len(text), step)]
    served = server(sse_response(b"".join(chat_chunks(*pieces))))
    with Agent(model(served)).stream_typed(list[Town], "Go.") as stream:
        count = sum(isinstance(item, Partial) for item in stream)
    assert count > DELTAS // 2
    assert len(stream.output) == len(rows)


def test_a_partial_stays_what_it_was() -> None:
    """Looked at late, each has the value of its moment, so nothing has to be built before."""
    with CHAT.playing(says({"value": [ULM, ULM]})) as (model, _):
        late = list(Agent(model).stream_typed(list[Town], "Go.").partials())
        early = [one.value for one in Agent(model).stream_typed(list[Town], "Go.").partials()]
    assert [partial.value for partial in late] == early
    assert len(early) <= len(cut(json.dumps({"value": [ULM, ULM]})))
