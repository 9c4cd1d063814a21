"""Print a story as it is told: `python -m examples.story` (needs OPENAI_API_KEY)."""

from __future__ import annotations

from rig_sync import Client, FinalResponse, StreamAssistantItem, Text
from rig_sync.providers import openai


def main(client: Client | None = None) -> None:
    agent = (
        (client or openai.Client.from_env())
        .agent("gpt-5.5")
        .preamble("You are a storyteller.")
        .temperature(0.9)
        .build()
    )
    for item in agent.stream_prompt("Tell me a short story about a robot."):
        match item:
            case StreamAssistantItem(Text(text)):
                print(text, end="", flush=True)
            case FinalResponse(usage=usage):
                print(f"\n({usage.output_tokens} tokens)")


if __name__ == "__main__":
    main()
