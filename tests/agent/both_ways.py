"""One scripted server for both ways of asking, and a run made either way."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from rig_sync import (
    Agent,
    FinalResponse,
    Message,
    MultiTurnStreamItem,
    RigError,
    ToolResult,
    UserMessage,
)
from rig_sync.agent.run import AgentRun, RunSuspended
from rig_sync.message import unanswered_calls
from tests.server import DONE, Request, Script, chat_chunk, response, sse_response

__all__ = [
    "TOKENS",
    "WAYS",
    "Answer",
    "Ended",
    "Way",
    "body",
    "calls",
    "results",
    "said",
    "says",
    "whole",
]

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
TOKENS = USAGE["total_tokens"]

Answer = Callable[[Request], Script]


def says(*texts: str, thinks: Sequence[str] = ()) -> Answer:
    """An answer in words, after some thinking."""
    deltas: list[object] = [{"reasoning_content": text} for text in thinks]
    deltas += [{"content": text} for text in texts]
    message: dict[str, object] = {"role": "assistant", "content": "".join(texts)}
    if thinks:
        message["reasoning_content"] = "".join(thinks)
    return _either(deltas, message, "stop")


def calls(*wanted: tuple[str, object], first: int = 0, text: str = "") -> Answer:
    """Calls of tools by name and arguments; a string is sent as it is. Ids are c0, c1, …."""
    made = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for number, (name, given) in enumerate(wanted, first)
    ]
    deltas: list[object] = [{"content": text}] if text else []
    deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in enumerate(made)]
    message = {"role": "assistant", "content": text or None, "tool_calls": made}
    return _either(deltas, message, "tool_calls")


def _either(deltas: list[object], message: object, finish: str) -> Answer:
    """The answer as a stream or as a whole, as the request wants it."""

    def answer(request: Request) -> Script:
        if body(request).get("stream"):
            end = chat_chunk(finish=finish, usage=USAGE)
            return sse_response(*map(chat_chunk, deltas), end, DONE)
        return whole(message, finish)

    return answer


def whole(message: object, finish: str = "stop") -> Script:
    """A one-shot answer."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    answer = {"id": "chat-1", "model": "scripted", "choices": [choice], "usage": USAGE}
    return response(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())


def body(request: Request) -> dict[str, object]:
    """What was asked."""
    return cast("dict[str, object]", request.json)


def said(request: Request) -> list[tuple[object, object]]:
    """Role and content of each message that was sent."""
    messages = cast("list[dict[str, object]]", body(request)["messages"])
    return [(message["role"], message.get("content")) for message in messages]


class Ended(NamedTuple):
    """How a run ended; `items` are those of a stream."""

    history: tuple[Message, ...]
    final: FinalResponse | None = None
    error: RigError | None = None
    items: tuple[MultiTurnStreamItem, ...] = ()
    run: AgentRun | None = None

    @property
    def reply(self) -> str:
        """The words of the answer; there has to be one."""
        assert self.final is not None, self.error
        return self.final.output


class Way(NamedTuple):
    """Streamed or one-shot."""

    name: str
    streamed: bool

    def __call__(self, agent: Agent, prompt: str | AgentRun = "Go.", **options: object) -> Ended:
        """Run `agent`; its history answers every call, however it ends."""
        ended = self._streamed(agent, prompt, options) if self.streamed else None
        ended = ended or self._folded(agent, prompt, options)
        assert unanswered_calls(ended.history) == []
        assert ended.error is None or ended.error.history == ended.history
        return ended

    def _streamed(self, agent: Agent, prompt: str | AgentRun, options: dict[str, object]) -> Ended:
        begin = agent.stream_resume if isinstance(prompt, AgentRun) else agent.stream_prompt
        stream = begin(prompt, **options)  # type: ignore[arg-type]  # as the caller gave them
        items: list[MultiTurnStreamItem] = []
        error = None
        try:
            items.extend(stream)
        except RigError as failure:
            error = failure
        final = stream.final if error is None else None
        return Ended(stream.messages, final, error, tuple(items), stream.run)

    def _folded(self, agent: Agent, prompt: str | AgentRun, options: dict[str, object]) -> Ended:
        begin = agent.resume if isinstance(prompt, AgentRun) else agent.prompt
        try:
            final = begin(prompt, **options)  # type: ignore[arg-type]  # as the caller gave them
        except RunSuspended as waiting:
            return Ended(waiting.history, run=waiting.run)
        except RigError as failure:
            return Ended(failure.history, error=failure)
        return Ended(final.messages, final)


WAYS = (Way("streamed", True), Way("one-shot", False))


def results(history: Sequence[Message]) -> list[tuple[str, str, bool]]:
    """Id, text and whether it is an error, of each tool result."""
    parts = [part for m in history if isinstance(m, UserMessage) for part in m.content]
    return [(one.id, one.text, one.is_error) for one in parts if isinstance(one, ToolResult)]
