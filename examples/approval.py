"""A run that waits for a person, over two processes (needs OPENAI_API_KEY).

python -m examples.approval ask run.json "Pay Ada 5 euros."
python -m examples.approval approve run.json  # or: deny run.json
"""

from __future__ import annotations

import sys
from pathlib import Path

from rig_sync import Client, FinalResponse, RunSuspended, dump_run, load_run, tool
from rig_sync.providers import openai


@tool(approval=True)
def pay(to: str, euros: int) -> str:
    """Pay somebody."""
    return f"paid {euros} euros to {to}"


def main(client: Client, command: str, file: Path, prompt: str = "") -> FinalResponse:
    agent = client.agent("gpt-5.5").tool(pay).build()
    if command == "ask":
        return agent.prompt(prompt)
    run = load_run(file.read_bytes())
    decide = run.approve if command == "approve" else run.deny
    for one in run.pending:
        decide(one.call.id)
    return agent.resume(run)


if __name__ == "__main__":
    saved = Path(sys.argv[2])
    try:
        print(main(openai.Client.from_env(), sys.argv[1], saved, " ".join(sys.argv[3:])))
    except RunSuspended as suspended:
        saved.write_bytes(dump_run(suspended.run))
        print(*(f"waits: {one.call.name}({one.call.arguments})" for one in suspended.run.pending))
