"""A document as the result of a tool, on every wire: beside the result, or after it."""

from __future__ import annotations

import pytest

from rig_sync._json import Json, JsonObject
from rig_sync.completion import CompletionRequest
from rig_sync.message import Document, Text, ToolCall, ToolResult, assistant, user
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse
from rig_sync.wire.cohere_chat import CohereChat
from rig_sync.wire.gemini_generate import GeminiGenerate
from rig_sync.wire.gemini_interactions import GeminiInteractions
from rig_sync.wire.ollama_chat import OllamaChat
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses

NOTE = Document(text="Bolt", name="a.txt")
TOLD = '<file name="a.txt">\nBolt\n</file>'
HISTORY = (
    user("Hi"),
    assistant(ToolCall("a", "look")),
    user(ToolResult("a", (Text("See."), NOTE))),
)
AFTER: list[Json] = [{"type": "text", "text": TOLD}]
SOURCE: JsonObject = {"type": "text", "media_type": "text/plain", "data": "Bolt"}
BOLT = "Qm9sdA=="

CASES: list[tuple[Wire, str, Json]] = [
    (
        AnthropicMessages(),
        "messages",
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [
                        {"type": "text", "text": "See."},
                        {"type": "document", "source": SOURCE, "title": "a.txt"},
                    ],
                }
            ],
        },
    ),
    (
        BedrockConverse(),
        "messages",
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "a",
                        "content": [
                            {"text": "See."},
                            {
                                "document": {
                                    "name": "a",
                                    "format": "txt",
                                    "source": {"bytes": BOLT},
                                }
                            },
                        ],
                    }
                }
            ],
        },
    ),
    (CohereChat(), "messages", {"role": "user", "content": AFTER}),
    (
        GeminiGenerate(),
        "contents",
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "look",
                        "response": {"result": "See."},
                        "parts": [{"inlineData": {"mimeType": "text/plain", "data": BOLT}}],
                    }
                }
            ],
        },
    ),
    (
        GeminiInteractions(),
        "input",
        {
            "type": "user_input",
            "content": [
                {
                    "type": "function_result",
                    "call_id": "a",
                    "name": "look",
                    "result": [{"type": "text", "text": "See."}, *AFTER],
                }
            ],
        },
    ),
    (OllamaChat(), "messages", {"role": "user", "content": TOLD}),
    (OpenAIChat(), "messages", {"role": "user", "content": AFTER}),
    (
        OpenAIResponses(),
        "input",
        {
            "type": "function_call_output",
            "call_id": "a",
            "output": [
                {"type": "input_text", "text": "See."},
                {"type": "input_text", "text": TOLD},
            ],
        },
    ),
]


@pytest.mark.parametrize(
    ("wire", "field", "last"), CASES, ids=lambda value: getattr(value, "name", "")
)
def test_the_document_goes_along(wire: Wire, field: str, last: Json) -> None:
    """The last of what is sent has it, in the wire's own form."""
    body = wire.encode(CompletionRequest("m", HISTORY), stream=False)
    said = body[field]
    assert isinstance(said, list)
    assert said[-1] == last
