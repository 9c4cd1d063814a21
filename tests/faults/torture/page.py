"""The table as a page of the docs, and the page as a table again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.faults.torture.clients import CLIENTS, OURS, Client, named
from tests.faults.torture.judging import WORDS, Verdict
from tests.faults.torture.rows import GROUPS, ROWS
from tests.faults.torture.rows.base import PATIENT, SHORT
from tests.faults.torture.running import GONE_WITHIN, OVER

__all__ = ["Column", "read_page", "summary", "tables", "to_page"]

INTRO = """# The torture table

What SDKs make of bad wires. Every client is asked the same questions by the same server, which
sends the bytes of each row over a real loopback socket; one judge decides for all of them. The wire
is OpenAI's chat completions, streamed.

This page is written by a command, and a test holds that its rows, its words and the column of
rig_sync are what the code gives:

```sh
python -m tests.faults.torture                              # rig_sync, and what is installed here
python -m tests.faults.torture --peers PYTHON [PYTHON ...]  # peers of other interpreters
python -m tests.faults.torture --peers PYTHON ... --write docs/torture.md
```

A cell in **bold** is wrong. Right is what a caller needs: an answer that is whole comes whole, one
that is not ends in an exception, in bounded time, with the words that had come; a tool never runs
on what was cut off; nothing is made up. Rows that a client has no function for are not judged
(n/a), nor are rows about joining the pieces of calls where that is left to the caller (pieces).
"""

CONDITIONS = f"""## Conditions

- One process for each client. It was asked once of each kind before, so what it imports late is not
  counted. When it hangs, the server hangs up; when that does not help, it is started anew.
- Rows about silence ask for {SHORT:g} s of patience, all others for {PATIENT:g} s, by the client's
  own option; one that tells the wait for the first content apart is given both. Retries are off.
- A client hangs when it is not over {OVER:g} s after that.
- Rows about leaving: the loop is left by `break`, the client object lives on, the garbage collector
  is off; the server looks for {GONE_WITHIN:g} s whether the connection is closed.
- An exception is the SDK's own when its class is, or when it is of the SDK that it is made of
  (`openai`).
- Nothing leaves the machine: an audit hook refuses it.
- The scripts of the rows are in `tests/faults/torture/rows`, the clients in
  `tests/faults/torture/peers`, what is right in `tests/faults/torture/judging.py`.
"""

NOT_INSTALLED = "not installed"


class Column(NamedTuple):
    """A client, and a verdict for each row; of one that is not installed there is none."""

    client: Client
    version: str
    verdicts: Sequence[Verdict]

    @property
    def right(self) -> int:
        """How many rows are right."""
        return sum(verdict.right is True for verdict in self.verdicts)

    @property
    def judged(self) -> int:
        """How many rows were judged at all."""
        return sum(verdict.right is not None for verdict in self.verdicts)


def to_page(columns: Sequence[Column]) -> str:
    """The page."""
    return "\n".join([INTRO, summary(columns), tables(columns), _words(), CONDITIONS, _how()])


def summary(columns: Sequence[Column]) -> str:
    """How many rows each client has right."""
    lines = ["| client | package | right | wrong | not judged |", "|---|---|---|---|---|"]
    for column in columns:
        client = column.client
        package = f"{client.distribution} {column.version}".strip() or "this repository"
        figures = f"{column.right} | {column.judged - column.right} | {len(ROWS) - column.judged}"
        if not column.verdicts:
            figures = f"{NOT_INSTALLED} | |"
        lines.append(f"| {client.title} | {package} | {figures} |")
    return "\n".join([*lines, ""])


def tables(columns: Sequence[Column]) -> str:
    """A table for each group of rows."""
    shown = [column for column in columns if column.verdicts]
    titles = [column.client.title for column in shown]
    number = 0
    lines: list[str] = []
    for group, rows in GROUPS.items():
        lines += [f"## {group}", "", _line(["wire", "right is", *titles])]
        lines.append("|---" * (len(titles) + 2) + "|")
        for row in rows:
            cells = [_cell(column.verdicts[number]) for column in shown]
            lines.append(_line([row.name, row.right, *cells]))
            number += 1
        lines.append("")
    return "\n".join(lines)


def read_page(text: str) -> list[Column]:
    """The columns of a page that `to_page` wrote."""
    lines = list(_cells(text))
    versions = _versions(lines)
    found: Mapping[str, list[Verdict]] = {}
    for cells in lines:
        if cells[:2] == ["wire", "right is"]:
            titles = cells[2:]
            found = found or {title: [] for title in titles}
        elif found and len(cells) == len(found) + 2 and set(cells[0]) != {"-"}:
            for title, cell in zip(found, cells[2:], strict=True):
                found[title].append(_verdict(cell))
    return [Column(named(title), versions[title], found.get(title, [])) for title in versions]


def _versions(lines: Sequence[Sequence[str]]) -> dict[str, str]:
    titles = {client.title: client for client in CLIENTS}
    found = {}
    for cells in lines:
        if len(cells) == 5 and cells[0] in titles:
            package = titles[cells[0]].distribution
            found[cells[0]] = cells[1].removeprefix(package).strip() if package else ""
    return found


def _cells(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _cell(verdict: Verdict) -> str:
    return f"**{verdict.word}**" if verdict.right is False else verdict.word


def _verdict(cell: str) -> Verdict:
    if cell.startswith("**"):
        return Verdict(cell.strip("*"), False)
    return Verdict(cell, None if WORDS[cell].startswith("not judged") else True)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words() -> str:
    lines = [f"- {word}: {meaning}" for word, meaning in WORDS.items()]
    return "\n".join(["## Words", "", *lines, ""])


def _how() -> str:
    lines = [f"- {client.title}: {client.how}." for client in CLIENTS if client is not OURS]
    return "\n".join(["## Calls", "", f"- {OURS.title}: {OURS.how}.", *lines, ""])
