"""Python scripts in processes of their own: for exits, signals, forks and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Ran", "run_script"]

BOUND = 20.0
ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """How a script ended.

    Attributes:
        code: Its exit code; negative for a signal.
        seconds: From its start, or from `meanwhile`'s end, to its own.
    """

    code: int
    out: str
    err: str
    seconds: float

    def check(self, code: int = 0) -> str:
        """What it printed; fails unless it ended with `code` and complained of nothing."""
        assert (self.code, self.err) == (code, "")
        return self.out


def run_script(
    script: str,
    *arguments: str,
    meanwhile: Callable[[subprocess.Popen[str]], object] = lambda _: None,
) -> Ran:
    """Run `script` with `arguments` to its end; `meanwhile` is called while it runs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            meanwhile(process)
            began = time.monotonic()
            out, err = process.communicate(timeout=BOUND)
        except BaseException:
            process.kill()
            raise
        return Ran(process.returncode, out, err, time.monotonic() - began)
