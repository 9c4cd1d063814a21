"""An answer that breaks off goes on from where it was, as often as it has to.

OPENAI_API_KEY=... python -m examples.go_on
"""

from __future__ import annotations

import sys

from rig_sync import Attempt, Client, RetryPolicy, RigError, Timeouts
from rig_sync.providers import openai

PATIENCE = Timeouts(connect=5, first_event=60, idle=20, total=300)
TRIES = 3


def note(attempt: Attempt) -> None:
    print(f"({attempt.kind}: again in {attempt.waited:.1f} s)", file=sys.stderr)


def main(client: Client | None = None) -> None:
    retries = RetryPolicy(attempts=4, on_retry=note)  # before the first word: nothing comes twice
    with client or openai.Client.from_env(timeouts=PATIENCE, retries=retries) as chosen:
        agent = chosen.agent(openai.GPT_5_5).build()
        stream = agent.stream_prompt("Tell me a long story about a robot.")
        for _ in range(TRIES):
            try:
                for text in stream.text_deltas():
                    print(text, end="", flush=True)
                break
            except RigError as error:  # what came is in its history, and any model goes on from it
                print(f"({error})", file=sys.stderr)
                stream = agent.stream_chat("Go on where you stopped.", error.history)
        print()


if __name__ == "__main__":
    main()
