"""rig_sync: streams from language models, in plain synchronous Python.

    from rig_sync import FinalResponse, StreamAssistantItem, Text
    from rig_sync.providers import openai

    agent = openai.Client.from_env().agent("gpt-5.5").preamble("You are a storyteller.").build()
    for item in agent.stream_prompt("Tell me a short story about a robot."):
        match item:
            case StreamAssistantItem(Text(text)):
                print(text, end="", flush=True)
            case FinalResponse(usage=usage):
                print(usage)

Names are loaded when they are first asked for (PEP 562): `import rig_sync` alone loads none of
requests, sseclient, tenacity and msgspec.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from rig_sync.version import VERSION as __version__

if TYPE_CHECKING:
    from rig_sync.agent.actions import Defer as Defer
    from rig_sync.agent.actions import Fail as Fail
    from rig_sync.agent.actions import Feedback as Feedback
    from rig_sync.agent.actions import Repair as Repair
    from rig_sync.agent.actions import Repeat as Repeat
    from rig_sync.agent.actions import Replace as Replace
    from rig_sync.agent.actions import RequestPatch as RequestPatch
    from rig_sync.agent.actions import Rewrite as Rewrite
    from rig_sync.agent.actions import Skip as Skip
    from rig_sync.agent.actions import Stop as Stop
    from rig_sync.agent.actions import UseModel as UseModel
    from rig_sync.agent.agent import Agent as Agent
    from rig_sync.agent.builder import AgentBuilder as AgentBuilder
    from rig_sync.agent.events import HookContext as HookContext
    from rig_sync.agent.events import InvalidToolCall as InvalidToolCall
    from rig_sync.agent.events import ModelSelection as ModelSelection
    from rig_sync.agent.events import RunFinished as RunFinished
    from rig_sync.agent.events import ToolCallEvent as ToolCallEvent
    from rig_sync.agent.events import ToolResultEvent as ToolResultEvent
    from rig_sync.agent.extractor import Extraction as Extraction
    from rig_sync.agent.extractor import Extractor as Extractor
    from rig_sync.agent.hooks import Hook as Hook
    from rig_sync.agent.hooks import hook as hook
    from rig_sync.agent.items import CompletionCall as CompletionCall
    from rig_sync.agent.items import FinalResponse as FinalResponse
    from rig_sync.agent.items import ModelTurnRetried as ModelTurnRetried
    from rig_sync.agent.items import MultiTurnStreamItem as MultiTurnStreamItem
    from rig_sync.agent.items import RunPending as RunPending
    from rig_sync.agent.items import StreamAssistantItem as StreamAssistantItem
    from rig_sync.agent.items import StreamUserItem as StreamUserItem
    from rig_sync.agent.items import ToolExecutionCommitted as ToolExecutionCommitted
    from rig_sync.agent.items import ToolExecutionStarted as ToolExecutionStarted
    from rig_sync.agent.items import ToolProgress as ToolProgress
    from rig_sync.agent.items import dump_item as dump_item
    from rig_sync.agent.items import load_item as load_item
    from rig_sync.agent.options import RunOptions as RunOptions
    from rig_sync.agent.options import TypedOptions as TypedOptions
    from rig_sync.agent.protocols import Chat as Chat
    from rig_sync.agent.protocols import Completion as Completion
    from rig_sync.agent.protocols import Prompt as Prompt
    from rig_sync.agent.protocols import StreamingChat as StreamingChat
    from rig_sync.agent.protocols import StreamingCompletion as StreamingCompletion
    from rig_sync.agent.protocols import StreamingPrompt as StreamingPrompt
    from rig_sync.agent.run import AgentRun as AgentRun
    from rig_sync.agent.run import RunSuspended as RunSuspended
    from rig_sync.agent.run import dump_run as dump_run
    from rig_sync.agent.run import load_run as load_run
    from rig_sync.agent.steps import CallModel as CallModel
    from rig_sync.agent.steps import CallTools as CallTools
    from rig_sync.agent.steps import Done as Done
    from rig_sync.agent.steps import PendingCall as PendingCall
    from rig_sync.agent.stream import AgentStream as AgentStream
    from rig_sync.agent.typed import TypedStream as TypedStream
    from rig_sync.catalog import Capabilities as Capabilities
    from rig_sync.catalog import ModelInfo as ModelInfo
    from rig_sync.client import Client as Client
    from rig_sync.completion import CompletionRequest as CompletionRequest
    from rig_sync.completion import CompletionResponse as CompletionResponse
    from rig_sync.completion import FinishReason as FinishReason
    from rig_sync.completion import ModelSettings as ModelSettings
    from rig_sync.completion import OutputSchema as OutputSchema
    from rig_sync.completion import ReasoningOptions as ReasoningOptions
    from rig_sync.completion import ToolChoice as ToolChoice
    from rig_sync.completion import ToolDefinition as ToolDefinition
    from rig_sync.completion import Usage as Usage
    from rig_sync.embedding import Embedding as Embedding
    from rig_sync.embedding import Embeddings as Embeddings
    from rig_sync.errors import Attempt as Attempt
    from rig_sync.errors import AuthenticationError as AuthenticationError
    from rig_sync.errors import BadRequest as BadRequest
    from rig_sync.errors import ConfigError as ConfigError
    from rig_sync.errors import ConnectFailed as ConnectFailed
    from rig_sync.errors import ConnectTimeout as ConnectTimeout
    from rig_sync.errors import ContextLengthExceeded as ContextLengthExceeded
    from rig_sync.errors import FirstEventTimeout as FirstEventTimeout
    from rig_sync.errors import HookFailed as HookFailed
    from rig_sync.errors import IdleTimeout as IdleTimeout
    from rig_sync.errors import LimitExceeded as LimitExceeded
    from rig_sync.errors import MaxTurnsExceeded as MaxTurnsExceeded
    from rig_sync.errors import ModelRetry as ModelRetry
    from rig_sync.errors import NotFound as NotFound
    from rig_sync.errors import OutputInvalid as OutputInvalid
    from rig_sync.errors import Overloaded as Overloaded
    from rig_sync.errors import PauseTimeout as PauseTimeout
    from rig_sync.errors import PermissionDenied as PermissionDenied
    from rig_sync.errors import PromptCancelled as PromptCancelled
    from rig_sync.errors import PromptError as PromptError
    from rig_sync.errors import ProviderError as ProviderError
    from rig_sync.errors import RateLimited as RateLimited
    from rig_sync.errors import ReadFailed as ReadFailed
    from rig_sync.errors import ResponseDecodeError as ResponseDecodeError
    from rig_sync.errors import RigError as RigError
    from rig_sync.errors import ServerError as ServerError
    from rig_sync.errors import SSELimitError as SSELimitError
    from rig_sync.errors import StreamMisuse as StreamMisuse
    from rig_sync.errors import StreamTimeout as StreamTimeout
    from rig_sync.errors import StreamTruncated as StreamTruncated
    from rig_sync.errors import ToolError as ToolError
    from rig_sync.errors import ToolRetriesExceeded as ToolRetriesExceeded
    from rig_sync.errors import ToolTimeout as ToolTimeout
    from rig_sync.errors import TotalTimeout as TotalTimeout
    from rig_sync.errors import TransportError as TransportError
    from rig_sync.errors import UnknownToolCall as UnknownToolCall
    from rig_sync.errors import UntrustedCertificate as UntrustedCertificate
    from rig_sync.limits import Limits as Limits
    from rig_sync.message import AssistantMessage as AssistantMessage
    from rig_sync.message import Audio as Audio
    from rig_sync.message import Document as Document
    from rig_sync.message import Image as Image
    from rig_sync.message import Message as Message
    from rig_sync.message import ProviderBlock as ProviderBlock
    from rig_sync.message import Reasoning as Reasoning
    from rig_sync.message import SystemMessage as SystemMessage
    from rig_sync.message import Text as Text
    from rig_sync.message import ToolCall as ToolCall
    from rig_sync.message import ToolResult as ToolResult
    from rig_sync.message import UserMessage as UserMessage
    from rig_sync.message import Video as Video
    from rig_sync.message import assistant as assistant
    from rig_sync.message import dump_messages as dump_messages
    from rig_sync.message import load_messages as load_messages
    from rig_sync.message import system as system
    from rig_sync.message import user as user
    from rig_sync.model import CompletionModel as CompletionModel
    from rig_sync.model import RequestBuilder as RequestBuilder
    from rig_sync.output import Partial as Partial
    from rig_sync.stdout import stream_to_stdout as stream_to_stdout
    from rig_sync.streaming.cancel import CancelToken as CancelToken
    from rig_sync.streaming.items import Delta as Delta
    from rig_sync.streaming.items import Name as Name
    from rig_sync.streaming.items import ReasoningDelta as ReasoningDelta
    from rig_sync.streaming.items import StreamedAssistantContent as StreamedAssistantContent
    from rig_sync.streaming.items import StreamError as StreamError
    from rig_sync.streaming.items import StreamFinal as StreamFinal
    from rig_sync.streaming.items import ToolCallDelta as ToolCallDelta
    from rig_sync.streaming.items import Unknown as Unknown
    from rig_sync.streaming.pause import PauseControl as PauseControl
    from rig_sync.streaming.response import (
        StreamingCompletionResponse as StreamingCompletionResponse,
    )
    from rig_sync.tools import StreamingTool as StreamingTool
    from rig_sync.tools import Tool as Tool
    from rig_sync.tools import ToolContext as ToolContext
    from rig_sync.tools import ToolIndex as ToolIndex
    from rig_sync.tools import ToolOptions as ToolOptions
    from rig_sync.tools import ToolSet as ToolSet
    from rig_sync.tools import embedding_scorer as embedding_scorer
    from rig_sync.tools import tool as tool
    from rig_sync.transport.address import InsecureUrlWarning as InsecureUrlWarning
    from rig_sync.transport.retry import RetryPolicy as RetryPolicy
    from rig_sync.transport.timeouts import Timeouts as Timeouts
    from rig_sync.unary import EmbeddingModel as EmbeddingModel

_HOMES = {
    "agent.actions": (
        "Defer",
        "Fail",
        "Feedback",
        "Repair",
        "Repeat",
        "Replace",
        "RequestPatch",
        "Rewrite",
        "Skip",
        "Stop",
        "UseModel",
    ),
    "agent.agent": ("Agent",),
    "agent.builder": ("AgentBuilder",),
    "agent.events": (
        "HookContext",
        "InvalidToolCall",
        "ModelSelection",
        "RunFinished",
        "ToolCallEvent",
        "ToolResultEvent",
    ),
    "agent.extractor": (
        "Extraction",
        "Extractor",
    ),
    "agent.hooks": (
        "Hook",
        "hook",
    ),
    "agent.items": (
        "CompletionCall",
        "FinalResponse",
        "ModelTurnRetried",
        "MultiTurnStreamItem",
        "RunPending",
        "StreamAssistantItem",
        "StreamUserItem",
        "ToolExecutionCommitted",
        "ToolExecutionStarted",
        "ToolProgress",
        "dump_item",
        "load_item",
    ),
    "agent.options": (
        "RunOptions",
        "TypedOptions",
    ),
    "agent.protocols": (
        "Chat",
        "Completion",
        "Prompt",
        "StreamingChat",
        "StreamingCompletion",
        "StreamingPrompt",
    ),
    "agent.run": (
        "AgentRun",
        "RunSuspended",
        "dump_run",
        "load_run",
    ),
    "agent.steps": (
        "CallModel",
        "CallTools",
        "Done",
        "PendingCall",
    ),
    "agent.stream": ("AgentStream",),
    "agent.typed": ("TypedStream",),
    "catalog": (
        "Capabilities",
        "ModelInfo",
    ),
    "client": ("Client",),
    "completion": (
        "CompletionRequest",
        "CompletionResponse",
        "FinishReason",
        "ModelSettings",
        "OutputSchema",
        "ReasoningOptions",
        "ToolChoice",
        "ToolDefinition",
        "Usage",
    ),
    "embedding": (
        "Embedding",
        "Embeddings",
    ),
    "errors": (
        "Attempt",
        "AuthenticationError",
        "BadRequest",
        "ConfigError",
        "ConnectFailed",
        "ConnectTimeout",
        "ContextLengthExceeded",
        "FirstEventTimeout",
        "HookFailed",
        "IdleTimeout",
        "LimitExceeded",
        "MaxTurnsExceeded",
        "ModelRetry",
        "NotFound",
        "OutputInvalid",
        "Overloaded",
        "PauseTimeout",
        "PermissionDenied",
        "PromptCancelled",
        "PromptError",
        "ProviderError",
        "RateLimited",
        "ReadFailed",
        "ResponseDecodeError",
        "RigError",
        "SSELimitError",
        "ServerError",
        "StreamMisuse",
        "StreamTimeout",
        "StreamTruncated",
        "ToolError",
        "ToolRetriesExceeded",
        "ToolTimeout",
        "TotalTimeout",
        "TransportError",
        "UnknownToolCall",
        "UntrustedCertificate",
    ),
    "limits": ("Limits",),
    "message": (
        "AssistantMessage",
        "Audio",
        "Document",
        "Image",
        "Message",
        "ProviderBlock",
        "Reasoning",
        "SystemMessage",
        "Text",
        "ToolCall",
        "ToolResult",
        "UserMessage",
        "Video",
        "assistant",
        "dump_messages",
        "load_messages",
        "system",
        "user",
    ),
    "model": (
        "CompletionModel",
        "RequestBuilder",
    ),
    "output": ("Partial",),
    "stdout": ("stream_to_stdout",),
    "streaming.cancel": ("CancelToken",),
    "streaming.items": (
        "Delta",
        "Name",
        "ReasoningDelta",
        "StreamError",
        "StreamFinal",
        "StreamedAssistantContent",
        "ToolCallDelta",
        "Unknown",
    ),
    "streaming.pause": ("PauseControl",),
    "streaming.response": ("StreamingCompletionResponse",),
    "tools": (
        "StreamingTool",
        "Tool",
        "ToolContext",
        "ToolIndex",
        "ToolOptions",
        "ToolSet",
        "embedding_scorer",
        "tool",
    ),
    "transport.address": ("InsecureUrlWarning",),
    "transport.retry": ("RetryPolicy",),
    "transport.timeouts": ("Timeouts",),
    "unary": ("EmbeddingModel",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


if not TYPE_CHECKING:  # or a type checker would take any name

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'rig_sync' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"rig_sync.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
