"""The long runs in small: nothing is left of any stream, and what was measured is written down."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.faults.soak.drawing import Panel, plot
from tests.faults.soak.figures import Sample, unsteady, windows
from tests.faults.vitals import Vitals

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
NO_BOUND = "1000000"  # KiB: memory is measured by the command, not by a test


def run(module: str, *arguments: str) -> str:
    """What a command prints; it has to be content."""
    command = [sys.executable, "-W", "error", "-m", f"tests.faults.{module}", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    assert not ran.stderr
    return ran.stdout


def test_leaks() -> None:
    """Hundreds of streams that end in every way: no thread, descriptor or object is left."""
    told = run("leaks", "--count", "600", "--block", "150", "--rss", NO_BOUND)
    assert re.search(r"\n600 streams: threads \+0, fds \+0, RSS [+-]\d+ KiB\n$", told)
    looks = re.findall(r"^ +(\d+) +(\d+) +(\d+) +\d+  (on|off)$", told, re.MULTILINE)
    assert [number for number, *_ in looks] == ["0", "150", "300", "450", "600"]
    assert {collector for *_, collector in looks} == {"on", "off"}


def test_soak(tmp_path: Path) -> None:
    """A few seconds of many streams: all end as documented, and page and plot are there."""
    arguments = ["--minutes", "0.1", "--streams", "8", "--interval", "0.2", "--rss", NO_BOUND]
    arguments += ["--folder", f"{tmp_path}", "--write", f"{tmp_path / 'soak'}"]
    told = run("soak", *arguments)
    last = told.splitlines()[-1]
    assert re.fullmatch(
        r"\d+ streams in 0\.1 minutes, 0 undocumented, 0 hangs, 0 leaks, flat", last
    )
    page = (tmp_path / "soak.md").read_text(encoding="utf-8")
    assert "](soak.svg)" in page
    assert last in page
    assert "resident memory" in page
    picture = ElementTree.parse(tmp_path / "soak.svg").getroot()
    assert len(picture.findall("{http://www.w3.org/2000/svg}polyline")) == 3


def samples(*threads: int) -> list[Sample]:
    """A look each second."""
    return [Sample(float(at), Vitals(count, 5, 100)) for at, count in enumerate(threads)]


@pytest.mark.parametrize(
    ("counts", "grown"),
    [((9, *[5] * 39), []), ((0, *[5] * 19, *[6] * 20), []), ((0, *range(40)), ["threads"])],
)
def test_flat(counts: tuple[int, ...], grown: list[str]) -> None:
    """What is compared is the middle of two windows; the warm-up is in neither."""
    found = unsteady(windows(samples(*counts)), {"threads": 2.0, "fds": 0.0})
    assert [line.partition(":")[0] for line in found] == grown


def test_plot() -> None:
    """One value makes a plot too, and so do zeros."""
    ElementTree.fromstring(plot([0.0], [Panel("nothing", [0.0])]))
    text = plot([0.0, 1.0, 2.0], [Panel("a", [1, 2, 3]), Panel("b", [1e6, 2e6, 0])])
    assert ">2,000,000<" in text
    assert "prefers-color-scheme: dark" in text
