"""JSON that is no answer, on every wire: an error, never an empty answer."""

from __future__ import annotations

import pytest

from rig_sync.errors import ResponseDecodeError
from rig_sync.wire.anthropic_messages import AnthropicMessages
from rig_sync.wire.base import Wire
from rig_sync.wire.bedrock_converse import BedrockConverse
from rig_sync.wire.cohere_chat import CohereChat
from rig_sync.wire.gemini_generate import GeminiGenerate
from rig_sync.wire.gemini_interactions import GeminiInteractions
from rig_sync.wire.ollama_chat import OllamaChat
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_responses import OpenAIResponses
from tests.wire.asking import ask
from tests.wire.loopback import Answer, Loopback

WIRES: list[Wire] = [
    AnthropicMessages(),
    BedrockConverse(),
    CohereChat(),
    GeminiGenerate(),
    GeminiInteractions(),
    OllamaChat(),
    OpenAIChat(),
    OpenAIResponses(),
]


@pytest.mark.parametrize("body", [b"{}", b'{"hello": "you"}', b'{"data": {"choices": []}}'])
@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_an_object_that_is_no_answer(loopback: Loopback, wire: Wire, body: bytes) -> None:
    """A proxy's greeting, or an answer inside of something else; the error shows its beginning."""
    url = loopback.add(Answer(body, content_type="application/json"))
    outcome = ask(url, wire, streaming=False)
    assert isinstance(outcome.error, ResponseDecodeError)
    assert not outcome.error.recoverable
    assert outcome.error.body == body.decode()
