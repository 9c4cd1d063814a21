"""A run as data: what has been said, and what is to be done next.

Pure: no I/O, no clock, no lock. It goes to JSON and back at any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct, field

from rig_sync.agent.items import CompletionCall, FinalResponse
from rig_sync.completion import CompletionResponse, Usage
from rig_sync.errors import MaxTurnsExceeded, PromptError
from rig_sync.message import (
    AssistantMessage,
    Message,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
    unanswered_calls,
)

__all__ = ["AgentRun", "CallModel", "CallTools", "Done", "Step", "without_empty"]

NOT_RUN = "This tool was not run: the conversation was interrupted before."
INTERRUPTED = "Interrupted: this tool may have run, its result is unknown."


class CallModel(Struct, frozen=True, tag="call_model"):
    """Ask the model, with these messages; `turn` counts from 1."""

    turn: int
    messages: tuple[Message, ...]


class CallTools(Struct, frozen=True, tag="call_tools"):
    """Run these tools; the model waits for every one."""

    turn: int
    calls: tuple[ToolCall, ...]


class Done(Struct, frozen=True, tag="done"):
    """There is nothing left to do."""

    response: FinalResponse


Step: TypeAlias = CallModel | CallTools | Done


class AgentRun(Struct, tag="agent_run"):
    """One run of an agent, from a prompt to its answer.

    Ask `next_step`, do what it says, tell the outcome by `model_turn` or `tool_results`, and ask
    again.

    Attributes:
        messages: The history, the prompt last; grows.
        max_turns: Model calls at most.
        id: Names the run; the tools see it.
        turn: Model calls so far.
        started: Ids of the calls whose tool has begun to run, since the last results.
    """

    messages: list[Message]
    max_turns: int
    id: str = ""
    turn: int = 0
    usage: Usage = Usage()
    calls: list[CompletionCall] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def next_step(self) -> Step:
        """What is to be done now; asking changes nothing.

        Raises:
            MaxTurnsExceeded: the model would have to be asked once more than allowed.
            PromptError: the model used up its tokens before it said anything.
        """
        last = self.messages[-1]
        if not isinstance(last, AssistantMessage):
            if self.turn >= self.max_turns:
                raise MaxTurnsExceeded(
                    f"no answer after {self.turn} model calls: the model still asks for tools. "
                    f"Raise max_turns={self.max_turns}, or go on from .history"
                )
            return CallModel(self.turn + 1, tuple(without_empty(self.messages)))
        if last.tool_calls:
            return CallTools(self.turn, last.tool_calls)
        return Done(self.response())

    def model_turn(self, response: CompletionResponse) -> CompletionCall:
        """The model has answered.

        Raises:
            PromptError: the token limit came before any word and any complete call.
        """
        self.turn += 1
        self.usage += response.usage
        self.defects += response.defects
        call = CompletionCall(
            self.turn, response.usage, response.finish_reason, response.ids, response.model
        )
        self.calls.append(call)
        message, finish = response.message, response.finish_reason
        cut = finish is not None and finish.kind == "length"
        if cut and not message.text and not message.tool_calls:
            raise PromptError(
                "the model used up its tokens before it said anything: raise max_tokens"
            )
        self.messages.append(message)
        return call

    def tool_results(self, results: Sequence[ToolResult]) -> None:
        """Every tool of the last `CallTools` has answered, in that order."""
        self.messages.append(UserMessage(tuple(results)))
        self.started = []

    def response(self) -> FinalResponse:
        """The run as its caller gets it."""
        last = self.messages[-1]
        return FinalResponse(
            output=last.text if isinstance(last, AssistantMessage) else "",
            usage=self.usage,
            messages=tuple(without_empty(self.messages)),
            completion_calls=tuple(self.calls),
            defects=tuple(self.defects),
        )

    def interrupted(self, partial: AssistantMessage | None = None) -> tuple[Message, ...]:
        """A history that every provider accepts, wherever the run was stopped.

        Calls that nobody answered get a result that says so.

        Args:
            partial: What the model had said of the turn that was cut off.
        """
        messages = [*self.messages, *([partial] if partial is not None else [])]
        waiting = unanswered_calls(messages)
        if waiting:
            results = tuple(
                ToolResult(
                    call.id,
                    (Text(INTERRUPTED if call.id in self.started else NOT_RUN),),
                    call.name,
                    is_error=True,
                )
                for call in waiting
            )
            messages.append(UserMessage(results))
        return tuple(without_empty(messages))


def without_empty(messages: Sequence[Message]) -> list[Message]:
    """`messages` less the assistant's that say nothing: providers refuse those."""
    return [m for m in messages if not isinstance(m, AssistantMessage) or m.content]
