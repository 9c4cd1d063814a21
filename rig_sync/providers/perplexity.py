"""Perplexity: answers out of a web search.

Source: https://docs.perplexity.ai/api-reference/chat-completions-post
"""

from __future__ import annotations

from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.wire.openai_chat import OpenAIChat
from rig_sync.wire.openai_chat_request import alternating

__all__ = ["SONAR", "SONAR_DEEP_RESEARCH", "SONAR_PRO", "SONAR_REASONING_PRO", "Client"]

SONAR = "sonar"
SONAR_PRO = "sonar-pro"
SONAR_REASONING_PRO = "sonar-reasoning-pro"
SONAR_DEEP_RESEARCH = "sonar-deep-research"


class Client(BaseClient):
    """Perplexity. It calls no tools of yours."""

    name = "perplexity"
    default_base_url = "https://api.perplexity.ai"
    api_key_env = "PERPLEXITY_API_KEY"
    base_url_env = "PERPLEXITY_BASE_URL"
    capabilities = Capabilities(tools=False, tool_choice=False, native_output_with_tools=False)
    wire = OpenAIChat(include_usage=False, adapt=alternating)
