"""A plain function as a tool: `@tool`, and `as_tool` for whatever else may be one."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar, overload

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.tools.base import Tool, Toolable, options_of
from rig_sync.tools.context import ToolContext
from rig_sync.tools.docstring import first_paragraph
from rig_sync.tools.options import ToolOptions
from rig_sync.tools.schema import read_signature

__all__ = ["FunctionTool", "as_tool", "checked_name", "tool"]

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULTS = ToolOptions()
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class FunctionTool(Generic[P, R]):
    """A function that a model can call, and that is still called like the function it was.

    Made by `tool` or `from_function`; everything is read and checked then, once.

    Attributes:
        definition: What the model is told.
        options: What runs grant it.
    """

    __wrapped__: Callable[P, R]
    __name__: str

    def __init__(
        self,
        function: Callable[P, R],
        definition_name: str,
        description: str,
        options: ToolOptions = _DEFAULTS,
    ) -> None:
        functools.update_wrapper(self, function)
        self._run: Callable[..., R] = function
        self._signature = read_signature(function, definition_name)
        self.definition = ToolDefinition(definition_name, description, self._signature.schema)
        self.options = options

    @classmethod
    def from_function(
        cls,
        function: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        approval: bool = False,
        deferred: bool = False,
    ) -> FunctionTool[P, R]:
        """The tool that runs `function`.

        Args:
            function: A function or the method of an instance, every parameter with a type hint.
            name: Instead of the function's name.
            description: Instead of the first paragraph of its docstring.
            timeout: Seconds for one call, instead of `Timeouts.tool`.
            retries: Failed calls in a row that the model may follow up; one more ends the run.
            approval: A person must agree before each call runs.
            deferred: Answered later, from elsewhere: the function's body never runs, and may be
                empty.

        Raises:
            ConfigError: The function cannot be a tool (async, a generator, no description, a name
                no provider takes, a parameter without a usable hint), or an option is wrong; says
                what to write.
        """
        _check_kind(function)
        name = checked_name(function.__name__ if name is None else name)
        description = description or first_paragraph(function.__doc__)
        if not description:
            raise ConfigError(
                f"tool `{name}` has no description: start `{function.__name__}` with a docstring "
                'that tells the model what it does, or write `@tool(description="...")`'
            )
        options = ToolOptions(timeout, retries, approval, deferred)
        return cls(function, name, description, options)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, unchecked, as if it had never become a tool."""
        return self._run(*args, **kwargs)

    def call(self, arguments: JsonObject, context: ToolContext | None = None) -> R:
        """Check `arguments` against the schema, and run the function with them.

        Args:
            arguments: As the model wrote them.
            context: Given to parameters annotated `ToolContext`; a blank one when left out.

        Raises:
            ToolError: The arguments do not fit; the message tells the model how. Whatever the
                function raises passes through.
        """
        return self._run(**self._signature.bind(arguments, context or ToolContext()))

    def check(self, arguments: JsonObject) -> None:
        """Check `arguments` against the schema, and run nothing.

        Raises:
            ToolError: They do not fit; the message tells the model how.
        """
        self._signature.bind(arguments, ToolContext())

    def __repr__(self) -> str:
        return f"FunctionTool({self.definition.name})"


def checked_name(name: str) -> str:
    """`name`, when every provider takes it as a tool's name.

    Raises:
        ConfigError: It has other characters than letters, digits, `_` and `-`, or not 1 to 64.

    >>> checked_name("get_weather")
    'get_weather'
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot be a tool's name: providers take 1 to 64 letters, digits, `_` and "
            '`-`; write `@tool(name="...")`'
        )
    return name


def _is_function(value: object) -> bool:
    # bound methods and `functools.cache`d functions too; a classmethod object is not callable
    return inspect.isroutine(value) and callable(value)


def _check_kind(function: Callable[..., object]) -> None:
    if not _is_function(function):
        raise ConfigError(
            f"a {type(function).__name__} cannot become a tool: give a function or the method of "
            "an instance, `def f(a: int) -> str`"
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(
            f"`{function.__name__}` is async, and tools run without an event loop: write it with "
            "a plain `def`"
        )
    if inspect.isgeneratorfunction(function):
        raise ConfigError(
            f"`{function.__name__}` is a generator, and a tool has one result: return it, as in "
            "`return list(...)`"
        )


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    approval: bool = False,
    deferred: bool = False,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    retries: int | None = None,
    approval: bool = False,
    deferred: bool = False,
) -> FunctionTool[P, R] | Callable[[Callable[P, R]], FunctionTool[P, R]]:
    """Make a function a tool: `@tool`, or `@tool(name=..., timeout=5, approval=True)`.

    What can be given is what `FunctionTool.from_function` takes.

    Raises:
        ConfigError: See `FunctionTool.from_function`.

    >>> @tool
    ... def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> add(1, 2), add.call({"a": 1, "b": 2})
    (3, 3)
    >>> add.definition.name, add.definition.description
    ('add', 'Add two numbers.')
    """

    def decorate(plain: Callable[P, R]) -> FunctionTool[P, R]:
        return FunctionTool.from_function(
            plain,
            name=name,
            description=description,
            timeout=timeout,
            retries=retries,
            approval=approval,
            deferred=deferred,
        )

    return decorate if function is None else decorate(function)


def as_tool(value: object) -> Tool:
    """The tool that `value` is, or that its function makes.

    Args:
        value: A `Tool` (any object with `definition` and `call`), something with a method
            `as_tool()` (an agent), or a function with type hints and a docstring.

    Raises:
        ConfigError: It is none of these; the message says what to pass.

    >>> def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> as_tool(add)
    FunctionTool(add)
    """
    if isinstance(value, type):
        raise ConfigError(
            f"{value.__name__} is a class, not a tool: pass an instance, `{value.__name__}(...)`"
        )
    if isinstance(value, Tool):
        return _checked(value)
    if isinstance(value, Toolable):
        made: object = value.as_tool()
        if not isinstance(made, Tool):
            raise ConfigError(f"`as_tool()` of {value!r} gave {made!r}, which is no tool")
        return _checked(made)
    if callable(value) and _is_function(value):
        return FunctionTool.from_function(value)
    raise ConfigError(
        f"{value!r} is not a tool: pass a function with type hints and a docstring, or an object "
        "with `definition` and `call(arguments, context)`"
    )


def _checked(value: Tool) -> Tool:
    definition: object = value.definition
    if not isinstance(definition, ToolDefinition):
        raise ConfigError(
            f"the `definition` of {value!r} is a {type(definition).__name__}: make it a "
            "`rig_sync.ToolDefinition(name, description, parameters)`"
        )
    checked_name(definition.name)
    options_of(value)
    return value
