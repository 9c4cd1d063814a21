"""An agent: a model with a preamble, tools and settings (Rig: `rig::agent::Agent`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from msgspec import structs

from rig_sync.agent.as_tool import AgentTool
from rig_sync.agent.events import HookContext
from rig_sync.agent.items import FinalResponse
from rig_sync.agent.options import (
    DEFAULT_MAX_TURNS,
    DEFAULT_OUTPUT_RETRIES,
    RunOptions,
    TypedOptions,
    at_least,
    checked_model,
    checked_option,
)
from rig_sync.agent.output import OutputCheck
from rig_sync.agent.run import AgentRun
from rig_sync.agent.settings import Progress, RunSettings, every_tool
from rig_sync.agent.stack import HookStack, as_hooks
from rig_sync.agent.stream import AgentStream, fold
from rig_sync.agent.typed import TypedStream
from rig_sync.completion import CompletionRequest, ModelSettings, ToolChoice
from rig_sync.errors import ConfigError, ToolError
from rig_sync.message import BaseMessage, Document
from rig_sync.model import CallOptions, CompletionModel, RequestBuilder
from rig_sync.output import output_type
from rig_sync.request import Promptable, as_history, as_prompt, check_options, check_request
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.handle import RaiseErrors, checked_raise_errors
from rig_sync.streaming.pause import PauseControl
from rig_sync.streaming.response import Clock
from rig_sync.tools import ToolContext, ToolIndex, ToolSet
from rig_sync.transport.timeouts import Timeouts

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Agent"]

T = TypeVar("T")


class Agent:
    """A model with a preamble, tools and settings; shared by threads.

    `client.agent(name)` begins a builder that means the same. An agent never changes once made,
    but for the tools in a `ToolSet` that it was given.

    Args:
        model: What answers, as `client.completion_model(name)`.
        preamble: The system prompt.
        context: Text or documents that every request carries.
        tools: Functions, `@tool` functions, objects that fulfil `Tool`, other agents. A `ToolSet`
            may be changed later: every turn works with what is in it then.
        dynamic_tools: Further tools, of which a turn is offered those that fit the user's words.
        tool_choice: Whether the model must call a tool; for the first turn of a run alone, or it
            could never answer.
        fallbacks: Models that are asked in turn when the one before fails before it said anything.
        hooks: What watches and steers every run; see `Hook`.
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
        dynamic_tools: ToolIndex | None = None,
        tool_choice: ToolChoice | None = None,
        fallbacks: Sequence[CompletionModel] = (),
        hooks: Sequence[object] = (),
        max_turns: int = DEFAULT_MAX_TURNS,
        **settings: Unpack[ModelSettings],
    ) -> None:
        check_options(settings, ModelSettings)
        self.model = checked_model(model, "model")
        self.name = name
        self.description = description
        self.tools = tools if isinstance(tools, ToolSet) else ToolSet(tools)
        self.max_turns = at_least(1, max_turns, "max_turns")
        self._index = checked_option(dynamic_tools, ToolIndex, "dynamic_tools")
        if not isinstance(fallbacks, list | tuple):
            raise ConfigError(f"fallbacks={fallbacks!r}: write `[...]` around it")
        self._fallbacks = tuple(checked_model(one, "fallbacks") for one in fallbacks)
        self._hooks = as_hooks(hooks)
        self._template = CompletionRequest(
            model.name,
            (as_prompt("a prompt"),),
            preamble=preamble,
            documents=tuple(_document(number, part) for number, part in enumerate(context)),
            tool_choice=checked_option(tool_choice, ToolChoice, "tool_choice"),
        )
        given = {name: value for name, value in settings.items() if value is not None}
        self._template = structs.replace(self._template, **given)
        tools = every_tool(self.tools, self._index)
        check_request(structs.replace(self._template, tools=tools.definitions))

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
        check_options(options, RunOptions)
        return self._stream(self._begin(prompt, history, options), options, unary=False)

    def stream_resume(self, run: AgentRun, **options: Unpack[RunOptions]) -> AgentStream:
        """Go on with a run that was suspended, saved or broken off.

        Args:
            run: As `stream.run` or `load_run` gave it; it is advanced in place. A tool that had
                begun when the run broke off does not run again: the model is told.
            options: `max_turns`, if given, takes the place of the run's.

        Raises:
            ConfigError: an option cannot be.
        """
        check_options(options, RunOptions)
        return self._stream(self._again(run, options), options, unary=False)

    def prompt(self, prompt: Promptable, **options: Unpack[RunOptions]) -> FinalResponse:
        """The answer to one prompt, through the same loop.

        Raises:
            RigError: the run failed; `.history` goes on from there.
            RunSuspended: it waits for people; `.run` goes on from there.
        """
        return self.chat(prompt, (), **options)

    def chat(
        self, prompt: Promptable, history: Iterable[BaseMessage], **options: Unpack[RunOptions]
    ) -> FinalResponse:
        """The same with a history."""
        check_options(options, RunOptions)
        return self._fold(self._begin(prompt, history, options), options)

    def resume(self, run: AgentRun, **options: Unpack[RunOptions]) -> FinalResponse:
        """The end of a run that was suspended, saved or broken off; see `stream_resume`."""
        check_options(options, RunOptions)
        return self._fold(self._again(run, options), options)

    def stream_typed(
        self,
        kind: type[T],
        prompt: Promptable | AgentRun,
        history: Iterable[BaseMessage] = (),
        **options: Unpack[TypedOptions],
    ) -> TypedStream[T]:
        """One prompt, answered by a value of type `kind`; what is there of it comes as `Partial`.

        Args:
            kind: A dataclass, TypedDict, Struct or pydantic model, or a plain type as `list[str]`.
                `Literal` and unions work too, though type checkers do not take them as types.
            prompt: What is asked; or a run of this kind, to go on with, as for `stream_resume`.
            history: What was said before.
            options: See `TypedOptions`.

        Raises:
            ConfigError: the type, the prompt or an option cannot be.
        """
        return self._typed(kind, prompt, history, options, unary=False)

    def prompt_typed(
        self,
        kind: type[T],
        prompt: Promptable | AgentRun,
        history: Iterable[BaseMessage] = (),
        **options: Unpack[TypedOptions],
    ) -> T:
        """The answer to one prompt, as a value of type `kind`; see `stream_typed`.

        Raises:
            OutputInvalid: no answer fits, after all retries; `.raw` has the last one.
            RigError: the run failed; `.history` goes on from there.
        """
        unary = not options.get("stream", False)
        stream = self._typed(kind, prompt, history, options, unary=unary)
        fold(stream)
        return stream.output

    def completion(self, prompt: Promptable, history: Iterable[BaseMessage] = ()) -> RequestBuilder:
        """One model call with this agent's settings, to be completed and sent; no loop."""
        messages = (*as_history(history), as_prompt(prompt))
        request = structs.replace(self._template, messages=messages, tools=self.tools.definitions)
        return RequestBuilder(self.model, request)

    def stream_completion(
        self, prompt: Promptable, history: Iterable[BaseMessage] = ()
    ) -> RequestBuilder:
        """One model call with this agent's settings, to be completed and streamed; no loop."""
        return self.completion(prompt, history)

    def as_tool(self, *, name: str | None = None, description: str | None = None) -> AgentTool:
        """This agent as a tool of another one; `tools=[agent]` means the same.

        Args:
            name: Instead of the agent's.
            description: Instead of the agent's: tells the other model when to ask this one.

        Raises:
            ConfigError: it has no name or no description.
        """
        return AgentTool(self._ask, name or self.name, description or self.description)

    def _begin(
        self, prompt: Promptable, history: Iterable[BaseMessage], options: RunOptions
    ) -> AgentRun:
        request = self.completion(prompt, history).build()
        check_request(structs.replace(request, tool_choice=None))  # each turn has tools of its own
        turns = at_least(1, options.get("max_turns", self.max_turns), "max_turns")
        messages = list(request.messages)
        return AgentRun(messages, turns, secrets.token_hex(8), prompt_at=len(messages) - 1)

    def _again(self, run: AgentRun, options: RunOptions) -> AgentRun:
        if not isinstance(run, AgentRun):
            raise ConfigError(f"{run!r} is no run: give `stream.run`, or what `load_run` returns")
        run.max_turns = at_least(1, options.get("max_turns", run.max_turns), "max_turns")
        run.give_up_started()
        return run

    def _typed(
        self,
        kind: type[T],
        prompt: Promptable | AgentRun,
        history: Iterable[BaseMessage],
        options: TypedOptions,
        *,
        unary: bool,
    ) -> TypedStream[T]:
        check_options(options, TypedOptions)
        output = output_type(kind)
        check = OutputCheck(output, options.get("output_mode"))
        retries = options.get("output_retries", DEFAULT_OUTPUT_RETRIES)
        if isinstance(prompt, AgentRun):
            if tuple(history):
                raise ConfigError("a run has its own history: give none beside it")
            run = self._again(prompt, options)
            retries = options.get("output_retries", run.output_retries)
        else:
            run = self._begin(prompt, history, options)
        run.output_retries = at_least(0, retries, "output_retries")
        progress, settings = self._settings(run, options, unary=unary, output=check)
        return TypedStream(progress, settings, output, check, raise_errors=_raise_errors(options))

    def _ask(self, prompt: str, context: ToolContext) -> AgentStream:
        """This agent's stream as a tool, inside the run that called it."""
        if self in context.above:
            raise ToolError(f"{self.name or 'the agent'} cannot ask itself: answer without it")
        options = RunOptions(cancel=context.cancel, deps=context.deps)
        if context.pause is not None:
            options["pause"] = context.pause
        run = self._begin(prompt, (), options)
        return self._stream(run, options, unary=False, above=context.above)

    def _fold(self, run: AgentRun, options: RunOptions) -> FinalResponse:
        return fold(self._stream(run, options, unary=not options.get("stream", False)))

    def _stream(
        self, run: AgentRun, options: RunOptions, *, unary: bool, above: tuple[object, ...] = ()
    ) -> AgentStream:
        progress, settings = self._settings(run, options, unary=unary, above=above)
        return AgentStream(progress, settings, raise_errors=_raise_errors(options))

    def _settings(
        self,
        run: AgentRun,
        options: RunOptions,
        *,
        unary: bool,
        output: OutputCheck | None = None,
        above: tuple[object, ...] = (),
    ) -> tuple[Progress, RunSettings]:
        model = checked_model(options.get("using_model", self.model), "using_model")
        timeouts = checked_option(options.get("timeouts"), Timeouts, "timeouts")
        pause = checked_option(options.get("pause"), PauseControl, "pause")
        clock = Clock(timeouts or model.timeouts)
        token, deps = CancelToken(), options.get("deps")
        settings = RunSettings(
            model=model,
            fallbacks=self._fallbacks,
            template=self._template,
            tools=self.tools,
            index=self._index,
            hooks=HookStack((*self._hooks, *as_hooks(options.get("hooks", ())))),
            output=output,
            options=CallOptions(pause=pause, cancel=token, clock=clock),
            clock=clock,
            token=token,
            cancel=checked_option(options.get("cancel"), CancelToken, "cancel"),
            agent_name=self.name,
            above=(*above, self),
            tool_concurrency=at_least(1, options.get("tool_concurrency", 1), "tool_concurrency"),
            deps=deps,
            unary=unary,
            live_results=options.get("live_results", False),
        )
        context = HookContext(
            run_id=run.id, agent_name=self.name, streaming=not unary, deps=deps, token=token
        )
        context.turn = run.turn
        return Progress(run, context), settings


def _raise_errors(options: RunOptions) -> RaiseErrors:
    return checked_raise_errors(options.get("raise_errors", "terminal"))


def _document(number: int, part: object) -> Document:
    if isinstance(part, Document):
        return part
    if not isinstance(part, str) or not part.strip():
        raise ConfigError(f"context is text or a Document, not {part!r}")
    return Document(text=part, name=f"context_{number}.txt")
