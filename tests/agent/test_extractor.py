"""The extractor: one type, many texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest

from rig_sync import (
    Capabilities,
    Client,
    ConfigError,
    Document,
    Extraction,
    Extractor,
    OutputInvalid,
    Partial,
    Usage,
    assistant,
    user,
)
from rig_sync._json import Json
from rig_sync.agent.extractor import PREAMBLE
from tests.agent.typed_wires import WIRES, Speaker, calls, leaves, says
from tests.server import Request, Script, ScriptedServer, spawn

CHAT = WIRES["openai_chat"]


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Speaker:
    """Each wire."""
    return WIRES[request.param]


@dataclass
class Person:
    """Somebody in the text."""

    name: str
    age: int | None = None


ADA: Json = {"name": "Ada", "age": 36}
WRONG: Json = {"name": 7, "age": 36}
FOUND = Person("Ada", 36)


def words(request: Request) -> str:
    """All that was said in a request."""
    return leaves(cast("Json", request.json))


def test_extract(wire: Speaker) -> None:
    """The value, by the mode that the model can."""
    with wire.playing(says(ADA)) as (model, server):
        assert Extractor(model, Person).extract("Ada is 36.") == FOUND
        assert "Ada is 36." in words(server.requests[0])
        assert PREAMBLE in words(server.requests[0])


def test_extract_with_usage(wire: Speaker) -> None:
    """The tokens of all tries, not of the last alone."""
    with wire.playing(says(WRONG), says("?"), says(ADA)) as (model, _):
        found = Extractor(model, Person).extract_with_usage("Ada is 36.")
    assert isinstance(found, Extraction)
    assert found.value == FOUND
    assert (found.usage.input_tokens, found.usage.output_tokens) == (9, 6)


def test_stream(wire: Speaker) -> None:
    """The same, with partials on the way."""
    with wire.playing(says(ADA)) as (model, _), Extractor(model, Person).stream("Ada") as stream:
        values = [item.value for item in stream if isinstance(item, Partial)]
    assert values[-1] == ADA
    assert stream.output == FOUND
    assert stream.usage.output_tokens == 2


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries(retries: int) -> None:
    """As many as were allowed; then the error has the last answer."""
    with CHAT.playing(says(WRONG)) as (model, server):
        extractor = Extractor(model, Person, retries=retries)
        for ask in (extractor.extract, extractor.extract_with_usage):
            server.requests.clear()
            with pytest.raises(OutputInvalid, match="got `int`") as caught:
                ask("Ada is 36.")
            assert caught.value.raw == '{"name":7,"age":36}'
            assert len(server.requests) == retries + 1


def test_a_history() -> None:
    """What was said before goes ahead of the text, whichever way it is asked."""
    history = [user("Who is meant?"), assistant("The countess.")]
    with CHAT.playing(says(ADA)) as (model, server):
        extractor = Extractor(model, Person)
        assert extractor.extract("She is 36.", history) == FOUND
        assert extractor.extract_with_usage("She is 36.", history).value == FOUND
        with extractor.stream("She is 36.", history) as stream:
            list(stream)
        for request in server.requests:
            said = words(request)
            assert said.index("Who is meant?") < said.index("The countess.") < said.index("She is")


def test_options_of_a_client(wire: Speaker) -> None:
    """Preamble, context and settings reach the wire; our own words stay ahead of the preamble."""
    with ScriptedServer(wire.answer(calls(("final_answer", ADA)))) as server, wire.at(server) as c:
        extractor = c.extractor(
            wire.model,
            Person,
            preamble="Only countesses.",
            context=["Ada was a countess.", Document(text="Byron was not.")],
            output_mode="tool",
            temperature=0.5,
            max_tokens=77,
        )
        assert extractor.extract("Ada is 36.") == FOUND
        said = words(server.requests[0])
        assert f"{PREAMBLE}\n\nOnly countesses." in said
        assert "Ada was a countess." in said
        assert "Byron was not." in said
        assert "final_answer" in said
        assert b"77" in server.requests[0].body
        assert b"0.5" in server.requests[0].body


WRONGS: list[tuple[Any, dict[str, Any], str]] = [
    (Client, {}, "ask for a dataclass"),
    (Person, {"retries": -1}, "retries=-1: give a whole number, 0 or more"),
    (Person, {"output_mode": "xml"}, "'native', 'tool' or 'prompted'"),
    (Person, {"retry": 1}, "retry"),
    (Person, {"temperature": -1}, "temperature"),
    (Person, {"context": [7]}, "context is text or a Document"),
]


@pytest.mark.parametrize(("kind", "options", "problem"), WRONGS)
def test_what_cannot_be(kind: Any, options: dict[str, Any], problem: str) -> None:
    """Told of when the extractor is made, not when it is first used."""
    with ScriptedServer() as server, CHAT.at(server) as client:
        with pytest.raises(ConfigError, match=problem):
            client.extractor("m", kind, **options)
        assert server.requests == []


def test_by_capability() -> None:
    """A model without schemas is told by a tool, one without tools in words."""
    for lacking, turn in (
        ({"structured_output": False}, calls(("final_answer", ADA))),
        ({"structured_output": False, "tools": False}, says(ADA)),
    ):
        with CHAT.playing(turn, capabilities=Capabilities(**lacking)) as (model, server):
            assert Extractor(model, Person).extract("Ada") == FOUND
            assert b"response_format" not in server.requests[0].body


def test_repr() -> None:
    """It says what reads, and what for."""
    with CHAT.playing() as (model, _):
        assert repr(Extractor(model, int)) == f"Extractor({model!r}, <class 'int'>)"


def test_shared_by_threads() -> None:
    """Many texts at once: each caller gets what is in its own."""

    def echo(request: Request) -> Script:
        number = int(words(request).partition(" is number ")[2].split()[0])
        return CHAT.answer(says({"name": f"n{number}", "age": number}))(request)

    found: dict[int, Extraction[Person]] = {}
    with ScriptedServer(echo) as server, CHAT.at(server) as client:
        extractor = Extractor(client.completion_model("m"), Person)

        def extract(number: int) -> None:
            found[number] = extractor.extract_with_usage(f"This is number {number}")

        threads = [spawn(partial(extract, number)) for number in range(16)]
        for thread in threads:
            thread.join(20)
    used = Usage(input_tokens=3, output_tokens=2, total_tokens=5)
    assert found == {n: Extraction(Person(f"n{n}", n), used) for n in range(16)}
