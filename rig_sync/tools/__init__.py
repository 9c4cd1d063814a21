"""Tools: functions and objects that a model can call.

`tool` makes one of a function, `ToolSet` holds those of an agent, and `run_tool` answers a call.
"""

from rig_sync.tools.base import Tool, ToolOutput, to_content
from rig_sync.tools.context import ToolContext
from rig_sync.tools.function import FunctionTool, as_tool, tool
from rig_sync.tools.toolset import ToolSet, run_tool

__all__ = [
    "FunctionTool",
    "Tool",
    "ToolContext",
    "ToolOutput",
    "ToolSet",
    "as_tool",
    "run_tool",
    "to_content",
    "tool",
]
