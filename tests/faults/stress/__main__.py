"""`python -m tests.faults.stress`."""

from __future__ import annotations

from tests.faults.stress.command import main

if __name__ == "__main__":
    raise SystemExit(main())
