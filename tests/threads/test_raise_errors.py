"""Which errors `next()` raises and which are items, on both kinds of streams."""

from __future__ import annotations

import pytest

from rig_sync.agent.agent import Agent
from rig_sync.agent.items import FinalResponse, StreamAssistantItem
from rig_sync.errors import ConfigError, ReadFailed, ResponseDecodeError, RigError
from rig_sync.model import CompletionModel
from rig_sync.streaming.handle import ItemStream, RaiseErrors
from rig_sync.streaming.items import StreamError, StreamFinal
from tests.conftest import ModelFactory, ServerFactory
from tests.server import Reset, chat_chunks, sse_response

BAD = b"data: {\n\n"
WHOLE = sse_response(*chat_chunks("a", finish=None, done=False), BAD, *chat_chunks("b"))
BROKEN = [*sse_response(*chat_chunks("a", finish=None, done=False), BAD)[:-1], Reset()]


@pytest.fixture(params=["model", "agent"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two streams."""
    return str(request.param)


def _open(kind: str, model: CompletionModel, raise_errors: RaiseErrors) -> ItemStream[object]:
    if kind == "agent":
        return Agent(model).stream_prompt("Hi", raise_errors=raise_errors)  # type: ignore[return-value]
    return model.stream_completion("Hi").stream(raise_errors=raise_errors)  # type: ignore[return-value]


def _story(stream: ItemStream[object]) -> list[str]:
    """Names of the items, and of what was raised, until the end."""
    story: list[str] = []
    while True:
        try:
            item = next(stream)
        except StopIteration:
            return story
        except RigError as error:
            story.append(f"raised {type(error).__name__}")
            continue
        if isinstance(item, StreamAssistantItem):
            item = item.content
        if isinstance(item, StreamError):
            story.append(f"item {type(item.error).__name__}")
        elif not isinstance(item, StreamFinal) or kind_of(stream) == "model":
            story.append(type(item).__name__)


def kind_of(stream: ItemStream[object]) -> str:
    """Which of the two it is."""
    return "agent" if type(stream).__name__ == "AgentStream" else "model"


END = {"model": ["StreamFinal"], "agent": ["CompletionCall", "FinalResponse"]}
DEFECT = ResponseDecodeError.__name__
BREAK = ReadFailed.__name__


@pytest.mark.parametrize(
    ("raise_errors", "defect"), [("terminal", "item"), ("none", "item"), ("all", "raised")]
)
def test_recoverable(
    server: ServerFactory, model: ModelFactory, kind: str, raise_errors: RaiseErrors, defect: str
) -> None:
    """The stream goes on after a bad frame, also when it was raised."""
    stream = _open(kind, model(server(WHOLE)), raise_errors)
    assert _story(stream) == ["Text", f"{defect} {DEFECT}", "Text", *END[kind]]


@pytest.mark.parametrize(
    ("raise_errors", "defect", "end"),
    [("terminal", "item", "raised"), ("none", "item", "item"), ("all", "raised", "raised")],
)
def test_terminal(
    server: ServerFactory,
    model: ModelFactory,
    kind: str,
    raise_errors: RaiseErrors,
    defect: str,
    end: str,
) -> None:
    """A broken line is the last thing a stream tells, raised or as an item."""
    stream = _open(kind, model(server(BROKEN)), raise_errors)
    assert _story(stream) == ["Text", f"{defect} {DEFECT}", f"{end} {BREAK}"]
    assert next(stream, None) is None


@pytest.mark.parametrize("raise_errors", ["terminal", "none", "all"])
def test_nothing_is_lost_silently(
    server: ServerFactory, model: ModelFactory, raise_errors: RaiseErrors
) -> None:
    """Defects are counted at the end, whichever way they were told."""
    stream = Agent(model(server(WHOLE))).stream_prompt("Hi", raise_errors=raise_errors)
    last = None
    while True:
        try:
            item = next(stream, None)
        except RigError:
            continue
        if item is None:
            break
        last = item
    assert isinstance(last, FinalResponse)
    assert last.output == "ab"
    assert len(last.defects) == 1


def test_history_on_the_error(server: ServerFactory, model: ModelFactory) -> None:
    """A run that broke hands over a history to go on from."""
    with pytest.raises(ReadFailed) as caught:
        list(Agent(model(server(BROKEN))).stream_prompt("Hi"))
    assert [message.text for message in caught.value.history] == ["Hi", "a"]  # type: ignore[union-attr]
    assert caught.value.partial is not None
    assert caught.value.partial.text == "a"


def test_other_words(server: ServerFactory, model: ModelFactory, kind: str) -> None:
    """A word that is none of the three is refused before anything is asked."""
    scripted = server(WHOLE)
    with pytest.raises(ConfigError, match="raise_errors='some'"):
        _open(kind, model(scripted), "some")  # type: ignore[arg-type]
    assert scripted.connections == 0
