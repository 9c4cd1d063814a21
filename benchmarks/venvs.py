"""A venv per stack, made once with the newest packages; what it takes on the disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.stacks import Stack

__all__ = ["ROOT", "Size", "make", "size_of"]

ROOT = Path(__file__).parents[1]
TOOLS = ("pip", "setuptools", "wheel")
WITHIN = 1800.0  # seconds for one installation


class Size(NamedTuple):
    """What an installation takes, without what every venv has."""

    packages: int
    mebibytes: float


def make(folder: Path, stacks: Iterable[Stack]) -> dict[str, str]:
    """The interpreter of each venv by its name; one that could not be made is told and left out."""
    pythons = {}
    for stack in stacks:
        if stack.venv not in pythons:
            python = folder / stack.venv / "bin" / "python"
            if python.exists() or _made(python, stack):
                pythons[stack.venv] = str(python)
    return pythons


def size_of(python: str) -> Size:
    """Of a venv's site-packages: distributions, and their files with bytecode."""
    (packages,) = Path(python).parents[1].glob("lib/python*/site-packages")
    names = {info.name.partition("-")[0].lower() for info in packages.glob("*.dist-info")}
    files = (path for path in packages.rglob("*") if path.is_file())
    own = (path for path in files if not _is_tool(path.relative_to(packages).parts[0]))
    total = sum(path.stat().st_size for path in own)
    return Size(len(names.difference(TOOLS)), total / 1024**2)


def _is_tool(name: str) -> bool:
    return name.partition("-")[0] in (*TOOLS, "_distutils_hack", "pkg_resources")


def _made(python: Path, stack: Stack) -> bool:
    print(f"making a venv for {' '.join(stack.installs)}", flush=True)
    steps = (
        [sys.executable, "-m", "venv", str(python.parents[1])],
        [str(python), "-m", "pip", "install", "-q", *stack.installs],
    )
    for step in steps:
        ran = subprocess.run(step, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN)
        if ran.returncode:
            print(f"{' '.join(step)} failed:\n{ran.stderr[-1500:]}", flush=True)
            return False
    return True
