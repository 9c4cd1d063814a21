"""Tools: functions and objects that a model can call.

`tool` makes one of a function, `ToolSet` holds those of an agent, `ToolIndex` finds among many
those that fit a conversation, and `run_tool` and `start_tool` answer a call.
"""

from rig_sync.tools.base import (
    CheckingTool,
    StreamingTool,
    Tool,
    Toolable,
    ToolOutput,
    options_of,
    to_content,
)
from rig_sync.tools.context import ToolContext
from rig_sync.tools.function import FunctionTool, as_tool, checked_name, tool
from rig_sync.tools.options import ToolOptions
from rig_sync.tools.running import check_call, run_streaming, run_tool, start_tool
from rig_sync.tools.search import Scorer, ToolIndex, embedding_scorer
from rig_sync.tools.toolset import ToolSet

__all__ = [
    "CheckingTool",
    "FunctionTool",
    "Scorer",
    "StreamingTool",
    "Tool",
    "ToolContext",
    "ToolIndex",
    "ToolOptions",
    "ToolOutput",
    "ToolSet",
    "Toolable",
    "as_tool",
    "check_call",
    "checked_name",
    "embedding_scorer",
    "options_of",
    "run_streaming",
    "run_tool",
    "start_tool",
    "to_content",
    "tool",
]
