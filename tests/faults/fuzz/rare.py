"""Answers with what is rare: hosted tools, citations, images, arguments in pieces, old shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rig_sync._json import Json, JsonObject, compact

__all__ = ["ERRORS", "RARE", "Rare"]


class Rare(NamedTuple):
    """Streams, as names and data of their frames, and whole bodies."""

    streams: Sequence[Sequence[tuple[str, str]]]
    bodies: Sequence[Json]


def _plain(*frames: Json) -> list[tuple[str, str]]:
    texts = [frame if isinstance(frame, str) else compact(frame) for frame in frames]
    return [("message", text) for text in texts]


def _typed(*frames: JsonObject) -> list[tuple[str, str]]:
    return [(str(frame["type"]), compact(frame)) for frame in frames]


def _named(*frames: tuple[str, Json]) -> list[tuple[str, str]]:
    return [(name, compact(payload)) for name, payload in frames]


# OpenAI chat ------------------------------------------------------------------------------------


def _delta(delta: Json, finish: Json = None, **more: Json) -> JsonObject:
    choice: JsonObject = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "model": "m", "choices": [choice], **more}


_GOOGLE: JsonObject = {"google": {"thought_signature": "c2ln"}}
_CUSTOM: JsonObject = {"index": 1, "id": "b", "custom": {"name": "run", "input": 'print("'}}
_CHAT = Rare(
    [
        _plain(
            _delta({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "I "}]}),
            _delta({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "see"}]}),
            _delta(
                {
                    "reasoning": "x",
                    "reasoning_details": [
                        {"type": "reasoning.summary", "index": 1, "id": "r", "summary": "seen"},
                        {"type": "reasoning.encrypted", "index": 2, "data": "AAAA"},
                        {"type": "reasoning.text", "index": 0, "signature": "c2ln"},
                    ],
                }
            ),
            _delta({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, "a"]}),
            _delta({"content": [{"type": "text", "text": "b"}, {"type": "image_url"}]}),
            _delta({"refusal": "no", "content": None}),
            _delta({"tool_calls": [{"index": 0, "id": 7, "function": {"name": "f"}}]}),
            _delta({"tool_calls": {"index": 0, "function": {"arguments": {"a": 1}}}}),
            _delta({"tool_calls": [{**_CUSTOM, "extra_content": _GOOGLE}]}),
            _delta({"tool_calls": [{"index": 1, "custom": {"input": '1")'}}]}),
            _delta({}, "tool_calls", x_groq={"usage": {"prompt_tokens": 3}}),
            {"choices": [], "usage": {"prompt_tokens": 1, "total_tokens": 2, "cached_tokens": 1}},
            "[DONE]",
        ),
        _plain(
            _delta({"function_call": {"name": "f", "arguments": '{"a"'}}),
            _delta({"function_call": {"arguments": ":1}"}}, "function_call"),
            "[DONE]",
        ),
        _plain(_delta({"content": "a"}), {"error": {"message": "no", "code": 429}}),
        _plain({"object": "error", "message": "no", "code": 400}),
        _plain(_delta({"content": "a"}, "error", error={"message": "upstream", "code": 502})),
        _plain({"object": "thing"}, {"choices": None}, _delta(None), _delta({}, "length")),
    ],
    [
        {
            "id": "c",
            "choices": [
                {
                    "message": {
                        "content": "a",
                        "tool_calls": [
                            {"id": "x", "custom": {"name": "run", "input": "1"}},
                            {"id": "y", "function": {"name": "f", "arguments": {"a": 1}}},
                        ],
                    },
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 1.0, "completion_tokens_details": {"reasoning_tokens": 2}},
        },
        {"error": {"message": "no", "type": "server_error"}, "usage": None},
    ],
)

# OpenAI Responses -------------------------------------------------------------------------------

_SEARCH: JsonObject = {"type": "web_search_call", "id": "ws", "action": {"query": "q"}}
_THOUGHT: JsonObject = {
    "type": "reasoning",
    "id": "rs",
    "summary": [{"type": "summary_text", "text": "s"}],
    "content": [{"type": "reasoning_text", "text": "t"}],
    "encrypted_content": "AAAA",
    "status": "completed",
}
_SAID: JsonObject = {
    "type": "message",
    "id": "msg",
    "role": "assistant",
    "phase": "final_answer",
    "content": [
        {"type": "output_text", "text": "a", "annotations": [{"url": "u"}], "logprobs": [1]},
        {"type": "refusal", "refusal": "no"},
    ],
}
_FREE: JsonObject = {
    "type": "custom_tool_call",
    "id": "ct",
    "call_id": "c2",
    "name": "run",
    "input": "1",
}
_CALLED: JsonObject = {
    "type": "function_call",
    "id": "fc",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a":1}',
    "namespace": "n",
}
_WHOLE: JsonObject = {
    "id": "resp",
    "model": "m",
    "status": "completed",
    "output": [_THOUGHT, _SAID, _CALLED, _FREE, _SEARCH],
    "usage": {"input_tokens": 1, "output_tokens_details": {"reasoning_tokens": 1}},
}
_R = "response."
_RESPONSES = Rare(
    [
        _typed(
            {"type": _R + "created", "response": {"id": "resp", "model": "m"}},
            {"type": _R + "output_item.added", "output_index": 0, "item": {"type": "reasoning"}},
            {
                "type": _R + "reasoning_summary_text.delta",
                "output_index": 0,
                "summary_index": 0,
                "delta": "s",
            },
            {
                "type": _R + "reasoning_text.delta",
                "item_id": "rs",
                "content_index": 1,
                "delta": "t",
            },
            {"type": _R + "output_item.done", "output_index": 0, "item": _THOUGHT},
            {"type": _R + "output_text.delta", "output_index": 1, "delta": "a"},
            {"type": _R + "refusal.delta", "item_id": "msg", "delta": "no"},
            {"type": _R + "output_item.done", "output_index": 1, "item": _SAID},
            {"type": _R + "output_item.added", "item": {**_CALLED, "arguments": ""}},
            {"type": _R + "function_call_arguments.delta", "item_id": "fc", "delta": '{"a":1}'},
            {"type": _R + "output_item.done", "item": _CALLED},
            {"type": _R + "output_item.done", "output_index": 3, "item": _FREE},
            {"type": _R + "output_item.done", "output_index": 4, "item": _SEARCH},
            {"type": _R + "completed", "response": _WHOLE},
        ),
        _typed({"type": "error", "code": "x", "message": "no", "param": None}),
        _typed({"type": _R + "failed", "response": {"error": {"code": "server_error"}}}),
        _typed(
            {"type": _R + "in_progress", "response": {"id": "r"}},
            {"type": _R + "something.new", "delta": {"a": 1}},
            {"type": _R + "incomplete", "response": {"incomplete_details": {"reason": "x"}}},
        ),
    ],
    [_WHOLE, {"status": "failed", "error": {"code": "x"}}, {"output": "a", "usage": {}}],
)

# Anthropic Messages -----------------------------------------------------------------------------


def _block(index: int, block: JsonObject, *deltas: JsonObject) -> list[JsonObject]:
    told: list[JsonObject] = [
        {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
    ]
    start: JsonObject = {"type": "content_block_start", "index": index, "content_block": block}
    return [start, *told, {"type": "content_block_stop", "index": index}]


_SERVER_CALL: JsonObject = {"type": "server_tool_use", "id": "s", "name": "search", "input": {}}
_FOUND: JsonObject = {
    "type": "web_search_tool_result",
    "tool_use_id": "s",
    "content": [{"url": "u"}],
}
_ANTHROPIC = Rare(
    [
        _typed(
            {"type": "message_start", "message": {"id": "m1", "model": "m", "usage": {}}},
            *_block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "c2ln"},
            ),
            *_block(1, {"type": "redacted_thinking", "data": "AAAA"}),
            *_block(
                2,
                {"type": "text", "text": "", "citations": []},
                {"type": "text_delta", "text": "a"},
                {"type": "citations_delta", "citation": {"cited_text": "b"}},
            ),
            *_block(3, _SERVER_CALL, {"type": "input_json_delta", "partial_json": '{"q":'}),
            *_block(4, _FOUND),
            *_block(
                5,
                {"type": "compaction", "content": "x"},
                {"type": "compaction_delta", "content": "y", "tokens": 3},
            ),
            *_block(
                6,
                {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "x"}},
                {"type": "input_json_delta", "partial_json": '{"a":1}'},
            ),
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use"},
                "usage": {"input_tokens": 2, "cache_read_input_tokens": 1, "output_tokens": 5},
            },
            {"type": "message_stop"},
        ),
        _typed(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}},
            {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "a"}},
            {"type": "content_block_delta", "delta": {"type": "input_json_delta"}},
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
        ),
    ],
    [
        {
            "id": "m1",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "AAAA"},
                {"type": "text", "text": "a", "citations": [{"cited_text": "b"}]},
                _SERVER_CALL,
                _FOUND,
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ],
            "stop_reason": "pause_turn",
            "usage": {"input_tokens": 1, "output_tokens_details": {"thinking_tokens": 1}},
        }
    ],
)

# Gemini -----------------------------------------------------------------------------------------


def _candidate(*parts: Json, **more: Json) -> JsonObject:
    inner: JsonObject = {"content": {"role": "model", "parts": [*parts]}, "index": 0, **more}
    return {"candidates": [inner], "responseId": "r", "modelVersion": "m"}


_PARTS: list[Json] = [
    {"thought": True, "text": "hm", "thoughtSignature": "c2ln"},
    {"text": "a", "thoughtSignature": "c2ln"},
    {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
    {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
]
_GEMINI = Rare(
    [
        _plain(
            *(_candidate(part) for part in _PARTS),
            _candidate({"functionCall": {"name": "g", "willContinue": True}}),
            _candidate(
                {
                    "functionCall": {
                        "partialArgs": [
                            {"jsonPath": "$.a", "stringValue": "x", "willContinue": True},
                            {"jsonPath": "$.a", "stringValue": "y"},
                            {"jsonPath": "$.b[0]", "numberValue": 1.0},
                            {"jsonPath": "$['c d'].e", "boolValue": True},
                            {"jsonPath": "$.f", "nullValue": "NULL_VALUE"},
                        ],
                        "willContinue": True,
                    }
                }
            ),
            _candidate({"functionCall": {}}),
            {
                **_candidate(
                    finishReason="STOP", groundingMetadata={"chunks": []}, citationMetadata={"a": 1}
                ),
                "usageMetadata": {
                    "promptTokenCount": 1,
                    "candidatesTokenCount": 2,
                    "thoughtsTokenCount": 3,
                },
            },
        ),
        _plain({"promptFeedback": {"blockReason": "SAFETY"}}),
        _plain(_candidate({"text": "a"}), {"error": {"code": 503, "status": "UNAVAILABLE"}}),
        _plain({"message": "no", "code": 400}),
        _plain([{"error": {"code": 400, "message": "no"}}]),
    ],
    [
        [_candidate({"text": "a"}), _candidate(*_PARTS, finishReason=2)],
        {**_candidate(*_PARTS, finishReason=1), "usageMetadata": {"totalTokenCount": 4}},
    ],
)

_IMAGE: JsonObject = {"type": "image", "data": "AAAA", "mime_type": "image/png"}
_HOSTED: JsonObject = {"type": "google_search_call", "id": "g", "arguments": {"queries": ["q"]}}
_STEPS: list[Json] = [
    {"type": "thought", "summary": [{"type": "text", "text": "hm"}], "signature": "c2ln"},
    {"type": "model_output", "content": [{"type": "text", "text": "a"}, _IMAGE, _HOSTED]},
    {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}, "signature": "s"},
    {**_HOSTED},
    {"type": "user_input", "content": []},
]


def _step(index: int, start: JsonObject, *deltas: JsonObject) -> list[Json]:
    told: list[Json] = [
        {"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas
    ]
    begin: JsonObject = {"event_type": "step.start", "index": index, "step": start}
    return [begin, *told, {"event_type": "step.stop", "index": index}]


_INTERACTIONS = Rare(
    [
        _plain(
            {"event_type": "interaction.created", "interaction": {"id": "i", "model": "m"}},
            *_step(
                0,
                {"type": "thought"},
                {"type": "thought_summary", "content": {"type": "text", "text": "hm"}},
                {"type": "thought_signature", "signature": "c2ln"},
            ),
            *_step(
                1,
                {"type": "model_output"},
                {"type": "text", "text": "a", "annotations": [{"url": "u"}]},
                _IMAGE,
                {"type": "function_call", "id": "x", "name": "g", "arguments": {}},
            ),
            *_step(
                2,
                {"type": "function_call", "id": "c", "name": "f"},
                {"type": "arguments_delta", "arguments": '{"a":1}'},
                {"type": "function_call", "id": "c", "name": "f"},
            ),
            *_step(
                3,
                {**_HOSTED, "result": [1]},
                {"type": "arguments_delta", "arguments": '{"q"'},
                {"type": "google_search_call", "result": [2], "more": {"a": 1}},
            ),
            {"event_type": "step.delta", "delta": {"type": "text", "text": "b"}},
            {"event_type": "interaction.status_update", "metadata": {"usage": {"total_tokens": 3}}},
            {
                "event_type": "interaction.completed",
                "interaction": {"id": "i", "status": "completed", "usage": {"total_tokens": 3}},
            },
            "[DONE]",
        ),
        _plain({"event_type": "error", "error": {"code": "x", "message": "no"}}),
        _plain({"event_type": "interaction.failed", "interaction": {"status": "failed"}}),
    ],
    [{"id": "i", "status": "requires_action", "steps": _STEPS, "usage": {"total_tokens": 3}}],
)

# Cohere, Ollama, Bedrock ------------------------------------------------------------------------


def _cohere(kind: str, message: Json, index: int | None = 0) -> JsonObject:
    return {"type": kind, "index": index, "delta": {"message": message}}


_CITATION: JsonObject = {"start": 0, "end": 1, "text": "a", "type": "TEXT_CONTENT"}
_COHERE = Rare(
    [
        _typed(
            {"type": "message-start", "id": "c"},
            _cohere("tool-plan-delta", {"tool_plan": "I will"}),
            _cohere("citation-start", {"citations": {**_CITATION, "type": "PLAN"}}),
            _cohere("content-start", {"content": {"type": "thinking", "thinking": "h"}}),
            _cohere("content-delta", {"content": {"thinking": "m"}}),
            {"type": "content-end", "index": 0},
            _cohere("content-start", {"content": {"type": "text", "text": ""}}, 1),
            _cohere("content-delta", {"content": {"text": "a"}}, 1),
            _cohere("citation-start", {"citations": [_CITATION]}),
            {"type": "citation-end", "index": 0},
            {"type": "content-end", "index": 1},
            _cohere(
                "tool-call-start", {"tool_calls": {"id": "t", "function": {"name": "f"}}}, None
            ),
            _cohere("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"a":1}'}}}),
            {"type": "tool-call-end", "index": 0},
            {"type": "debug", "prompt": "x"},
            {
                "type": "message-end",
                "delta": {
                    "finish_reason": "TOOL_CALL",
                    "usage": {"tokens": {"input_tokens": 9.0}, "cached_tokens": 1},
                },
            },
        ),
        _typed({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no"}}),
        [("error", '{"message":"no"}')],
    ],
    [
        {
            "id": "c",
            "finish_reason": "COMPLETE",
            "message": {
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "a"},
                    {"type": "image", "url": "u"},
                ],
                "tool_plan": "I will",
                "citations": [_CITATION, {"type": "PLAN"}],
                "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{}"}}],
            },
            "usage": {"tokens": {"input_tokens": 9.0}},
        }
    ],
)

_CALL: JsonObject = {"function": {"name": "f", "arguments": {"a": 1}}}
_OLLAMA = Rare(
    [
        _plain(
            {"model": "m", "message": {"thinking": "hm"}, "done": False},
            {"model": "m", "message": {"content": "a", "tool_calls": [_CALL, _CALL]}},
            {"status": "loading"},
            {"done": True, "done_reason": "stop", "eval_count": 2, "prompt_eval_count": 1},
        ),
        _plain({"error": "no"}),
    ],
    [{"model": "m", "message": {"content": "a", "tool_calls": [_CALL]}, "done_reason": "load"}],
)

_HOSTED_USE: JsonObject = {"toolUseId": "s", "name": "code", "type": "server_tool_use"}
_BEDROCK = Rare(
    [
        _named(
            ("messageStart", {"role": "assistant"}),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "h"}}},
            ),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}},
            ),
            (
                "contentBlockDelta",
                {
                    "contentBlockIndex": 0,
                    "delta": {"reasoningContent": {"redactedContent": "AAAA"}},
                },
            ),
            (
                "contentBlockDelta",
                {
                    "contentBlockIndex": 0,
                    "delta": {"reasoningContent": {"redactedContent": "QQ=="}},
                },
            ),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "a"}}),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"citation": {"title": "t"}}}),
            ("contentBlockStop", {"contentBlockIndex": 1}),
            ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": _HOSTED_USE}}),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"a":1}'}}},
            ),
            ("contentBlockStop", {"contentBlockIndex": 2}),
            (
                "contentBlockStart",
                {"contentBlockIndex": 3, "start": {"toolResult": {"toolUseId": "s"}}},
            ),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 3, "delta": {"toolResult": [{"text": "x"}, {"json": {}}]}},
            ),
            ("contentBlockStop", {"contentBlockIndex": 3}),
            ("contentBlockStart", {"contentBlockIndex": 4, "start": {"image": {"format": "png"}}}),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 4, "delta": {"image": {"source": {"bytes": "AAAA"}}}},
            ),
            (
                "contentBlockDelta",
                {"contentBlockIndex": 4, "delta": {"image": {"source": {"bytes": "QQ=="}}}},
            ),
            ("contentBlockStop", {"contentBlockIndex": 4}),
            (
                "contentBlockStart",
                {"contentBlockIndex": 5, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}},
            ),
            ("contentBlockDelta", {"contentBlockIndex": 5, "delta": {"toolUse": {"input": "{}"}}}),
            ("contentBlockStop", {"contentBlockIndex": 5}),
            ("messageStop", {"stopReason": "tool_use", "p": "abc"}),
            ("metadata", {"usage": {"inputTokens": 1, "cacheReadInputTokens": 2}, "metrics": {}}),
        ),
        _named(("throttlingException", {"message": "slow"})),
        _named(("error", {"code": "InternalFailure", "message": "no"})),
        _named(("somethingNew", {"a": 1}), ("messageStop", {"stopReason": "max_tokens"})),
    ],
    [
        {
            "output": {
                "message": {
                    "content": [
                        {"text": "a"},
                        {"reasoningContent": {"reasoningText": {"text": "h", "signature": "s"}}},
                        {"reasoningContent": {"redactedContent": "AAAA"}},
                        {"citationsContent": {"content": [{"text": "b"}], "citations": [{}]}},
                        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
                        {"toolUse": _HOSTED_USE},
                        {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
                        {"video": {"format": "mp4"}},
                    ]
                }
            },
            "stopReason": "tool_use",
            "usage": {"inputTokens": 1},
        },
        {"message": "no"},
    ],
)

RARE: dict[str, Rare] = {
    "anthropic_messages": _ANTHROPIC,
    "bedrock_converse": _BEDROCK,
    "cohere_chat": _COHERE,
    "gemini_generate": _GEMINI,
    "gemini_interactions": _INTERACTIONS,
    "ollama_chat": _OLLAMA,
    "openai_chat": _CHAT,
    "openai_responses": _RESPONSES,
}
"""By wire."""

_RETRY_INFO: JsonObject = {"@type": "google.rpc.RetryInfo", "retryDelay": "34.4s"}
ERRORS: tuple[Json, ...] = (
    {"error": {"message": "no", "type": "invalid_request_error", "code": "x", "param": None}},
    {"error": "no"},
    {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "request_id": "r"},
    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [_RETRY_INFO]}},
    [{"error": {"code": 400, "message": "no", "details": [{"reason": "API_KEY_INVALID"}]}}],
    {"id": "1", "message": "no"},
    {"Message": "no"},
    {"detail": [{"loc": ["body"], "msg": "wrong"}]},
    {"code": "x", "error": "words", "status_code": 503},
)
"""Bodies of errors."""
