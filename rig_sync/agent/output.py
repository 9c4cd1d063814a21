"""What the answer has to be: how the model is told, and whether it kept to it."""

from __future__ import annotations

import typing
from typing import Literal, NamedTuple, TypeAlias

from msgspec import structs

from rig_sync._json import compact
from rig_sync.catalog import Capabilities
from rig_sync.completion import (
    CompletionRequest,
    CompletionResponse,
    ToolChoice,
    ToolDefinition,
)
from rig_sync.errors import ConfigError, OutputInvalid
from rig_sync.message import ToolCall
from rig_sync.model import CompletionModel
from rig_sync.output import Misfit, OutputType, find_json, instructions

__all__ = [
    "ANSWER_TOOL",
    "Accepted",
    "OutputCheck",
    "OutputMode",
    "Rejected",
    "Verdict",
    "mode_for",
]

OutputMode: TypeAlias = Literal["native", "tool", "prompted"]
"""How the model is told: by the provider's own JSON Schema setting, as the arguments of a tool, or
in words."""

ANSWER_TOOL = "final_answer"
_ASK = f"When you have the answer, give it by calling the tool `{ANSWER_TOOL}`, not as text."


class Accepted(NamedTuple):
    """The answer, as JSON text, and the call that carried it."""

    answer: str
    call_id: str | None = None


class Rejected(NamedTuple):
    """What is wrong with an answer, the answer, and the call that carried it."""

    problem: str
    raw: str
    call_id: str | None = None

    @property
    def feedback(self) -> str:
        """The problem, as the model is told of it."""
        return (
            f"The answer does not fit what was asked for: {self.problem}. Give the whole answer "
            "again, with that mended."
        )

    def error(self) -> OutputInvalid:
        """What the caller is told, when there are no retries left."""
        error = OutputInvalid(
            f"the model's answer does not fit what was asked for: {self.problem}. "
            "It is in .raw; raise output_retries, or make the type more lenient"
        )
        error.raw = self.raw
        return error


Verdict: TypeAlias = Accepted | Rejected


class OutputCheck:
    """The answer of a run has to be of one type.

    Args:
        kind: The type.
        mode: How the model is told; None: by what it can.

    Attributes:
        mode: How it was told last.
    """

    def __init__(self, kind: OutputType[object], mode: OutputMode | None = None) -> None:
        if mode is not None and mode not in typing.get_args(OutputMode):
            raise ConfigError(f"output_mode={mode!r}: write 'native', 'tool' or 'prompted'")
        self.kind = kind
        self.mode: OutputMode | None = mode
        self._mode = mode

    @property
    def tool_name(self) -> str | None:
        """The tool that the answer goes by; None in the modes that have it in the text."""
        return ANSWER_TOOL if self.mode == "tool" else None

    def asked(self, request: CompletionRequest, model: CompletionModel) -> CompletionRequest:
        """`request`, with what tells `model` of the type."""
        request = structs.replace(request, output_schema=None)
        mode = self._mode or mode_for(model.capabilities, tools=bool(request.tools))
        self.mode = mode
        if mode == "native":
            return structs.replace(request, output_schema=self.kind.schema)
        if mode == "prompted":
            return structs.replace(
                request, preamble=_with(request.preamble, instructions(self.kind))
            )
        if any(tool.name == ANSWER_TOOL for tool in request.tools):
            raise ConfigError(
                f"the agent has a tool named {ANSWER_TOOL!r}, which is what the answer goes by: "
                "rename it, or write output_mode='native' or 'prompted'"
            )
        choice = request.tool_choice
        nothing_else = not request.tools or (choice is not None and choice.mode == "none")
        can_be_forced = model.capabilities.tool_choice and request.reasoning is None
        alone = nothing_else and can_be_forced
        forced = ToolChoice("specific", (ANSWER_TOOL,)) if alone else choice
        text = self.kind.description or "Give the answer."
        answer = ToolDefinition(ANSWER_TOOL, text, self.kind.schema.schema)
        preamble = request.preamble if alone else _with(request.preamble, _ASK)
        return structs.replace(
            request, tools=(*request.tools, answer), tool_choice=forced, preamble=preamble
        )

    def judge(self, response: CompletionResponse, before: str = "") -> Verdict | None:
        """Whether the answer fits; None when it is none yet, but asks for tools.

        Args:
            response: What the model said.
            before: Its words before the provider paused.

        Raises:
            OutputInvalid: it was cut off, or refused: another try would be as well.
        """
        calls = response.message.tool_calls
        given = [call for call in calls if call.name == self.tool_name]
        if given:
            verdict = self._judge_calls(given)
            if isinstance(verdict, Rejected):
                self._check_end(response, verdict.raw)
            return verdict
        if calls or (response.finish_reason is not None and response.finish_reason.unfinished):
            return None
        text = before + response.message.text
        self._check_end(response, text)
        try:
            found = find_json(text)
            self.kind.parse(found)
        except Misfit as misfit:
            return Rejected(str(misfit), text)
        return Accepted(found)

    def _judge_calls(self, calls: list[ToolCall]) -> Verdict:
        """The first that fits; else what is wrong with the last, and so with all."""
        verdicts = [self._judge_call(call) for call in calls]
        return next((one for one in verdicts if isinstance(one, Accepted)), verdicts[-1])

    def _judge_call(self, call: ToolCall) -> Verdict:
        raw = call.malformed if call.malformed is not None else compact(call.arguments)
        if call.malformed is not None:
            return Rejected("the arguments were no JSON object", raw, call.id)
        try:
            self.kind.convert(call.arguments)
        except Misfit as misfit:
            return Rejected(str(misfit), raw, call.id)
        return Accepted(raw, call.id)

    def _check_end(self, response: CompletionResponse, text: str) -> None:
        finish = response.finish_reason
        remedy = {
            "length": "the token limit cut the answer off: raise max_tokens",
            "content_filter": "the provider's filter, or the model, refused to answer",
        }.get(finish.kind if finish is not None else "")
        if remedy is not None:
            try:
                self.kind.parse(text)
            except Misfit as misfit:
                error = OutputInvalid(remedy)
                error.raw = text
                raise error from misfit


def mode_for(capabilities: Capabilities, *, tools: bool) -> OutputMode:
    """How a model that can do this is best told what its answer has to be.

    >>> mode_for(Capabilities(), tools=True)
    'native'
    >>> mode_for(Capabilities(structured_output=False, tools=False), tools=False)
    'prompted'
    """
    if capabilities.structured_output and (capabilities.native_output_with_tools or not tools):
        return "native"
    return "tool" if capabilities.tools else "prompted"


def _with(preamble: str | None, text: str) -> str:
    return text if preamble is None else f"{preamble}\n\n{text}"
