"""The builders: every step means the keyword argument of the same name."""

from __future__ import annotations

from rig_sync import (
    Agent,
    CompletionRequest,
    Document,
    OutputSchema,
    ReasoningOptions,
    ToolChoice,
    ToolDefinition,
    assistant,
    system,
    user,
)
from rig_sync.agent.builder import AgentBuilder
from rig_sync.providers import openai_compatible

CLIENT = openai_compatible.Client(base_url="http://127.0.0.1:9/v1")
MODEL = CLIENT.completion_model("m")


def add(a: int) -> int:
    """Add."""
    return a


def sub(a: int) -> int:
    """Subtract."""
    return a


SCHEMA = OutputSchema("answer", {"type": "object"})


def test_the_agent_builder_means_the_keywords() -> None:
    """Both ways to an agent give equal requests and equal settings."""
    built = (
        CLIENT.agent("m")
        .name("clerk")
        .description("Adds.")
        .preamble("Be brief.")
        .append_preamble("Be kind.")
        .context("Bolt is a robot.")
        .context(Document(text="So is Nut.", name="nut.txt"))
        .tool(add)
        .tools([sub])
        .tool_choice(ToolChoice("required"))
        .temperature(0.5)
        .max_tokens(9)
        .top_p(0.9)
        .stop_sequences("END", "FIN")
        .seed(7)
        .reasoning(ReasoningOptions(effort="low"))
        .parallel_tool_calls(False)
        .output_schema(SCHEMA)
        .additional_params({"options": {"top_k": 3}})
        .additional_params({"options": {"min_p": 0.1}})
        .default_max_turns(4)
        .build()
    )
    direct = Agent(
        MODEL,
        name="clerk",
        description="Adds.",
        preamble="Be brief.\n\nBe kind.",
        context=["Bolt is a robot.", Document(text="So is Nut.", name="nut.txt")],
        tools=[add, sub],
        tool_choice=ToolChoice("required"),
        temperature=0.5,
        max_tokens=9,
        top_p=0.9,
        stop=("END", "FIN"),
        seed=7,
        reasoning=ReasoningOptions(effort="low"),
        parallel_tool_calls=False,
        output_schema=SCHEMA,
        additional_params={"options": {"top_k": 3, "min_p": 0.1}},
        max_turns=4,
    )
    assert built.completion("Hi").build() == direct.completion("Hi").build()
    for agent in (built, direct):
        assert (agent.name, agent.description, agent.max_turns) == ("clerk", "Adds.", 4)
    assert repr(built) == "Agent(clerk, CompletionModel('openai_compatible', 'm'), 2 tools)"


def test_a_preamble_may_begin_with_its_second_paragraph() -> None:
    """`append_preamble` alone is a preamble."""
    agent = AgentBuilder(MODEL).append_preamble("Be kind.").build()
    assert agent.completion("Hi").build().preamble == "Be kind."


def test_the_request_builder_builds_the_request() -> None:
    """Every step ends in its field; the prompt stays last; a step leaves the builder before it."""
    tool = ToolDefinition("add", "Adds.", {"type": "object"})
    first = MODEL.completion("Hi", [user("a"), assistant("b")])
    request = (
        first.preamble("Be brief.")
        .documents(Document(text="x"))
        .messages([system("c")])
        .tools(tool)
        .tool_choice(ToolChoice("auto"))
        .temperature(0.5)
        .max_tokens(9)
        .top_p(0.9)
        .parallel_tool_calls(False)
        .reasoning(ReasoningOptions("low"))
        .output_schema(SCHEMA)
        .stop_sequences("END")
        .seed(7)
        .additional_params({"top_k": 3})
        .build()
    )
    assert request == CompletionRequest(
        "m",
        (user("a"), assistant("b"), system("c"), user("Hi")),
        preamble="Be brief.",
        documents=(Document(text="x"),),
        tools=(tool,),
        tool_choice=ToolChoice("auto"),
        temperature=0.5,
        max_tokens=9,
        top_p=0.9,
        parallel_tool_calls=False,
        stop=("END",),
        seed=7,
        reasoning=ReasoningOptions("low"),
        output_schema=SCHEMA,
        additional_params={"top_k": 3},
    )
    assert first.build().preamble is None
