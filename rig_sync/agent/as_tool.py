"""An agent as a tool of another agent (Rig: `rig::agent::tool`)."""

from __future__ import annotations

from collections.abc import Callable, Generator

from rig_sync._json import JsonObject
from rig_sync.agent.stream import AgentStream
from rig_sync.completion import ToolDefinition
from rig_sync.errors import ConfigError, PromptCancelled, ToolError
from rig_sync.tools import ToolContext, checked_name, run_streaming

__all__ = ["AgentTool"]


class AgentTool:
    """Asks an agent, and gives its answer back.

    The other agent's stream shows each item as a `ToolProgress`, its tokens count there, and the
    run's cancel, pause and dependencies reach this one. Its failure is told to the other model.

    Args:
        ask: Begins the agent's stream for a prompt, inside the run that the context tells of.
        name: What the other model calls it.
        description: When to ask it.

    Attributes:
        definition: What the other model is told: a tool that takes a `prompt`.

    Raises:
        ConfigError: there is no name or no description.
    """

    def __init__(
        self, ask: Callable[[str, ToolContext], AgentStream], name: str, description: str
    ) -> None:
        if not name or not description:
            raise ConfigError(
                "an agent needs a name and a description to be a tool: write "
                'Agent(model, name="...", description="what it is good for"), or '
                'agent.as_tool(name="...", description="...")'
            )
        self._ask = ask
        self.definition = ToolDefinition(checked_name(name), description, _PARAMETERS)

    def __repr__(self) -> str:
        return f"AgentTool({self.definition.name})"

    def call(self, arguments: JsonObject, context: ToolContext) -> str:
        """The agent's answer; see `stream`."""
        return run_streaming(self.stream(arguments, context))

    def stream(self, arguments: JsonObject, context: ToolContext) -> Generator[object, None, str]:
        """The items of the agent's stream, and its answer.

        Raises:
            ToolError: there is no prompt; the agent asks itself; or it waits for people, which it
                cannot do here.
            PromptCancelled: the run was cancelled.
            RigError: the agent failed.
        """
        prompt = arguments.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise ToolError("give the agent a `prompt`: words that say all that it has to know")
        stream = self._ask(prompt, context)
        try:
            with stream:
                yield from stream
        finally:
            context.report_usage(stream.usage)
        if stream.final is not None:
            return stream.final.output
        if stream.run.pending:
            raise ToolError("the agent waits for a person, and nobody can be asked from here")
        raise PromptCancelled("the run was cancelled")


_PARAMETERS: JsonObject = {
    "type": "object",
    "properties": {
        "prompt": {
            "type": "string",
            "description": "What to ask the agent: it knows nothing of this conversation.",
        }
    },
    "required": ["prompt"],
    "additionalProperties": False,
}
