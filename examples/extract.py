"""A real model fills in a form: `rig-sync models pull` once, then `python -m examples.extract`."""

from __future__ import annotations

from dataclasses import dataclass

from rig_sync import Client, Partial
from rig_sync.providers import local

TEXT = "Ada Lovelace, 36 years old, lives in London and works as a mathematician."


@dataclass
class Person:
    """A person that the text is about."""

    name: str
    age: int
    city: str


def main(client: Client | None = None) -> None:
    extractor = (client or local.Client()).extractor(
        local.SMOLLM2, Person, output_mode="tool", temperature=0, max_tokens=80
    )
    stream = extractor.stream(TEXT)
    for item in stream:
        if isinstance(item, Partial):
            print(item.value)  # what is there so far
    print(stream.output)


if __name__ == "__main__":
    main()
