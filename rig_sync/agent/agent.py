"""An agent: a model with a preamble, tools and settings (Rig: `rig::agent::Agent`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

from msgspec.structs import replace

from rig_sync.agent.driver import Progress, RunSettings
from rig_sync.agent.items import FinalResponse
from rig_sync.agent.run import AgentRun
from rig_sync.agent.stream import AgentStream, fold
from rig_sync.completion import CompletionRequest, ModelSettings, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.message import BaseMessage, Document
from rig_sync.model import (
    CallOptions,
    CompletionModel,
    Promptable,
    RequestBuilder,
    as_history,
    as_prompt,
    check_options,
    check_request,
)
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import RaiseErrors, checked_raise_errors
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.response import Clock
from rig_sync.tools import ToolSet
from rig_sync.transport.timeouts import Timeouts

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DEFAULT_MAX_TURNS", "Agent", "RunOptions"]

DEFAULT_MAX_TURNS = 10


class RunOptions(TypedDict, total=False):
    """How one run is made; every key may be left out.

    Attributes:
        max_turns: Model calls at most, the first included; the agent's own by default.
        tool_concurrency: Tools that run beside each other; 1 runs them in the calling thread.
        pause: Holds the stream still from outside.
        cancel: Ends the run from outside.
        timeouts: Instead of the client's.
        raise_errors: Which errors `next()` raises: "terminal" (the default), "all" or "none".
        deps: Given to the tools in their context.
        stream: One-shot calls: let the model stream all the same. The answer is equal.
    """

    max_turns: int
    tool_concurrency: int
    pause: PauseControl
    cancel: CancelToken
    timeouts: Timeouts
    raise_errors: RaiseErrors
    deps: object
    stream: bool


class Agent:
    """A model with a preamble, tools and settings. Never changed once made; shared by threads.

    `client.agent(name)` begins a builder that means the same.

    Args:
        model: What answers, as `client.completion_model(name)`.
        preamble: The system prompt.
        context: Text or documents that every request carries.
        tools: Functions, `@tool` functions or objects that fulfil `Tool`.
        tool_choice: Whether the model must call a tool; for the first turn of a run alone, or it
            could never answer.
        max_turns: Model calls of one run at most.
        settings: See `ModelSettings`.

    Raises:
        ConfigError: something cannot be; says what to write instead.
    """

    def __init__(
        self,
        model: CompletionModel,
        *,
        name: str = "",
        description: str = "",
        preamble: str | None = None,
        context: Iterable[str | Document] = (),
        tools: Iterable[object] = (),
        tool_choice: ToolChoice | None = None,
        max_turns: int = DEFAULT_MAX_TURNS,
        **settings: Unpack[ModelSettings],
    ) -> None:
        check_options(settings, ModelSettings)
        self.model = model
        self.name = name
        self.description = description
        self.tools = ToolSet(tools)
        self.max_turns = _checked(max_turns, "max_turns")
        self._template = CompletionRequest(
            model.name,
            (as_prompt("a prompt"),),
            preamble=preamble,
            documents=tuple(_document(number, part) for number, part in enumerate(context)),
            tools=self.tools.definitions,
            tool_choice=tool_choice,
        )
        given = {name: value for name, value in settings.items() if value is not None}
        self._template = replace(self._template, **given)
        check_request(self._template)

    def __repr__(self) -> str:
        return f"Agent({self.name or 'unnamed'}, {self.model!r}, {len(self.tools)} tools)"

    def stream_prompt(self, prompt: Promptable, **options: Unpack[RunOptions]) -> AgentStream:
        """One prompt through the agent loop, as it happens; see `RunOptions`.

        Raises:
            ConfigError: the prompt or an option cannot be.
        """
        return self.stream_chat(prompt, (), **options)

    def stream_chat(
        self, prompt: Promptable, history: Iterable[BaseMessage], **options: Unpack[RunOptions]
    ) -> AgentStream:
        """The same with a history.

        Raises:
            ConfigError: the prompt, the history or an option cannot be.
        """
        return self._run(prompt, history, options, unary=False)

    def prompt(self, prompt: Promptable, **options: Unpack[RunOptions]) -> FinalResponse:
        """The answer to one prompt, through the same loop.

        Raises:
            RigError: the run failed; `.history` goes on from there.
        """
        return self.chat(prompt, (), **options)

    def chat(
        self, prompt: Promptable, history: Iterable[BaseMessage], **options: Unpack[RunOptions]
    ) -> FinalResponse:
        """The same with a history."""
        unary = not options.get("stream", False)
        return fold(self._run(prompt, history, options, unary=unary))

    def completion(self, prompt: Promptable, history: Iterable[BaseMessage] = ()) -> RequestBuilder:
        """One model call with this agent's settings, to be completed and sent; no loop."""
        request = replace(self._template, messages=(*as_history(history), as_prompt(prompt)))
        return RequestBuilder(self.model, request)

    def stream_completion(
        self, prompt: Promptable, history: Iterable[BaseMessage] = ()
    ) -> RequestBuilder:
        """One model call with this agent's settings, to be completed and streamed; no loop."""
        return self.completion(prompt, history)

    def _run(
        self,
        prompt: Promptable,
        history: Iterable[BaseMessage],
        options: RunOptions,
        *,
        unary: bool,
    ) -> AgentStream:
        check_options(options, RunOptions)
        request = self.completion(prompt, history).build()
        check_request(request)
        clock = Clock(options.get("timeouts") or self.model.timeouts)
        token = CancelToken()
        settings = RunSettings(
            model=self.model,
            template=request,
            tools=self.tools,
            options=CallOptions(pause=options.get("pause"), cancel=token, clock=clock),
            clock=clock,
            token=token,
            cancel=options.get("cancel"),
            agent_name=self.name,
            tool_concurrency=_checked(options.get("tool_concurrency", 1), "tool_concurrency"),
            deps=options.get("deps"),
            unary=unary,
        )
        turns = _checked(options.get("max_turns", self.max_turns), "max_turns")
        run = AgentRun(list(request.messages), turns, id=secrets.token_hex(8))
        raise_errors = checked_raise_errors(options.get("raise_errors", "terminal"))
        return AgentStream(Progress(run), settings, raise_errors=raise_errors)


def _checked(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name}={value!r}: give a whole number, 1 or more")
    return value


def _document(number: int, part: object) -> Document:
    if isinstance(part, Document):
        return part
    if not isinstance(part, str) or not part.strip():
        raise ConfigError(f"context is text or a Document, not {part!r}")
    return Document(text=part, name=f"context_{number}.txt")
