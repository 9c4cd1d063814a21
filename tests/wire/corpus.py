"""Recorded conversations and what is expected of them, out of a folder of such.

The folder holds `index.json`, bundles of conversations, and `expected.jsonl.gz`; its README says
what is in them.
"""

from __future__ import annotations

import base64
import gzip
from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

__all__ = [
    "Conversation",
    "Exchange",
    "Expected",
    "ExpectedCall",
    "ExpectedError",
    "Recording",
    "conversations",
    "read_corpus",
]


class ExpectedCall(Struct):
    """A tool call, `arguments` parsed and `raw` as they came."""

    id: str | None = None
    name: str | None = None
    arguments: object = None
    raw: object = None


class ExpectedBlock(Struct):
    """What came with one block of thinking."""

    signature: bool = False
    encrypted: bool = False


class ExpectedError(Struct):
    """The provider's error; `where` is `status`, `stream` or `body`."""

    where: str
    type: str | None = None
    code: str | int | None = None


class Expected(Struct):
    """What the bodies of one exchange say, read without any SDK."""

    name: str
    index: int
    family: str
    provider: str
    streaming: bool
    status: int
    complete: bool
    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    blocks: list[ExpectedBlock] = []
    tool_calls: list[ExpectedCall] = []
    finish: str | None = None
    usage: dict[str, float | None] | None = None
    error: ExpectedError | None = None
    ids: list[str] = []
    model: str | None = None
    anomalies: list[str] = []


class _Request(Struct):
    path: str = "/"
    json: object = None

    @property
    def model(self) -> str:
        """The model that was asked for; a word of ours when it is not known."""
        wanted = self.json.get("model") if isinstance(self.json, dict) else None
        return wanted if isinstance(wanted, str) and wanted.strip() else "recorded"


class _Response(Struct):
    status: int
    headers: dict[str, str] = {}
    content_type: str | None = None
    body: str = ""
    body_b64: str | None = None

    @property
    def content(self) -> bytes:
        """The body as it came."""
        return self.body.encode() if self.body_b64 is None else base64.b64decode(self.body_b64)


class Exchange(Struct):
    """One request and its answer."""

    family: str
    streaming: bool
    request: _Request
    response: _Response
    provider: str = ""


class Conversation(Struct):
    """Exchanges in the order in which they were recorded, not read yet."""

    name: str
    exchanges: list[msgspec.Raw]


class _Row(Struct):
    name: str
    file: str


class Recording(Struct, frozen=True):
    """An exchange, and what is expected of it; None where nobody knows."""

    name: str
    index: int
    exchange: Exchange
    expected: Expected | None


class _Label(Struct):
    family: str = ""
    provider: str = ""


def read_corpus(
    folder: Path, families: Container[str], provider: str | None = None
) -> tuple[Iterator[Recording], Counter[str]]:
    """The recordings of these families, and how many there are of the others, by family.

    Args:
        folder: Of recordings.
        families: Those that are wanted.
        provider: Only this one's.

    Raises:
        ValueError: while the recordings are read: something is expected of one that is not there.
    """
    every: dict[tuple[str, int], Expected] = {}
    others: Counter[str] = Counter()
    decode = msgspec.json.Decoder(Expected).decode
    with gzip.open(folder / "expected.jsonl.gz", "rb") as lines:
        for line in lines:
            label = msgspec.json.decode(line, type=_Label)
            if provider not in (None, label.provider):
                continue
            if label.family in families:
                expected = decode(line)
                every[expected.name, expected.index] = expected
            else:
                others[label.family] += 1
    return _recordings(folder, families, every, provider), others


def _recordings(
    folder: Path,
    families: Container[str],
    every: dict[tuple[str, int], Expected],
    provider: str | None,
) -> Iterator[Recording]:
    wanted = {name for name, _ in every}
    rows = msgspec.json.decode((folder / "index.json").read_bytes(), type=list[_Row])
    for file in dict.fromkeys(row.file for row in rows if row.name in wanted):
        for conversation in conversations(folder / file):
            for index, text in enumerate(conversation.exchanges):
                label = msgspec.json.decode(text, type=_Label)
                if label.family in families and provider in (None, label.provider):
                    exchange = msgspec.json.decode(text, type=Exchange)
                    expected = every.pop((conversation.name, index), None)
                    yield Recording(conversation.name, index, exchange, expected)
    if every:
        raise ValueError(f"{len(every)} expected exchanges are missing, as {min(every)}")


def conversations(path: Path) -> Iterator[Conversation]:
    """Those of one file: `.json` has one, `.jsonl` one a line; `.gz` of either."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    whole = path.name.removesuffix(".gz").endswith(".json")
    for text in [content] if whole else content.split(b"\n"):
        if text.strip():
            yield msgspec.json.decode(text, type=Conversation)
