"""What a tool is, and how what it returns becomes content that a model can read."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from rig_sync._json import JsonObject
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError, ToolError
from rig_sync.message import Document, Image, ProviderBlock, Text, ToolResultContent
from rig_sync.tools.context import ToolContext
from rig_sync.tools.options import ToolOptions

__all__ = [
    "CheckingTool",
    "StreamingTool",
    "Tool",
    "ToolOutput",
    "Toolable",
    "options_of",
    "to_content",
]

# str | Text | Image | a sequence of those | anything that can be written as JSON; the last makes
# it every object, and `to_content` says which ones it cannot take.
ToolOutput: TypeAlias = object

_DEFAULTS = ToolOptions()
_Part = Text | Image | Document | ProviderBlock


@runtime_checkable
class Tool(Protocol):
    """Something that a model can call: any class with these two is one.

    Most tools are functions, see `rig_sync.tools.tool`. An attribute `options`, a `ToolOptions`,
    is read where there is one.
    """

    @property
    def definition(self) -> ToolDefinition:
        """What the model is told; the same whenever it is asked."""
        ...

    def call(self, arguments: JsonObject, context: ToolContext) -> ToolOutput:
        """Run the tool once.

        Args:
            arguments: As the model wrote them: checking them is the tool's own business.
            context: The run around the call.

        Returns:
            What `to_content` takes.

        Raises:
            ToolError: To tell the model what to do differently; `ModelRetry` to have it try again.
                Any other exception reaches the model as its type and message.

        Threads: may be called from several threads at once when the run has
            `tool_concurrency > 1`.
        """
        ...


@runtime_checkable
class StreamingTool(Tool, Protocol):
    """A tool that shows the caller of the run something while it works, as an agent does.

    A run uses `stream` and never `call`; `call` serves whoever wants the output alone.
    """

    def stream(
        self, arguments: JsonObject, context: ToolContext
    ) -> Generator[object, None, ToolOutput]:
        """Run the tool once, as `call` does: yields what the caller should see, returns the output.

        It is closed in the middle when the run ends there, and cleans up then.
        """
        ...


@runtime_checkable
class CheckingTool(Tool, Protocol):
    """A tool that can tell whether arguments fit before it runs, as functions can."""

    def check(self, arguments: JsonObject) -> None:
        """Look at the arguments, and change nothing.

        Raises:
            ToolError: They do not fit; the message tells the model how.
        """
        ...


@runtime_checkable
class Toolable(Protocol):
    """Something that is no tool itself, but can be made one, as an agent can."""

    def as_tool(self) -> Tool:
        """The tool."""
        ...


def options_of(tool: Tool) -> ToolOptions:
    """What runs grant `tool`: its attribute `options`, or the defaults.

    Raises:
        ConfigError: `options` is no `ToolOptions`.
    """
    options = getattr(tool, "options", _DEFAULTS)
    if not isinstance(options, ToolOptions):
        raise ConfigError(
            f"the `options` of {tool!r} are a {type(options).__name__}: make them a "
            "`rig_sync.tools.ToolOptions(...)`"
        )
    return options


def to_content(value: ToolOutput) -> tuple[ToolResultContent, ...]:
    """What a tool returned, as content of a `ToolResult`: never empty.

    A `str` is taken as it is, `Text`, `Image`, `Document` and `ProviderBlock` likewise, alone or
    in a list or tuple (where strings and other values may stand beside them). Everything else
    becomes JSON: dataclasses, Structs, datetimes, enums and sets as msgspec writes them, pydantic
    models as they dump themselves, and None is `null`, since some providers refuse an empty result
    and a model takes one for a failure.

    Raises:
        ToolError: `value` cannot be written as JSON; return something that can, or a `str`. Bytes
            and iterators are refused: the model could not read the ones, and the others are no
            result yet.

    >>> to_content("sunny")
    (Text(text='sunny', provider_data=None),)
    >>> [part.text for part in to_content([Text("a"), {"b": None}])]
    ['a', '{"b":null}']
    >>> to_content(None)[0].text
    'null'
    """
    if isinstance(value, _Part):
        return (value,)
    if isinstance(value, str):
        return (Text(_encodable(value)),)
    if isinstance(value, list | tuple) and any(isinstance(part, _Part) for part in value):
        return _flatten(value)
    return (Text(_as_json(value)),)


def _flatten(parts: Sequence[object]) -> tuple[ToolResultContent, ...]:
    return tuple(content for part in parts for content in to_content(part))


def _encodable(text: str) -> str:
    """`text` with lone surrogates replaced: one of them would fail every later request."""
    return text.encode("utf-8", "replace").decode()


@runtime_checkable
class _Dumpable(Protocol):
    """A pydantic model, whatever its version brings along."""

    def model_dump(self, *, mode: str) -> object: ...


def _as_json(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, bytes | bytearray | memoryview):
        raise ToolError(
            f"the tool's result ({kind}) is bytes, which a model cannot read: return text, or an "
            "`Image` or `Document` of them"
        )
    # the order of a set changes from run to run, and with it caches and recordings
    order: Literal["deterministic"] | None = (
        "deterministic" if isinstance(value, set | frozenset) else None
    )
    try:
        return msgspec.json.encode(value, enc_hook=_plain, order=order).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ToolError(f"the tool's result ({kind}) cannot be written as JSON: {error}") from error


def _plain(value: object) -> object:
    """What msgspec cannot write itself, as something that it can."""
    if isinstance(value, _Dumpable) and not isinstance(value, type):
        return value.model_dump(mode="json")
    kind = type(value).__name__
    if isinstance(value, Iterator):
        raise TypeError(f"a {kind} is an iterator and no result yet: return `list(...)` of it")
    raise TypeError(f"Encoding objects of type {kind} is unsupported")
