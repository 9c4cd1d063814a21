"""`python -m tests.faults.torture`: the table, and how many rows rig_sync has right.

The last line is `N of N`; the exit status is 0 only if both are the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.torture.clients import CLIENTS, OURS, Client
from tests.faults.torture.page import Column, read_page, summary, tables, to_page
from tests.faults.torture.rows import ROWS
from tests.faults.torture.running import ask_all, find

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _options(arguments)
    chosen = [client for client in CLIENTS if client is OURS or client.title in options.clients]
    with ThreadPoolExecutor(options.jobs) as pool:
        columns = list(pool.map(lambda client: measure(client, options.peers), chosen))
    print(tables(columns))
    print(summary(columns))
    if options.write is not None:
        options.write.write_text(to_page(joined(columns, options.write)), encoding="utf-8")
    ours = columns[0]
    print(f"{ours.right} of {len(ROWS)}")
    return 0 if ours.right == len(ROWS) else 1


def joined(columns: Sequence[Column], page: Path) -> list[Column]:
    """These columns, and for the clients that were not asked those of a page with the same rows."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    kept = read_page(text)
    known = {column.client: column for column in kept if len(column.verdicts) == len(ROWS)}
    if to_page(kept) != text:
        known = {}
    known |= {column.client: column for column in columns}
    return [known.get(client, Column(client, "", [])) for client in CLIENTS]


def measure(client: Client, pythons: Sequence[str]) -> Column:
    """The column of a client; what is wrong in it goes to stderr as it comes."""
    found = find(client.module, [sys.executable] if client is OURS else pythons)
    if found is None:
        return Column(client, "", [])
    verdicts = []
    for row, seen in ask_all(found, ROWS):
        verdict = row.judge(seen, client.own)
        verdicts.append(verdict)
        if verdict.right is False:
            why = seen.failure.says.partition("\n")[0][:100] if seen.failure is not None else ""
            print(f"{client.title}: {verdict.word}: {row.name} {why}".rstrip(), file=sys.stderr)
    return Column(client, found.version, verdicts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.torture", description=__doc__)
    parser.add_argument(
        "--peers",
        nargs="+",
        metavar="PYTHON",
        default=[sys.executable],
        help="interpreters that have peers installed; of each peer the first one counts",
    )
    titles = [client.title for client in CLIENTS]
    parser.add_argument(
        "--clients",
        nargs="*",
        metavar="CLIENT",
        choices=titles,
        default=titles,
        help="only these, and rig_sync",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PAGE",
        help="write the table as a page; the columns of clients that were not asked are kept",
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="clients that run side by side"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
