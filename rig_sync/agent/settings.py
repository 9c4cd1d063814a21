"""What one run works with, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from rig_sync.agent.events import HookContext
from rig_sync.agent.history import called_tools, last_words
from rig_sync.agent.items import FinalResponse
from rig_sync.agent.output import OutputCheck
from rig_sync.agent.run import AgentRun
from rig_sync.agent.stack import HookStack
from rig_sync.completion import CompletionRequest
from rig_sync.errors import PromptError, RigError
from rig_sync.message import AssistantMessage
from rig_sync.model import CallOptions, CompletionModel
from rig_sync.streaming.cancel import CancelToken
from rig_sync.streaming.response import Clock, StreamingCompletionResponse
from rig_sync.tools import Tool, ToolIndex, ToolSet

__all__ = ["Progress", "RunSettings", "every_tool"]


class RunSettings(Struct, frozen=True, kw_only=True):
    """What one run works with.

    Attributes:
        model: Asked first.
        fallbacks: Asked in turn when the one before fails before it said anything.
        template: The request without its messages and tools.
        tools: Of which each turn takes a snapshot.
        index: Further tools, offered when they fit the words.
        output: What the answer has to be.
        above: The agents that ask each other down to this one, the outermost first.
        unary: Ask for whole answers.
        live_results: Show each tool's result as it comes, not all when the batch has settled.
    """

    model: CompletionModel
    fallbacks: tuple[CompletionModel, ...] = ()
    template: CompletionRequest
    tools: ToolSet
    index: ToolIndex | None = None
    hooks: HookStack
    output: OutputCheck | None = None
    options: CallOptions
    clock: Clock
    token: CancelToken
    cancel: CancelToken | None = None
    agent_name: str = ""
    above: tuple[object, ...] = ()
    tool_concurrency: int = 1
    deps: object = None
    unary: bool = False
    live_results: bool = False

    @property
    def all_tools(self) -> ToolSet:
        """Whatever may be called at the moment."""
        return every_tool(self.tools, self.index)

    def tools_for(self, run: AgentRun) -> ToolSet:
        """What the model is offered in the next turn.

        Of an index: what fits the user's last words (a hook's word on an answer is none of the
        user's), and what the conversation has called already, since the model may go on with it.

        Raises:
            PromptError: the index has a scorer that failed: see `__cause__`.
        """
        tools, index = self.tools.snapshot(), self.index
        if index is None:
            return tools
        asked = run.messages if run.prompt_at is None else run.messages[: run.prompt_at + 1]
        called = called_tools(run.messages)
        again = [one for one in index.tools if one.definition.name in called]
        return _joined(_joined(tools, _found(index, last_words(asked))), again)


def every_tool(tools: ToolSet, index: ToolIndex | None) -> ToolSet:
    """A snapshot of `tools`, and all that an index may find."""
    return tools.snapshot() if index is None else _joined(tools.snapshot(), index.tools)


def _joined(tools: ToolSet, more: Iterable[Tool]) -> ToolSet:
    return tools.with_tools(*(one for one in more if one.definition.name not in tools))


def _found(index: ToolIndex, words: str) -> Sequence[Tool]:
    try:
        return index.search(words)
    except RigError:
        raise
    except Exception as error:  # the scorer is the user's
        kind = type(error).__name__
        raise PromptError(
            f"the tools that fit were not found: the scorer of the ToolIndex raised {kind}: {error}"
        ) from error


class Progress:
    """Where a run stands, for whoever holds the stream.

    Attributes:
        run: The run; grows while it is driven.
        context: What the hooks are told with each event.
        model: What was asked last.
        spoke: It has begun to answer.
        tools: What the model was offered last.
        answer: The model's answer under way, or the one that broke off.
        final: The end, once it has come.
        told: The hooks know that it is over.
        internal_ids: What the stream called each tool call, by the call's id.
    """

    def __init__(self, run: AgentRun, context: HookContext) -> None:
        self.run = run
        self.context = context
        self.model: CompletionModel | None = None
        self.spoke = False
        self.tools: ToolSet | None = None
        self.answer: StreamingCompletionResponse | None = None
        self.final: FinalResponse | None = None
        self.told = False
        self.internal_ids: dict[str, str] = {}

    @property
    def partial(self) -> AssistantMessage | None:
        """What the model has said so far of the turn under way."""
        return None if self.answer is None else self.answer.message
