"""A run as data: what has been said, and what is to be done next.

Pure: no I/O, no clock, no lock. It goes to JSON and back at any step, and pickles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field, structs

from rig_sync._json import JsonObject, loaded
from rig_sync.agent.history import add_answer, without_empty
from rig_sync.agent.items import CompletionCall, FinalResponse
from rig_sync.agent.steps import (
    ACCEPTED,
    ANSWERED,
    DENIED,
    NOT_RUN,
    REJECTED,
    CallModel,
    CallState,
    CallTools,
    Done,
    PendingCall,
    Step,
    failed,
)
from rig_sync.completion import CompletionResponse, Usage
from rig_sync.errors import ConfigError, MaxTurnsExceeded, PromptError
from rig_sync.message import (
    AssistantMessage,
    Message,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
    unanswered_calls,
)
from rig_sync.tools import ToolOutput, to_content

__all__ = [
    "AgentRun",
    "RunSuspended",
    "dump_run",
    "load_run",
]


class AgentRun(Struct, tag="agent_run", omit_defaults=True):
    """One run of an agent, from a prompt to its answer.

    Ask `next_step`, do what it says, tell the outcome by `model_turn` (or `retry_turn`) and
    `tool_results`, and ask again. A run that waits for people is told `approve`, `deny` and
    `answer_call`, here or in another process after `dump_run` and `load_run`; then `agent.resume`
    goes on.

    Attributes:
        messages: The history, the prompt last; grows.
        max_turns: Model calls at most.
        id: Names the run; tools and hooks see it.
        prompt_at: Where in `messages` the prompt stands; None: nobody said.
        turn: Model calls so far.
        batch: The tool calls of the last turn, in the model's order, until all are answered.
        offered: The tools that the model was given for the last turn; None: all.
        failures: By tool: in how many turns in a row it ran and failed, and never succeeded.
        output_retries: How often the model may still correct an answer that does not fit.
        answer: The answer that was accepted as structured output, as JSON text.

    Threads: one at a time; a run that is being read is that stream's.
    """

    messages: list[Message]
    max_turns: int
    id: str = ""
    prompt_at: int | None = None
    turn: int = 0
    usage: Usage = Usage()
    calls: list[CompletionCall] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    batch: list[PendingCall] = field(default_factory=list)
    offered: tuple[str, ...] | None = None
    failures: dict[str, int] = field(default_factory=dict)
    output_retries: int = 0
    answer: str | None = None

    def next_step(self) -> Step:
        """What is to be done now; asking changes nothing.

        Raises:
            MaxTurnsExceeded: the model would have to be asked once more than allowed.
        """
        if self.batch:
            ready = [one.call for one in self.batch if one.state in ("ready", "approved")]
            held = [one.call for one in self.batch if one.held]
            return CallTools(self.turn, tuple(ready), tuple(held))
        if self.answer is not None or self._is_answered():
            return Done(self.response())
        if self.turn >= self.max_turns:
            raise MaxTurnsExceeded(
                f"no answer after {self.turn} model calls: the model still asks for tools, "
                f"or its answers were sent back. Raise max_turns={self.max_turns}, or go on from "
                ".history"
            )
        return CallModel(self.turn + 1, tuple(without_empty(self.messages)))

    # what the model said

    def model_turn(self, response: CompletionResponse) -> CompletionCall:
        """The model has answered.

        Raises:
            PromptError: the token limit came before any word and any complete call.
        """
        call = self._count(response)
        message, finish = response.message, response.finish_reason
        cut = finish is not None and finish.kind == "length"
        if cut and not message.text and not message.tool_calls:
            raise PromptError(
                "the model used up its tokens before it said anything: raise max_tokens"
            )
        add_answer(self.messages, message)
        self.batch = [PendingCall(one) for one in message.tool_calls]
        return call

    def retry_turn(
        self, response: CompletionResponse, feedback: str | None = None
    ) -> CompletionCall:
        """The model has answered, and has to answer again.

        Args:
            response: Its tokens count. It is forgotten, unless there is
            feedback: what is wrong with it: then it stays, with this after it.
        """
        call = self._count(response)
        if feedback is not None:
            results = [failed(one, REJECTED) for one in response.message.tool_calls]
            add_answer(self.messages, response.message)
            self.messages.append(UserMessage((*results, Text(feedback))))
        return call

    def finish(
        self, response: CompletionResponse, answer: str, call_id: str | None = None
    ) -> CompletionCall:
        """The model has given the structured answer that was asked for, and it fits.

        Args:
            response: What it said.
            answer: The answer as JSON text.
            call_id: The call that carried it, if it was no plain text.
        """
        call = self._count(response)
        add_answer(self.messages, response.message)
        results = [
            ToolResult(one.id, (Text(ACCEPTED),), one.name)
            if one.id == call_id
            else failed(one, ANSWERED)
            for one in response.message.tool_calls
        ]
        if results:
            self.messages.append(UserMessage(tuple(results)))
        self.answer = answer
        return call

    def retry_answer(
        self, response: CompletionResponse, feedback: str, call_id: str | None = None
    ) -> CompletionCall:
        """The structured answer does not fit: the model is told why, and has one retry less.

        Args:
            response: What it said.
            feedback: What is wrong with it.
            call_id: The call that carried it; calls of other tools in the turn run.
        """
        self.output_retries -= 1
        if call_id is None:
            return self.retry_turn(response, feedback)
        call = self.model_turn(response)
        name = self._find(call_id, "ready").call.name
        for one in self.batch:
            if one.call.name == name:
                self.tool_result(failed(one.call, feedback))
        return call

    # what the tools said

    def tool_started(self, call: ToolCall) -> None:
        """The tool begins to run, with the arguments in `call`."""
        pending = self._find(call.id, "ready", "approved")
        pending.call, pending.state, pending.ran = call, "started", True

    def tool_results(self, results: Sequence[ToolResult]) -> bool:
        """Tools of the last `CallTools` have answered: all of them, or some, in any order.

        Returns:
            Whether that was the last of them, so that the model is next.
        """
        for result in results:
            self.tool_result(result)
        answered = [one.result for one in self.batch if one.result is not None]
        if not self.batch or len(answered) < len(self.batch):
            return False
        self.messages.append(UserMessage(tuple(answered)))
        self._count_failures()
        self.batch = []
        return True

    def tool_result(self, result: ToolResult) -> PendingCall:
        """One tool has answered; the model hears of it with the others, by `tool_results`."""
        pending = self._find(result.id, "ready", "approved", "started", "approval", "deferred")
        pending.settle(result)
        pending.failed = pending.ran and result.is_error
        return pending

    def hold(self, call: ToolCall, state: Literal["approval", "deferred"]) -> None:
        """The call waits for a person's approval, or for an answer from elsewhere."""
        pending = self._find(call.id, "ready")
        pending.call, pending.state = call, state

    # what people say

    @property
    def pending(self) -> tuple[PendingCall, ...]:
        """The calls that wait for a person or another system, in the model's order."""
        return tuple(one for one in self.batch if one.held)

    def approve(self, call_id: str, arguments: JsonObject | None = None) -> None:
        """A person agrees to the call; it runs when the run goes on.

        Args:
            call_id: The `ToolCall.id`.
            arguments: To run it with, instead of the model's.

        Raises:
            ConfigError: no such call waits for approval; or `arguments` are no dict.
        """
        if arguments is not None and not isinstance(arguments, dict):
            raise ConfigError(f"arguments={arguments!r}: give a dict, as `ToolCall.arguments` is")
        pending = self._find(call_id, "approval")
        pending.state = "approved"
        if arguments is not None:
            pending.call = structs.replace(pending.call, arguments=arguments)

    def deny(self, call_id: str, reason: str = DENIED) -> None:
        """A person does not agree: the tool does not run, and the model reads `reason`.

        Raises:
            ConfigError: no such call waits for approval.
        """
        pending = self._find(call_id, "approval")
        pending.settle(failed(pending.call, reason))

    def answer_call(self, call_id: str, output: ToolOutput, *, is_error: bool = False) -> None:
        """The answer to a call that waits, from a person or another system.

        Args:
            call_id: The `ToolCall.id`.
            output: What a tool may return: text, images, or anything that goes to JSON.
            is_error: Whether the call failed.

        Raises:
            ConfigError: no such call waits.
            ToolError: `output` cannot be written as JSON.
        """
        pending = self._find(call_id, "approval", "deferred")
        pending.settle(ToolResult(call_id, to_content(output), pending.call.name, is_error))

    # the end

    def response(self) -> FinalResponse:
        """The run as its caller gets it."""
        return FinalResponse(
            output=self._last_text if self.answer is None else self.answer,
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
        messages = list(self.messages)
        if partial is not None:
            add_answer(messages, partial)
        if partial is None and self.batch:
            messages.append(UserMessage(tuple(one.settled for one in self.batch)))
        waiting = unanswered_calls(messages)
        if waiting:
            messages.append(UserMessage(tuple(failed(call, NOT_RUN) for call in waiting)))
        return tuple(without_empty(messages))

    def give_up_started(self) -> None:
        """Answer the calls whose tool had begun when the process ended: none is run twice."""
        for one in self.batch:
            if one.state == "started":
                one.settle(one.settled)

    @property
    def paused_text(self) -> str:
        """What the model had said when the provider paused its turn."""
        return self._last_text if self._is_paused() else ""

    @property
    def _last(self) -> Message | None:
        return self.messages[-1] if self.messages else None

    @property
    def _last_text(self) -> str:
        return self._last.text if isinstance(self._last, AssistantMessage) else ""

    def _is_answered(self) -> bool:
        """Whether the model has said all that it had to say."""
        return isinstance(self._last, AssistantMessage) and not self._is_paused()

    def _is_paused(self) -> bool:
        finish = self.calls[-1].finish_reason if self.calls else None
        return finish is not None and finish.unfinished

    def _count(self, response: CompletionResponse) -> CompletionCall:
        self.turn += 1
        self.usage += response.usage
        self.defects += response.defects
        call = CompletionCall(
            self.turn, response.usage, response.finish_reason, response.ids, response.model
        )
        self.calls.append(call)
        return call

    def _count_failures(self) -> None:
        """By turn, since the model can only mend a call in the next one."""
        failing = {one.call.name for one in self.batch if one.failed}
        working = {one.call.name for one in self.batch if one.ran and not one.settled.is_error}
        for name in sorted(failing - working):
            self.failures[name] = self.failures.get(name, 0) + 1
        for name in working:
            self.failures.pop(name, None)

    def _find(self, call_id: str, *states: CallState) -> PendingCall:
        for one in self.batch:
            if one.call.id == call_id and one.state in states:
                return one
        known = ", ".join(f"{one.call.id!r} ({one.state})" for one in self.batch) or "none"
        raise ConfigError(
            f"no tool call of this run has the id {call_id!r} and the state "
            f"{' or '.join(states)}; the calls of its turn are: {known}"
        )


class RunSuspended(PromptError):
    """A one-shot call waits for a person, or for an answer from elsewhere.

    Attributes:
        run: Save it with `dump_run`, or tell it `approve`, `deny` or `answer_call`, and go on with
            `agent.resume(run)`.
    """

    run: AgentRun


def dump_run(run: AgentRun) -> bytes:
    """A run as JSON.

    >>> dump_run(AgentRun([], 3))
    b'{"type":"agent_run","messages":[],"max_turns":3}'
    """
    return msgspec.json.encode(run)


def load_run(data: bytes | str) -> AgentRun:
    """The run that `dump_run` wrote.

    Raises:
        msgspec.DecodeError: `data` is no JSON, or no run; the message says where.

    >>> load_run(dump_run(AgentRun([], 3))) == AgentRun([], 3)
    True
    """
    return loaded(_decoder, data)


_decoder = msgspec.json.Decoder(AgentRun)
