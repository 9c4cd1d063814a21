"""What a hook may answer (Rig: the actions of `rig::agent::hook`); None always means: go on.

An action that cannot be is a `ConfigError` where it is made; inside a hook that is its failure.
"""

from __future__ import annotations

from msgspec import Struct, structs

from rig_sync._json import JsonObject, merged
from rig_sync.agent.options import checked_model
from rig_sync.completion import CompletionRequest, ReasoningOptions, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    Document,
    Message,
    SystemMessage,
    UserMessage,
)
from rig_sync.model import CompletionModel
from rig_sync.tools import ToolOutput

__all__ = [
    "Defer",
    "Fail",
    "Feedback",
    "Repair",
    "Repeat",
    "Replace",
    "RequestPatch",
    "Rewrite",
    "Skip",
    "Stop",
    "UseModel",
]


class Stop(Struct, frozen=True):
    """End the run now, with `PromptCancelled`; its `history` goes on from there."""

    reason: str

    def __post_init__(self) -> None:
        _check_words(self, self.reason)


class RequestPatch(Struct, frozen=True, kw_only=True):
    """Change the next request alone; what is None stays. Later hooks see and win over earlier ones.

    Attributes:
        messages: Instead of the whole conversation, the prompt included: to shorten it.
        preamble: Instead of the agent's.
        extra_context: Further documents; those of several hooks add up.
        active_tools: Only these of the tools offered; of several hooks, those that all name.
        additional_params: Merged deep over the earlier ones.
    """

    messages: tuple[Message, ...] | None = None
    preamble: str | None = None
    extra_context: tuple[Document, ...] = ()
    active_tools: tuple[str, ...] | None = None
    tool_choice: ToolChoice | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    reasoning: ReasoningOptions | None = None
    parallel_tool_calls: bool | None = None
    additional_params: JsonObject = {}  # msgspec copies an empty default for every instance

    def __post_init__(self) -> None:
        for name, (kinds, words) in _KINDS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                raise ConfigError(f"RequestPatch({name}={value!r}): give {words}")
        for name, (kinds, words) in _PARTS.items():
            wrong = [one for one in getattr(self, name) or () if not isinstance(one, kinds)]
            if wrong:
                raise ConfigError(f"RequestPatch({name}=...) has {wrong[0]!r} in it: give {words}")

    def apply(self, request: CompletionRequest) -> CompletionRequest:
        """`request`, changed.

        >>> request = CompletionRequest("m", (), temperature=1.0, seed=1)
        >>> changed = RequestPatch(temperature=0.0).apply(request)
        >>> changed.temperature, changed.seed
        (0.0, 1)
        """
        plain = {name: getattr(self, name) for name in _PLAIN}
        changes = {name: value for name, value in plain.items() if value is not None}
        tools = request.tools
        if self.active_tools is not None:
            tools = tuple(tool for tool in tools if tool.name in self.active_tools)
        return structs.replace(
            request,
            tools=tools,
            documents=(*request.documents, *self.extra_context),
            additional_params=merged(request.additional_params, self.additional_params),
            **changes,
        )


_LIST = ((list, tuple), "a list")
_NUMBER = ((int, float), "a number")
_WHOLE = ((int,), "a whole number")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "messages": _LIST,
    "preamble": ((str,), "text"),
    "extra_context": _LIST,
    "active_tools": _LIST,
    "tool_choice": ((ToolChoice,), "a ToolChoice"),
    "temperature": _NUMBER,
    "max_tokens": _WHOLE,
    "top_p": _NUMBER,
    "stop": _LIST,
    "seed": _WHOLE,
    "reasoning": ((ReasoningOptions,), "ReasoningOptions"),
    "parallel_tool_calls": ((bool,), "True or False"),
    "additional_params": ((dict,), "a dict"),
}
"""By field of `RequestPatch`: what may be given, and how to say so."""

_PLAIN = tuple(_KINDS.keys() - {"extra_context", "active_tools", "additional_params"})
"""The fields that take the place of the request's; the others add to it."""

_PARTS: dict[str, tuple[tuple[type, ...], str]] = {
    "messages": ((SystemMessage, UserMessage, AssistantMessage), "messages, as user(...)"),
    "extra_context": ((Document,), "documents, as Document(text=...)"),
    "active_tools": ((str,), "names of tools"),
    "stop": ((str,), "words"),
}
"""By field of `RequestPatch` that is a list: the same of what is in it."""


class UseModel(Struct, frozen=True):
    """Ask this model, this time."""

    model: CompletionModel

    def __post_init__(self) -> None:
        checked_model(self.model, "UseModel")


class Repeat(Struct, frozen=True):
    """Forget the model's answer and ask again; that costs one of `max_turns`."""


class Feedback(Struct, frozen=True):
    """Keep the model's answer, tell it what is wrong, and ask again."""

    text: str

    def __post_init__(self) -> None:
        _check_words(self, self.text)


class Rewrite(Struct, frozen=True):
    """Run the tool with these arguments; the history keeps the model's own."""

    arguments: JsonObject

    def __post_init__(self) -> None:
        _check_arguments(self, self.arguments)


class Skip(Struct, frozen=True):
    """Do not run the tool; the model reads `message` as its result."""

    message: str

    def __post_init__(self) -> None:
        _check_words(self, self.message)


class Defer(Struct, frozen=True):
    """A person has to agree to the call: the run is suspended once nothing else is left to do."""


class Replace(Struct, frozen=True):
    """Give the model this instead of the tool's result: whatever a tool may return."""

    output: ToolOutput


class Fail(Struct, frozen=True):
    """End the run with `UnknownToolCall`."""


class Repair(Struct, frozen=True):
    """The model meant this tool: the call is corrected, also in the history.

    `arguments` are those to call it with, where the model's do not fit.
    """

    name: str
    arguments: JsonObject | None = None

    def __post_init__(self) -> None:
        _check_words(self, self.name)
        if self.arguments is not None:
            _check_arguments(self, self.arguments)


def _check_words(action: object, words: object) -> None:
    if not isinstance(words, str) or not words.strip():
        raise ConfigError(f"{type(action).__name__}({words!r}): give it words")


def _check_arguments(action: object, arguments: object) -> None:
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"{type(action).__name__}({arguments!r}): give the arguments in a dict, by name"
        )
