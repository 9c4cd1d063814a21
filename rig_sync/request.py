"""What is asked of a model, checked before anything is sent: shape, values, capabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from rig_sync.catalog import Capabilities
from rig_sync.completion import CompletionRequest, ToolChoice, ToolDefinition
from rig_sync.errors import ConfigError
from rig_sync.message import (
    AssistantMessage,
    Audio,
    BaseMessage,
    Document,
    Image,
    Message,
    SystemMessage,
    ToolResult,
    ToolResultContent,
    UserContent,
    UserMessage,
    Video,
    unanswered_calls,
    user,
)

__all__ = [
    "Promptable",
    "as_history",
    "as_prompt",
    "check_capabilities",
    "check_options",
    "check_request",
    "needs",
]

Promptable: TypeAlias = str | UserMessage
"""What a prompt may be: words, or a message with more than words."""


def as_prompt(prompt: Promptable) -> UserMessage:
    """The message that `prompt` stands for.

    Raises:
        ConfigError: it is empty, or neither words nor a user message.

    >>> as_prompt("Hello").text
    'Hello'
    """
    if isinstance(prompt, UserMessage):
        if not prompt.content:
            raise ConfigError("the prompt is empty: give the message some content")
        return prompt
    if not isinstance(prompt, str):
        raise ConfigError(f"a prompt is a string or rig_sync.user(...), not {prompt!r}")
    if not prompt.strip():
        raise ConfigError("the prompt is empty: write what the model should answer")
    return user(prompt)


def check_options(given: Mapping[str, object], kind: type) -> None:
    """Refuse keys that the TypedDict `kind` does not have.

    Raises:
        ConfigError: names the first one, and those there are.
    """
    unknown = set(given) - set(kind.__annotations__)
    if unknown:
        known = ", ".join(kind.__annotations__)
        raise ConfigError(f"there is no option {min(unknown)!r}; the options are: {known}")


def as_history(messages: Iterable[BaseMessage]) -> tuple[Message, ...]:
    """`messages`, each of which is one.

    Raises:
        ConfigError: something in it is none.

    >>> as_history([user("Hi")])[0].text
    'Hi'
    """
    history: list[Message] = []
    for message in messages:
        if not isinstance(message, (SystemMessage, UserMessage, AssistantMessage)):
            raise ConfigError(
                f"the history has {message!r}, which is no message: "
                "write rig_sync.user(...) or rig_sync.assistant(...)"
            )
        history.append(message)
    return tuple(history)


def check_request(request: CompletionRequest) -> None:
    """Refuse early what no provider would take.

    Raises:
        ConfigError: says what is wrong and what to write instead.
    """
    temperature, top_p, limit = request.temperature, request.top_p, request.max_tokens
    if temperature is not None and not (_is_number(temperature) and temperature >= 0):
        raise ConfigError(f"temperature={temperature!r}: give a number, 0 or above")
    if top_p is not None and not (_is_number(top_p) and 0 < top_p <= 1):
        raise ConfigError(f"top_p={top_p!r}: give a share, above 0 and at most 1")
    _check_stop(request.stop)
    if limit is not None and not (_is_number(limit) and limit >= 1 and limit == int(limit)):
        raise ConfigError(f"max_tokens={limit!r}: give 1 or more, or leave it out")
    if not request.messages:
        raise ConfigError("there is nothing to send: give a prompt")
    waiting = unanswered_calls(request.messages)
    if waiting:
        call = waiting[0]
        raise ConfigError(
            f"the history has a tool call without an answer ({call.name}, id {call.id!r}): "
            f"append rig_sync.user(ToolResult({call.id!r}, ...)) after it, or leave the call out"
        )
    _check_tools(request.tools, request.tool_choice)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value is not True


def _check_stop(stop: object) -> None:
    if isinstance(stop, str):
        raise ConfigError(f"stop={stop!r}: give the words in a tuple, as ({stop!r},)")


def _check_tools(tools: Sequence[ToolDefinition], choice: ToolChoice | None) -> None:
    names = [tool.name for tool in tools]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"two tools are named {twice[0]!r}: rename one")
    if choice is None or choice.mode in ("auto", "none"):
        return
    if not tools:
        raise ConfigError(
            f"tool_choice {choice.mode!r} without tools: give a tool, or leave it out"
        )
    unknown = [name for name in choice.names if name not in names]
    if unknown:
        known = ", ".join(names)
        raise ConfigError(f"tool_choice names {unknown[0]!r}, which is none of the tools: {known}")


# capabilities --------------------------------------------------------------------------------


def needs(request: CompletionRequest) -> tuple[str, ...]:
    """The capabilities that a model must have for `request`, as `Capabilities` calls them.

    What goes through `additional_params` or a `ProviderBlock` is not looked at.

    >>> needs(CompletionRequest("m", (user("Hi", Image(url="https://x.test/a.png")),)))
    ('images',)
    """
    return tuple(need.flag for need in _NEEDS if need.asked(request))


def check_capabilities(request: CompletionRequest, capabilities: Capabilities) -> None:
    """Refuse what the model cannot do.

    Raises:
        ConfigError: says what it is, and what to do instead.

    >>> check_capabilities(CompletionRequest("m", (user("Hi"),)), Capabilities(tools=False))
    """
    for need in _NEEDS:
        if not getattr(capabilities, need.flag) and need.asked(request):
            raise ConfigError(
                f"{request.model} {need.lack}: {need.remedy}, or ask another model; if it can, "
                f"give completion_model({request.model!r}, capabilities=Capabilities())"
            )


class _Need(NamedTuple):
    """When a request needs `flag`, and what to say to one who asks it of a model without."""

    flag: str
    asked: Callable[[CompletionRequest], bool]
    lack: str
    remedy: str


def _forces_a_tool(request: CompletionRequest) -> bool:
    choice = request.tool_choice
    return choice is not None and choice.mode in ("required", "specific")


def _has(kind: type[Image | Audio | Video]) -> Callable[[CompletionRequest], bool]:
    return lambda request: any(isinstance(part, kind) for part in _given(request))


def _has_files(request: CompletionRequest) -> bool:
    return any(isinstance(part, Document) and not _is_plain(part) for part in _given(request))


def _is_plain(document: Document) -> bool:
    return document.text is not None or (document.media_type or "").startswith("text/")


def _given(request: CompletionRequest) -> Iterator[UserContent | ToolResultContent]:
    """All that is shown to the model, and not its own: documents, messages, results of tools."""
    yield from request.documents
    for message in request.messages:
        if isinstance(message, UserMessage):
            for part in message.content:
                yield part
                if isinstance(part, ToolResult):
                    yield from part.content


_NEEDS = (
    _Need("tools", lambda r: bool(r.tools), "cannot call tools", "leave the tools out"),
    _Need(
        "tool_choice",
        _forces_a_tool,
        "cannot be made to call a tool",
        "leave tool_choice out and ask for the call in the prompt",
    ),
    _Need(
        "reasoning",
        lambda r: r.reasoning is not None,
        "cannot be told how much to think",
        "leave the reasoning options out",
    ),
    _Need(
        "structured_output",
        lambda r: r.output_schema is not None,
        "follows no JSON Schema",
        "leave output_schema out and describe the form in the prompt, or give a tool of that form",
    ),
    _Need("images", _has(Image), "sees no images", "describe them in words"),
    _Need("audio", _has(Audio), "hears nothing", "give a transcript"),
    _Need("video", _has(Video), "watches no video", "give single images, or describe it in words"),
    _Need("documents", _has_files, "reads no files", "give what they say as Document(text=...)"),
)
