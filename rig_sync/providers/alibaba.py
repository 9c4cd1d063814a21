"""Alibaba Cloud Model Studio (Qwen).

Source: https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope
"""

from __future__ import annotations

from rig_sync._json import JsonObject
from rig_sync.client import Client as BaseClient
from rig_sync.completion import ReasoningOptions
from rig_sync.wire.embeddings import OpenAIEmbeddings
from rig_sync.wire.openai_chat import OpenAIChat

__all__ = ["QWEN3_VL_PLUS", "QWEN_MAX", "QWEN_PLUS", "TEXT_EMBEDDING_V4", "Client"]

QWEN_MAX = "qwen-max"
QWEN_PLUS = "qwen-plus"
QWEN3_VL_PLUS = "qwen3-vl-plus"
TEXT_EMBEDDING_V4 = "text-embedding-v4"


def _enabled_thinking(options: ReasoningOptions) -> JsonObject:
    """Qwen thinks or does not (the effort `none`), within a budget in tokens."""
    wanted: JsonObject = {"enable_thinking": options.effort != "none"}
    if options.budget is not None:
        wanted["thinking_budget"] = options.budget
    return wanted


class Client(BaseClient):
    """Alibaba's Model Studio, by its OpenAI-compatible address outside of China."""

    name = "alibaba"
    default_base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
    api_key_env = "DASHSCOPE_API_KEY"
    base_url_env = "DASHSCOPE_BASE_URL"
    embeddings = OpenAIEmbeddings(batch=10)
    wire = OpenAIChat(reasoning=_enabled_thinking)
