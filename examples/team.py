"""An agent that asks another one, and a hook that watches: `python -m examples.team`.

Needs OPENAI_API_KEY. The guide's words are seen as it says them, and its tokens count.
"""

from __future__ import annotations

from rig_sync import Agent, Client, HookContext, ToolCallEvent, ToolProgress, hook
from rig_sync import StreamAssistantItem as Said
from rig_sync import Text as Words
from rig_sync.providers import openai


def population(city: str) -> int:
    """The number of people in a city."""
    return {"Paris": 2_100_000, "Rome": 2_750_000}[city]


@hook.on_tool_call
def watch(context: HookContext, event: ToolCallEvent) -> None:
    print(f"[{context.agent_name} calls {event.call.name} with {event.call.arguments}]")


def main(client: Client | None = None) -> None:
    model = (client or openai.Client.from_env()).completion_model("gpt-5.5")
    about = "Knows all about cities."
    guide = Agent(model, name="guide", description=about, tools=[population], hooks=[watch])
    editor = Agent(model, name="editor", preamble="Ask the guide.", tools=[guide], hooks=[watch])
    for item in editor.stream_prompt("How large is Rome?"):
        match item:
            case ToolProgress(content=Said(Words(text))):
                print(f"  the guide: {text}")
            case Said(Words(text)):
                print(text)


if __name__ == "__main__":
    main()
