"""Write the rules down: `python -m tests.faults.matrix --write docs/faults.md`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.faults.matrix.table import page


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("--write", metavar="PATH", type=Path, help="the file; else it is printed")
    path = parser.parse_args().write
    if path is None:
        print(page(), end="")
    else:
        path.write_text(page(), encoding="utf-8")


main()
