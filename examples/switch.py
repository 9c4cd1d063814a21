"""A conversation that begins with one provider and goes on with another.

OPENAI_API_KEY=... ANTHROPIC_API_KEY=... python -m examples.switch
"""

from __future__ import annotations

from rig_sync import Client, stream_to_stdout
from rig_sync.providers import anthropic, openai


def main(first: Client, second: Client) -> None:
    """Each writes its part; messages know no provider, and what only one can read stays with it."""
    story = first.agent(openai.GPT_5_5).preamble("Write one sentence of a story.").build()
    opening = stream_to_stdout(story.stream_prompt("A robot wakes up."))
    assert opening is not None
    ending = second.agent(anthropic.CLAUDE_SONNET_4_6).preamble("End the story.").build()
    stream_to_stdout(ending.stream_chat("Go on.", opening.messages))


if __name__ == "__main__":
    with openai.Client.from_env() as one, anthropic.Client.from_env() as other:
        main(one, other)
