"""What came of one exchange against what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rig_sync.completion import CompletionResponse, Usage
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    ResponseDecodeError,
    ServerError,
    StreamTruncated,
)
from rig_sync.message import (
    AssistantContent,
    AssistantMessage,
    ProviderBlock,
    ReasoningEncrypted,
    ReasoningRedacted,
    Text,
    ToolCall,
)
from rig_sync.streaming.calls import parse_arguments
from rig_sync.streaming.items import (
    Delta,
    Name,
    Reasoning,
    ReasoningDelta,
    StreamedAssistantContent,
    StreamError,
    StreamFinal,
    ToolCallDelta,
)
from tests.wire.asking import Outcome
from tests.wire.corpus import Expected, ExpectedCall, ExpectedError

__all__ = ["Difference", "differences", "is_cut"]

FINISH_WORDS = {
    "stop": "stop end_turn stop_sequence STOP completed COMPLETE STOP_SEQUENCE",
    "length": "length max_tokens MAX_TOKENS model_length incomplete:max_output_tokens",
    "tool_calls": "tool_calls tool_use TOOL_CALL requires_action",
    "content_filter": "content_filter refusal SAFETY incomplete:content_filter",
}
FINISH_KINDS = {word: kind for kind, words in FINISH_WORDS.items() for word in words.split()}
ERROR_TYPES: dict[int, tuple[type[ProviderError], ...]] = {
    400: (BadRequest, NotFound),  # OpenAI also answers 400 for a model that is none
    401: (AuthenticationError,),
    403: (PermissionDenied,),
    404: (NotFound,),
    413: (BadRequest,),
    422: (BadRequest,),
    429: (RateLimited,),
}


class Difference(NamedTuple):
    """One field that is not as it should be."""

    field: str
    ours: object
    expected: object


def is_cut(call: ExpectedCall, finish: str | None) -> bool:
    """Whether the answer broke off inside this call, so that it must never run."""
    broken = isinstance(call.arguments, dict) and "__unparsed__" in call.arguments
    return broken or (not call.raw and FINISH_KINDS.get(finish or "") == "length")


def differences(expected: Expected, outcome: Outcome) -> list[Difference]:
    """Every scored field in which the two differ."""
    found = list(_of_error(expected, outcome.error))
    response = outcome.response
    if response is None:
        return found or [Difference("response", None, "something")]
    if expected.error is None or expected.error.where != "status":
        found += _of_response(expected, response)
    if outcome.items is not None:
        found += _of_items(outcome.items, response, failed=outcome.error is not None)
    return found


def _of_error(expected: Expected, ours: Exception | None) -> Iterator[Difference]:
    wanted = expected.error
    if wanted is None:
        truncated = not expected.complete and expected.finish is None
        if truncated != isinstance(ours, StreamTruncated) or (ours and not truncated):
            yield Difference("error", repr(ours), "StreamTruncated" if truncated else None)
        return
    if not isinstance(ours, ProviderError) or isinstance(ours, ResponseDecodeError):
        yield Difference("error", repr(ours), wanted)
        return
    if wanted.where == "status":
        if ours.status != expected.status:
            yield Difference("error.status", ours.status, expected.status)
        server: tuple[type[ProviderError], ...] = (ProviderError,)
        if expected.status >= 500:
            server = (ServerError, Overloaded)
        if expected.family == "gemini.generate" and "API key" in ours.message:
            server = (AuthenticationError,)  # Google answers 400
        elif expected.status in ERROR_TYPES:
            server = ERROR_TYPES[expected.status]
        if not isinstance(ours, server):
            yield Difference("error.type", type(ours).__name__, expected.status)
    code = _code(wanted, expected.family)
    in_a_header = code is None and expected.family.startswith("bedrock.")  # only bodies were read
    if ours.code != code and not in_a_header:
        yield Difference("error.code", ours.code, code)


def _code(error: ExpectedError, family: str) -> str | None:
    """The provider's word for it; Google's `code` is the HTTP status once more."""
    if error.code in (None, "") or (family == "gemini.generate" and error.type):
        return error.type
    return str(error.code)


def _of_response(expected: Expected, ours: CompletionResponse) -> Iterator[Difference]:
    pairs: list[tuple[str, object, object]] = [
        ("text", ours.text, expected.text + expected.refusal),
        ("reasoning", _readable(ours), _packed(expected.reasoning)),
        (
            "blocks (signature, encrypted)",
            _blocks(expected.family, ours.message),
            [(b.signature, b.encrypted) for b in expected.blocks],
        ),
        ("model", ours.model, expected.model),
    ]
    ids: list[str | None] = [*expected.ids] or [None]
    if ours.ids.response not in ids:
        pairs.append(("id", ours.ids.response, ids))
    pairs += _counts(expected, ours.usage)
    for field, mine, right in pairs:
        if mine != right:
            yield Difference(field, mine, right)
    yield from _of_finish(expected, ours)
    yield from _of_calls(expected, ours)


def _blocks(family: str, ours: AssistantMessage) -> list[tuple[bool, bool]]:
    """What came with each block of thinking: is it signed, is it sealed?

    Gemini signs any part; the recordings count its thoughts and signatures as one block.
    """
    blocks = [(bool(block.signature), _is_sealed(block)) for block in ours.reasoning]
    if family != "gemini.generate":
        return blocks
    signed = any(map(_is_signed, ours.content))
    return [(signed, False)] if signed or blocks else []


def _is_signed(part: AssistantContent) -> bool:
    if isinstance(part, (Reasoning, ToolCall)):
        return bool(part.signature)
    data = part.payload if isinstance(part, ProviderBlock) else part.provider_data
    return bool(data and data.get("thoughtSignature"))


def _is_sealed(block: Reasoning) -> bool:
    return any(isinstance(p, (ReasoningEncrypted, ReasoningRedacted)) for p in block.content)


def _packed(text: str) -> str:
    return "".join(text.split())


def _readable(ours: CompletionResponse) -> str:
    return _packed("".join(block.text for block in ours.message.reasoning))


def _of_finish(expected: Expected, ours: CompletionResponse) -> Iterator[Difference]:
    reason, word = ours.finish_reason, expected.finish
    if reason is None or word is None:
        if reason is not None or word is not None:
            yield Difference("finish", reason, word)
        return
    kind = "content_filter" if word.startswith("blocked:") else FINISH_KINDS.get(word)
    if kind == "stop" and expected.tool_calls:
        kind = "tool_calls"
    if reason.kind != kind and (kind is not None or reason.raw != word):
        yield Difference("finish", reason, word)


def _counts(expected: Expected, usage: Usage) -> Iterator[tuple[str, object, object]]:
    """Our counts against the provider's, brought to the meaning that `Usage` documents."""
    raw = expected.usage or {}
    right = {name: raw.get(name) for name in ("input", "output", "total", "cached")}
    if expected.family.startswith(("anthropic.", "bedrock.")) and right["input"] is not None:
        right["input"] += (raw.get("cached") or 0) + (raw.get("cache_write") or 0)
    if expected.family.startswith("gemini.") and raw.get("reasoning") is not None:
        right["output"] = (right["output"] or 0) + (raw["reasoning"] or 0)
    yield "usage.input", usage.input_tokens, right["input"]
    yield "usage.output", usage.output_tokens, right["output"]
    yield "usage.total", usage.total_tokens, right["total"]
    yield "usage.cached", usage.cached_input_tokens, right["cached"]
    yield "usage.cache_write", usage.cache_creation_input_tokens, raw.get("cache_write")
    yield "usage.reasoning", usage.reasoning_tokens, raw.get("reasoning")


def _of_calls(expected: Expected, ours: CompletionResponse) -> Iterator[Difference]:
    whole = [call for call in expected.tool_calls if not is_cut(call, expected.finish)]
    if len(whole) == len(expected.tool_calls):
        if len(ours.message.tool_calls) != len(whole) or not all(
            map(_same_call, ours.message.tool_calls, whole)
        ):
            yield Difference("tool calls", _shown(ours), expected.tool_calls)
        if ours.defects:
            yield Difference("defects", ours.defects, ())
        return
    for call in ours.message.tool_calls:  # not scored, but nothing that was cut may run
        if call.malformed is None and not any(_same_call(call, right) for right in whole):
            yield Difference("cut tool call", _shown(ours), whole)


def _same_call(ours: ToolCall, right: ExpectedCall) -> bool:
    arguments: object = ours.arguments
    if isinstance(right.arguments, str):  # a custom tool takes free text
        custom = (ours.provider_data or {}).get("type") == "custom_tool_call"
        arguments = ours.arguments.get("input") if custom else arguments
    same_id = ours.id == right.id if right.id else bool(ours.id)
    return same_id and ours.name == right.name and arguments == right.arguments


def _shown(ours: CompletionResponse) -> list[tuple[str, str, object]]:
    return [
        (call.id, call.name, call.malformed or call.arguments) for call in ours.message.tool_calls
    ]


def _of_items(
    items: Sequence[StreamedAssistantContent], ours: CompletionResponse, *, failed: bool
) -> Iterator[Difference]:
    """What was streamed has to amount to the message."""
    calls = {call.internal_call_id or "": call for call in items if isinstance(call, ToolCall)}
    pieces = [item for item in items if isinstance(item, ToolCallDelta)]
    pairs: list[tuple[str, object, object]] = [
        ("text deltas", "".join(i.text for i in items if isinstance(i, Text)), ours.text),
        (
            "reasoning deltas",
            _packed("".join(i.text for i in items if isinstance(i, ReasoningDelta))),
            _readable(ours),
        ),
        (
            "reasoning items",
            tuple(i for i in items if isinstance(i, Reasoning)),
            ours.message.reasoning,
        ),
        (
            "tool call items",
            [c.id for c in calls.values()],
            [c.id for c in ours.message.tool_calls],
        ),
        ("calls without deltas", sorted(calls.keys() - {p.internal_call_id for p in pieces}), []),
        ("errors", [str(i.error) for i in items if isinstance(i, StreamError)], list(ours.defects)),
        ("finals", [type(i) for i in items].count(StreamFinal), 0 if failed else 1),
    ]
    for key, call in calls.items():
        told = [piece.content for piece in pieces if piece.internal_call_id == key]
        name = [content.name for content in told if isinstance(content, Name)]
        pairs.append(("name delta", name, [call.name]))
        text = "".join(content.arguments for content in told if isinstance(content, Delta))
        if call.malformed is None:
            pairs.append(("argument deltas", parse_arguments(text), call.arguments))
    if not failed and not isinstance(items[-1], StreamFinal):
        pairs.append(("last item", items[-1], "StreamFinal"))
    return (Difference(field, mine, right) for field, mine, right in pairs if mine != right)
