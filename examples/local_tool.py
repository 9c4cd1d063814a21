"""A real model calls a tool: `rig-sync models pull` once, then `python -m examples.local_tool`."""

from __future__ import annotations

from rig_sync import Client, StreamAssistantItem, StreamUserItem, Text, ToolCall, ToolChoice
from rig_sync.providers import local


def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It is sunny and 22 degrees in {city}."


def main(client: Client | None = None) -> None:
    chosen = client or local.Client()
    chosen.warm_up()  # the model is loaded now, and not when the first question is asked
    agent = (
        chosen.agent(local.SMOLLM2)
        .tool(weather)
        .tool_choice(ToolChoice("required"))
        .temperature(0)
        .max_tokens(60)
        .build()
    )
    for item in agent.stream_prompt("What is the weather in Paris?"):
        match item:
            case StreamAssistantItem(ToolCall(name=name, arguments=arguments)):
                print(f"the model calls {name}({arguments})")
            case StreamUserItem(result):
                print(f"the tool answers: {result.text}")
            case StreamAssistantItem(Text(text)):
                print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
