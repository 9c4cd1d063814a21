"""Tools by name: sets that change, and their snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.tools import ToolContext, ToolSet, tool
from tests.server import spawn


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def shout(text: str) -> str:
    """Make it loud."""
    return text.upper()


class Plain:
    """A tool that is no function."""

    def __init__(self, name: str) -> None:
        self.definition = ToolDefinition(name, "Do nothing.", {"type": "object"})

    def call(self, arguments: JsonObject, context: ToolContext) -> str:  # noqa: ARG002
        return ""


def test_a_set_keeps_order_and_finds_by_name() -> None:
    """Tools, functions and objects are taken together, in order."""
    tools = ToolSet([add, shout, Plain("third")])
    assert len(tools) == 3
    assert [one.definition.name for one in tools] == ["add", "shout", "third"]
    assert [definition.name for definition in tools.definitions] == ["add", "shout", "third"]
    assert tools.get("shout") is shout
    assert tools.get("other") is None
    assert "add" in tools
    assert "other" not in tools
    assert repr(tools) == "ToolSet(add, shout, third)"


def test_an_empty_set() -> None:
    """No tools is a set too, and false."""
    assert not ToolSet()
    assert ToolSet().definitions == ()


def test_with_tools_leaves_the_set_as_it_was() -> None:
    """A new set has the tools of the old one first."""
    old = ToolSet([add])
    new = old.with_tools(shout)
    assert repr(old) == "ToolSet(add)"
    assert repr(new) == "ToolSet(add, shout)"
    assert new.get("add") is old.get("add")


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        (
            [add, shout, add],
            'two tools are named `add`: take one out, or rename it with `@tool(name="...")`',
        ),
        (shout, "FunctionTool(shout) is not a list of tools: write `[...]` around it"),
        ("add", "'add' is not a list of tools: write `[...]` around it"),
        (
            [3],
            "3 is not a tool: pass a function with type hints and a docstring, or an object with "
            "`definition` and `call(arguments, context)`",
        ),
    ],
    ids=["twice", "one", "text", "number"],
)
def test_what_is_no_set(tools: Iterable[object], message: str) -> None:
    """A set that cannot be used is refused when made."""
    with pytest.raises(ConfigError) as caught:
        ToolSet(tools)
    assert str(caught.value) == message


def test_with_tools_refuses_a_name_twice() -> None:
    """The same check holds when tools are added."""
    with pytest.raises(ConfigError, match="two tools are named `add`"):
        ToolSet([add]).with_tools(add)


def test_tools_come_and_go() -> None:
    """A set changes in place; what the model is told changes with it."""
    tools = ToolSet([add])
    tools.add(shout)
    tools.add(Plain("third"))
    assert tools.remove("add").definition.name == "add"
    assert [one.definition for one in tools] == list(tools.definitions)
    assert repr(tools) == "ToolSet(shout, third)"
    tools.add(add)
    assert tools.listed == "shout, third, add"


def test_a_snapshot_stays_as_it_was() -> None:
    """Neither set sees what is done to the other."""
    tools = ToolSet([add, shout])
    before = tools.snapshot()
    tools.remove("add")
    before.add(Plain("third"))
    assert (repr(tools), repr(before)) == ("ToolSet(shout)", "ToolSet(add, shout, third)")


def test_reading_while_it_changes() -> None:
    """Who is in the middle of the set goes on with it as it was."""
    tools = ToolSet([add, shout])
    seen = []
    for one in tools:
        tools.remove(one.definition.name)
        seen.append(one.definition.name)
    assert seen == ["add", "shout"]
    assert not tools


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], ""), (["third", "add"], "add, third"), ({"shout"}, "shout"), (["add", "add"], "add")],
    ids=str,
)
def test_only_some(names: Iterable[str], expected: str) -> None:
    """A set of some of the tools, in the order of the first; that one keeps all."""
    tools = ToolSet([add, shout, Plain("third")])
    some = tools.only(names)
    assert repr(some) == f"ToolSet({expected})"
    assert [one.definition for one in some] == list(some.definitions)
    assert len(tools) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tools: tools.remove("sub"),
            "there is no tool `sub` in the set; its tools are: add, shout",
        ),
        (
            lambda tools: tools.only(["shout", "sub"]),
            "there is no tool `sub` in the set; its tools are: add, shout",
        ),
        (lambda tools: tools.only("add"), "'add' is not a list of names: write `['add']`"),
        (
            lambda tools: tools.add(add),
            'two tools are named `add`: take one out, or rename it with `@tool(name="...")`',
        ),
        (
            lambda tools: tools.add(Plain),
            "Plain is a class, not a tool: pass an instance, `Plain(...)`",
        ),
    ],
    ids=["remove", "only", "text", "twice", "class"],
)
def test_changes_that_cannot_be(change: Callable[[ToolSet], object], message: str) -> None:
    """They are refused, and leave the set as it was."""
    tools = ToolSet([add, shout])
    with pytest.raises(ConfigError) as caught:
        change(tools)
    assert str(caught.value) == message
    assert repr(tools) == "ToolSet(add, shout)"


def test_a_tool_is_asked_outside_the_lock() -> None:
    """A tool whose definition waits for another thread's change to a set holds nobody up."""
    tools = ToolSet()

    class Waiting(Plain):
        @property
        def definition(self) -> ToolDefinition:
            other = spawn(lambda: ToolSet().add(add))
            other.join(5)
            return ToolDefinition("waiting", f"Alive: {other.is_alive()}", {})

        @definition.setter
        def definition(self, value: ToolDefinition) -> None: ...

    tools.add(Waiting("waiting"))
    assert tools.definitions[0].description == "Alive: False"


def test_changes_from_many_threads() -> None:
    """None is lost, and a reader never sees tools and definitions apart."""
    tools = ToolSet([add])

    def change(first: int) -> None:
        for number in range(first, first + 40):
            tools.add(Plain(f"t{number}"))
            if number % 2:
                tools.remove(f"t{number}")
            now = tools.snapshot()
            assert [one.definition for one in now] == list(now.definitions)

    threads = [spawn(partial(change, first)) for first in range(0, 160, 40)]
    for thread in threads:
        thread.join(10)
    assert {one.name for one in tools.definitions} == {
        "add",
        *(f"t{number}" for number in range(0, 160, 2)),
    }
