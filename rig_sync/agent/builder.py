"""The builder of an agent (Rig: `rig::agent::AgentBuilder`)."""

from __future__ import annotations

from collections.abc import Iterable

from rig_sync._json import JsonObject, merged
from rig_sync.agent.agent import Agent
from rig_sync.agent.options import DEFAULT_MAX_TURNS
from rig_sync.completion import ModelSettings, OutputSchema, ReasoningOptions, ToolChoice
from rig_sync.message import Document
from rig_sync.model import CompletionModel
from rig_sync.tools import ToolIndex, ToolSet

__all__ = ["AgentBuilder"]


class AgentBuilder:
    """Puts an agent together step by step; every step changes this builder and returns it."""

    def __init__(self, model: CompletionModel) -> None:
        self._model = model
        self._name = ""
        self._description = ""
        self._preamble: str | None = None
        self._context: list[str | Document] = []
        self._tools: list[object] | ToolSet = []
        self._dynamic_tools: ToolIndex | None = None
        self._fallbacks: list[CompletionModel] = []
        self._hooks: list[object] = []
        self._tool_choice: ToolChoice | None = None
        self._settings: ModelSettings = {}
        self._max_turns = DEFAULT_MAX_TURNS

    def __repr__(self) -> str:
        return f"AgentBuilder({self._model!r})"

    def name(self, name: str) -> AgentBuilder:
        """What the agent is called, in logs and to other agents."""
        self._name = name
        return self

    def description(self, text: str) -> AgentBuilder:
        """What the agent is for, told to other agents."""
        self._description = text
        return self

    def preamble(self, text: str) -> AgentBuilder:
        """The system prompt."""
        self._preamble = text
        return self

    def append_preamble(self, text: str) -> AgentBuilder:
        """A further paragraph of the system prompt."""
        self._preamble = text if self._preamble is None else f"{self._preamble}\n\n{text}"
        return self

    def context(self, document: str | Document) -> AgentBuilder:
        """Text that every request carries."""
        self._context.append(document)
        return self

    def tool(self, tool: object) -> AgentBuilder:
        """A function, a `@tool` function, an object that fulfils `Tool`, or another agent."""
        return self.tools([tool])

    def tools(self, tools: Iterable[object]) -> AgentBuilder:
        """Several of them; a `ToolSet` that is given first, and alone, may be changed later."""
        if isinstance(tools, ToolSet) and not self._tools:
            self._tools = tools
        else:
            self._tools = [*self._tools, *tools]
        return self

    def dynamic_tools(self, index: ToolIndex) -> AgentBuilder:
        """Further tools, of which a turn is offered those that fit the user's words."""
        self._dynamic_tools = index
        return self

    def fallback(self, model: CompletionModel) -> AgentBuilder:
        """Asked when the models before it fail before they said anything."""
        self._fallbacks.append(model)
        return self

    def hook(self, hook: object) -> AgentBuilder:
        """Watches and steers every run, after those given before; see `Hook`."""
        self._hooks.append(hook)
        return self

    def tool_choice(self, choice: ToolChoice) -> AgentBuilder:
        """Whether the model must call a tool in the first turn."""
        self._tool_choice = choice
        return self

    def temperature(self, value: float) -> AgentBuilder:
        """How freely the model picks its words; 0 is the least."""
        self._settings["temperature"] = value
        return self

    def top_p(self, share: float) -> AgentBuilder:
        """Only the likeliest words that make up this share; above 0, at most 1."""
        self._settings["top_p"] = share
        return self

    def max_tokens(self, count: int) -> AgentBuilder:
        """The most tokens of one answer."""
        self._settings["max_tokens"] = count
        return self

    def reasoning(self, options: ReasoningOptions) -> AgentBuilder:
        """How much the model thinks."""
        self._settings["reasoning"] = options
        return self

    def output_schema(self, schema: OutputSchema) -> AgentBuilder:
        """The JSON Schema that every answer has to follow."""
        self._settings["output_schema"] = schema
        return self

    def stop_sequences(self, *words: str) -> AgentBuilder:
        """Words that end an answer."""
        self._settings["stop"] = words
        return self

    def seed(self, number: int) -> AgentBuilder:
        """Makes answers repeatable, as far as the provider can."""
        self._settings["seed"] = number
        return self

    def parallel_tool_calls(self, allowed: bool) -> AgentBuilder:
        """Whether the model may call several tools at once."""
        self._settings["parallel_tool_calls"] = allowed
        return self

    def additional_params(self, params: JsonObject) -> AgentBuilder:
        """Merged into every request's body last; a further call adds to the first."""
        self._settings["additional_params"] = merged(
            self._settings.get("additional_params") or {}, params
        )
        return self

    def default_max_turns(self, turns: int) -> AgentBuilder:
        """Model calls of one run at most, unless the run says otherwise."""
        self._max_turns = turns
        return self

    def build(self) -> Agent:
        """The agent.

        Raises:
            ConfigError: something cannot be; says what to write instead.
        """
        return Agent(
            self._model,
            name=self._name,
            description=self._description,
            preamble=self._preamble,
            context=self._context,
            tools=self._tools,
            dynamic_tools=self._dynamic_tools,
            tool_choice=self._tool_choice,
            fallbacks=self._fallbacks,
            hooks=self._hooks,
            max_turns=self._max_turns,
            **self._settings,
        )
