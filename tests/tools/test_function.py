"""Functions and objects as tools: `@tool`, `as_tool`, and their options."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError, ToolError
from rig_sync.tools import FunctionTool, Tool, ToolContext, ToolOptions, as_tool, options_of, tool


@tool
def add(a: int, b: int = 1) -> int:  # noqa: D417 - b is left out on purpose
    """Add two
    numbers.

    Args:
        a: The first.
    """  # noqa: D205 - two lines on purpose
    return a + b


@tool(name="who-am-i", description="Tell who asks.")
def whoami(context: ToolContext) -> str:
    """Not this."""
    return f"{context.agent_name}/{context.run_id}/{context.call_id}/{context.turn}"


class Echo:
    """A tool that is no function."""

    definition = ToolDefinition("echo", "Give it back.", {"type": "object"})

    def call(self, arguments: JsonObject, context: ToolContext) -> object:  # noqa: ARG002
        return arguments


class Counter:
    """Has a method that can be a tool."""

    def __init__(self) -> None:
        self.total = 0

    def count(self, by: int) -> int:
        """Count on."""
        self.total += by
        return self.total

    @classmethod
    def make(cls, by: int) -> int:
        """Make."""
        return by

    @staticmethod
    def double(by: int) -> int:
        """Double."""
        return 2 * by


def test_bare_decorator() -> None:
    """Name and description come from the function, the schema from its hints."""
    assert add.definition == ToolDefinition(
        "add",
        "Add two numbers.",
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "The first."},
                "b": {"type": "integer", "default": 1},
            },
            "required": ["a"],
            "additionalProperties": False,
        },
    )
    assert add.definition is add.definition


def test_decorator_with_arguments() -> None:
    """Name and description can be given."""
    assert whoami.definition.name == "who-am-i"
    assert whoami.definition.description == "Tell who asks."
    assert whoami.definition.parameters["properties"] == {}


def test_a_decorated_function_is_still_the_function() -> None:
    """It is called as before, and keeps its name, docstring and original."""
    assert add(2, b=3) == 5
    assert add.__name__ == "add"
    assert add.__doc__ is not None
    assert add.__doc__.startswith("Add two\n")
    assert add.__wrapped__(2, 3) == 5
    assert add.__module__ == __name__
    assert repr(add) == "FunctionTool(add)"
    assert isinstance(add, Tool)


def test_call_checks_and_keeps_defaults() -> None:
    """`call` converts, and leaves the function its own defaults."""
    assert add.call({"a": "2"}) == 3
    with pytest.raises(ToolError, match="arguments of add do not fit: missing required argument"):
        add.call({})


def test_call_injects_the_context() -> None:
    """The context of the run reaches the function; without one it gets a blank one."""
    context = ToolContext(run_id="r", call_id="c", turn=3, agent_name="bot")
    assert whoami.call({}, context) == "bot/r/c/3"
    assert whoami.call({}) == "///1"


def test_defaults_are_never_shared_by_the_check() -> None:
    """A mutable default is the function's own, as in plain Python."""

    @tool
    def collect(item: int, into: list[int] = [0]) -> list[int]:  # noqa: B006 - it is the point
        """Collect."""
        return [*into, item]

    assert collect.call({"item": 1}) == [0, 1]
    assert collect.call({"item": 2}) == collect(2) == [0, 2]


def test_error_in_messages_has_the_name_of_the_tool() -> None:
    """A renamed tool is called in its errors what the model calls it."""
    renamed = FunctionTool.from_function(add.__wrapped__, name="plus")
    with pytest.raises(ToolError, match="arguments of plus do not fit"):
        renamed.call({})


async def a_coroutine(a: int) -> int:
    """Async."""
    return a


async def an_async_generator(a: int) -> AsyncIterator[int]:
    """Async generator."""
    yield a


def a_generator(a: int) -> Iterator[int]:
    """Generator."""
    yield a


def undocumented(a: int) -> int:
    return a


def only_arguments(a: int) -> int:
    """Args:
    a: A number.
    """  # noqa: D205 - has no first paragraph on purpose
    return a


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            a_coroutine,
            "`a_coroutine` is async, and tools run without an event loop: write it with a plain "
            "`def`",
        ),
        (
            an_async_generator,
            "`an_async_generator` is async, and tools run without an event loop: write it with a "
            "plain `def`",
        ),
        (
            a_generator,
            "`a_generator` is a generator, and a tool has one result: return it, as in `return "
            "list(...)`",
        ),
        (
            undocumented,
            "tool `undocumented` has no description: start `undocumented` with a docstring that "
            'tells the model what it does, or write `@tool(description="...")`',
        ),
        (
            only_arguments,
            "tool `only_arguments` has no description: start `only_arguments` with a docstring "
            'that tells the model what it does, or write `@tool(description="...")`',
        ),
        (
            lambda: 1,
            "'<lambda>' cannot be a tool's name: providers take 1 to 64 letters, digits, `_` and "
            '`-`; write `@tool(name="...")`',
        ),
        (
            functools.partial(undocumented, 1),
            "a partial cannot become a tool: give a function or the method of an instance, "
            "`def f(a: int) -> str`",
        ),
        (
            add,
            "a FunctionTool cannot become a tool: give a function or the method of an instance, "
            "`def f(a: int) -> str`",
        ),
        (
            vars(Counter)["make"],
            "a classmethod cannot become a tool: give a function or the method of an instance, "
            "`def f(a: int) -> str`",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_a_tool(function: Callable[..., object], message: str) -> None:
    """Each is refused when decorated, and the message says what to write."""
    with pytest.raises(ConfigError) as caught:
        tool(function)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "add\n", "x" * 65])
def test_names_no_provider_takes(name: str) -> None:
    """A name is letters, digits, `_` and `-`, at most 64."""
    with pytest.raises(ConfigError, match="cannot be a tool's name"):
        tool(name=name)(add.__wrapped__)


@pytest.mark.parametrize("name", ["a", "A_b-9", "x" * 64])
def test_names_every_provider_takes(name: str) -> None:
    """The limits are inclusive."""
    assert tool(name=name)(add.__wrapped__).definition.name == name


def test_as_tool_takes_tools_and_functions() -> None:
    """Tools are taken as they are; functions and methods are made into tools."""
    echo, counter = Echo(), Counter()
    assert as_tool(add) is add
    assert as_tool(echo) is echo
    assert as_tool(add.__wrapped__).definition == add.definition
    counting = as_tool(counter.count)
    assert counting.call({"by": 2}, ToolContext()) == 2
    assert counter.total == 2
    assert counting.definition.name == "count"
    for more in (Counter.make, Counter.double, vars(Counter)["double"]):
        assert as_tool(more).call({"by": 2}, ToolContext()) in (2, 4)


def test_as_tool_takes_cached_functions() -> None:
    """A function wrapped by functools is read through."""
    cached = functools.lru_cache(add.__wrapped__)
    assert as_tool(cached).call({"a": 1}, ToolContext()) == 2
    assert cached.cache_info().misses == 1


class Undefined:
    definition = {"name": "x"}  # noqa: RUF012 - wrong on purpose

    def call(self, arguments: JsonObject, context: ToolContext) -> str:  # noqa: ARG002
        return ""

    def __repr__(self) -> str:
        return "Undefined()"


class Dotted(Echo):
    definition = ToolDefinition("server.echo", "Echo.", {})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Echo, "Echo is a class, not a tool: pass an instance, `Echo(...)`"),
        (
            "add",
            "'add' is not a tool: pass a function with type hints and a docstring, or an object "
            "with `definition` and `call(arguments, context)`",
        ),
        (
            Undefined(),
            "the `definition` of Undefined() is a dict: make it a "
            "`rig_sync.ToolDefinition(name, description, parameters)`",
        ),
        (
            Dotted(),
            "'server.echo' cannot be a tool's name: providers take 1 to 64 letters, digits, `_` "
            'and `-`; write `@tool(name="...")`',
        ),
    ],
    ids=str,
)
def test_as_tool_refuses_the_rest(value: object, message: str) -> None:
    """What is no tool is refused with what to pass instead."""
    with pytest.raises(ConfigError) as caught:
        as_tool(value)
    assert str(caught.value) == message


def test_options_are_kept() -> None:
    """Both ways of making a tool take them; alone they are the defaults."""

    @tool(timeout=2.5, retries=3, approval=True)
    def pay(amount: int) -> str:
        """Pay."""
        return "paid"

    assert pay.options == ToolOptions(timeout=2.5, retries=3, approval=True)
    assert options_of(pay) is pay.options
    assert FunctionTool.from_function(pay.__wrapped__, retries=0).options.retries == 0
    assert options_of(add) == options_of(Echo()) == ToolOptions()


def test_a_deferred_function_may_be_empty() -> None:
    """Its schema and description are read as ever."""

    @tool(deferred=True)
    def ask_the_boss(question: str) -> None:
        """Ask the boss."""

    assert ask_the_boss.options.deferred
    assert ask_the_boss.definition.description == "Ask the boss."
    assert list(ask_the_boss.definition.parameters["properties"]) == ["question"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "the timeout of a tool is 0: give seconds above 0, or None"),
        ({"timeout": -1.0}, "the timeout of a tool is -1.0: give"),
        ({"timeout": float("nan")}, "the timeout of a tool is nan: give"),
        ({"timeout": float("inf")}, "the timeout of a tool is inf: give"),
        ({"timeout": True}, "the timeout of a tool is True: give"),
        ({"timeout": "5"}, "the timeout of a tool is '5': give"),
        ({"retries": -1}, "the retries of a tool are -1: give a whole number from 0, or None"),
        ({"retries": 1.0}, "the retries of a tool are 1.0: give"),
        ({"retries": True}, "the retries of a tool are True: give"),
        ({"approval": 1}, "approval of a tool is 1: give True or False"),
        ({"deferred": "yes"}, "deferred of a tool is 'yes': give True or False"),
        ({"deferred": True, "approval": True}, "a deferred tool runs nothing here"),
        ({"deferred": True, "timeout": 5}, "a deferred tool runs nothing here"),
    ],
    ids=str,
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    """A wrong option is refused when the tool is made."""
    with pytest.raises(ConfigError) as caught:
        tool(**options)(add.__wrapped__)
    assert str(caught.value).startswith(message)


class Wrapped:
    """Can be made a tool, as an agent can."""

    def __init__(self, made: object) -> None:
        self.made = made

    def as_tool(self) -> Any:
        return self.made

    def __repr__(self) -> str:
        return "Wrapped()"


class Optioned(Echo):
    """Has options of its own."""

    def __init__(self, options: object) -> None:
        self.options = options


def test_as_tool_takes_what_can_be_made_a_tool() -> None:
    """An object's own `as_tool` is asked; a tool that has one is taken as it is."""

    class Both(Echo, Wrapped): ...

    both = Both(add)
    assert as_tool(Wrapped(add)) is add
    assert as_tool(both) is both


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Wrapped(len), "`as_tool()` of Wrapped() gave <built-in function len>, which is no tool"),
        (Wrapped(Undefined()), "the `definition` of Undefined() is a dict: make it a"),
        (Wrapped, "Wrapped is a class, not a tool: pass an instance, `Wrapped(...)`"),
    ],
    ids=str,
)
def test_what_cannot_be_made_a_tool(value: object, message: str) -> None:
    """What `as_tool` of an object gives is checked like any tool."""
    with pytest.raises(ConfigError) as caught:
        as_tool(value)
    assert str(caught.value).startswith(message)


def test_options_of_any_tool() -> None:
    """An object's attribute counts; one of another type is refused early."""
    options = ToolOptions(approval=True)
    assert options_of(Optioned(options)) is options
    with pytest.raises(ConfigError, match=r"a dict: make them a `rig_sync.tools.ToolOptions\("):
        as_tool(Optioned({"timeout": 3}))
