"""`benchmarks/README.md` and its plots, from the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.bars import BARS, Bar
from benchmarks.drawing import Row, bars
from benchmarks.results import Results, Series, spread
from benchmarks.stacks import LOOP, OURS, STACKS

__all__ = ["BEGINS", "ENDS", "measured", "plots", "put_into"]

BEGINS = "<!-- what `python -m benchmarks` writes begins here -->"
ENDS = "<!-- and ends here -->"


class Table(NamedTuple):
    """One table of the page.

    Attributes:
        title: Above it.
        words: Below the title.
        columns: The name of a figure, and the head of its column.
        wire: Whose stacks are its rows.
        ratios: Whether a column with the ratio to the loop follows each.
    """

    title: str
    words: str
    columns: tuple[tuple[str, str], ...]
    wire: str = "chat"
    ratios: bool = True


TABLES = (
    Table(
        "Per token",
        "CPU microseconds per event, user and system, all threads of the process. *burst*: 10,000 "
        "events as fast as they are read; *writes*: a write per event; *TLS*: a record per event.",
        (("burst chat", "burst"), ("writes", "writes"), ("tls", "TLS")),
    ),
    Table(
        "Other wires",
        "The same burst as OpenAI Responses events.",
        (("burst responses", "Responses"),),
        "responses",
    ),
    Table("", "As Anthropic Messages events.", (("burst anthropic", "Anthropic"),), "anthropic"),
    Table("", "As Gemini chunks.", (("burst gemini", "Gemini"),), "gemini"),
    Table(
        "Short streams, and the first token",
        "20 events a stream, one after the other on a kept connection: CPU milliseconds per "
        "stream, and milliseconds from the call to the first text.",
        (("short", "CPU"), ("short tls", "CPU, TLS"), ("first", "to the first text")),
    ),
    Table(
        "Latency",
        "200 events a second: microseconds from the server's clock before its write until the text "
        "is in the caller's hands.",
        (("paced p50", "p50"), ("paced p99", "p99")),
        ratios=False,
    ),
    Table(
        "Sleeps",
        "How often a thread went to sleep per 1,000 events, to be woken by what comes: where a "
        "reader hands over to the caller's thread, that is what costs.",
        (
            ("burst chat, sleeps", "burst"),
            ("writes, sleeps", "writes"),
            ("tls, sleeps", "TLS"),
        ),
        ratios=False,
    ),
    Table(
        "Many at once",
        "CPU microseconds per event. *50* and *200*: so many threads, a burst of 250 events each; "
        "*1,000*: so many threads, 30 events each at 5 a second. In brackets how many failed.",
        (("50 at once", "50"), ("200 at once", "200"), ("1,000 at once", "1,000")),
    ),
    Table(
        "Memory",
        "MiB by which the process grows: over 50,000 events of which nothing is kept; while it "
        "reads 100 events of an endless stream, and then stops for half a second.",
        (("grow", "50,000 events"), ("hold", "stopped")),
        ratios=False,
    ),
    Table(
        "Large",
        "CPU milliseconds: one event of 10 MB in chunks of 1 KB; tool arguments of 1 MB in 20,000 "
        "pieces, joined and read; an object of 1 MB in as many, looked at at "
        "each hundredth of them (by the loop at its end).",
        (("huge", "one event"), ("calls", "tool arguments"), ("typed", "structured output")),
    ),
    Table(
        "Start-up",
        "CPU milliseconds of importing in a fresh process, and of that and building a client.",
        (("import", "import"), ("client", "with a client")),
        ratios=False,
    ),
)


def measured(results: Results) -> str:
    """The generated part of the page."""
    return "\n\n".join(_parts(results))


def put_into(page: str, part: str) -> str:
    """The page with that between its two marks.

    >>> page = put_into(f"a {BEGINS} old {ENDS} c", "new")
    >>> "new" in page, "old" in page, page.endswith(" c")
    (True, False, True)
    """
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n\n{part}\n\n{ENDS}{after}"


def plots(results: Results, folder: Path) -> None:
    """Write the plots beside the page."""
    folder.mkdir(exist_ok=True)
    burst = list(_rows(results, "burst chat"))
    if burst:
        drawn = bars("CPU per event, burst of OpenAI chat chunks", "µs, logarithmic", burst)
        Path(folder, "burst.svg").write_text(drawn)
    latency = list(_rows(results, "paced p50", "paced p99"))
    if latency:
        drawn = bars("Latency at 200 events a second, p50 / p99", "µs, logarithmic", latency)
        Path(folder, "latency.svg").write_text(drawn)


def _rows(results: Results, figure: str, more: str = "") -> Iterator[Row]:
    for name in _names("chat"):
        found = results.value(figure, name)
        if found:
            yield Row(name, found, results.value(more, name) or 0.0, name == OURS)


def _parts(results: Results) -> Iterator[str]:
    yield (
        f"Measured {results.date} on {results.machine}. Every value is a median, with the "
        "quartiles beside it; a ratio is the median of those to the loop that ran directly "
        f"before. {results.rounds} rounds."
    )
    yield _bars(results)
    if "burst chat" in results.figures:
        yield "![CPU per event](plots/burst.svg)"
    if "paced p50" in results.figures:
        yield "![Latency](plots/latency.svg)"
    for table in TABLES:
        if any(figure in results.figures for figure, _ in table.columns):
            yield from _table(table, results)
    yield from _rest(results)


def _bars(results: Results) -> str:
    head = ("", "goal", "first bar", "measured", "reached")
    rows = [_bar(bar, results) for bar in BARS if bar.measured(results) is not None]
    return _grid(head, rows)


def _bar(bar: Bar, results: Results) -> Sequence[str]:
    sign, value = "≥" if bar.least else "≤", bar.measured(results)
    found = "" if value is None else _number(value)
    limits = (f"{sign} {one:g} {bar.unit}".strip() for one in (bar.goal, bar.first))
    return (bar.what, *limits, f"**{found}** {bar.unit}".strip(), bar.verdict(results))


def _table(table: Table, results: Results) -> Iterator[str]:
    if table.title:
        yield f"### {table.title}"
    yield table.words
    columns = [column for column in table.columns if column[0] in results.figures]
    head = [""]
    for _, words in columns:
        head += [words, f"x {LOOP}"] if table.ratios else [words]
    rows = []
    for name in _names(table.wire):
        cells = [cell for figure, _ in columns for cell in _cells(table, results, figure, name)]
        if any(cells):
            rows.append([f"**{name}**" if name == OURS else name, *cells])
    yield _grid(head, rows)


def _cells(table: Table, results: Results, figure: str, name: str) -> list[str]:
    found = results.figures[figure].get(name)
    cells = [_cell(found)]
    failures = results.figures.get(f"{figure}, failed", {}).get(name)
    if failures and failures.values and max(failures.values):
        cells[0] += f" [{max(failures.values):.0f}]"
    if table.ratios:
        cells.append(_number(spread(found.ratios).middle) if found and found.ratios else "")
    return cells


def _cell(found: Series | None) -> str:
    if found is None:
        return ""
    if found.error or not found.values:
        return "fails"
    middle = spread(found.values)
    return f"{_number(middle.middle)} ({_number(middle.low)}-{_number(middle.high)})"


def _number(value: float) -> str:
    """Three digits, or all before the point.

    >>> [_number(value) for value in (0.0, 0.1234, 12.34, 123.4, 12345.6)]
    ['0', '0.12', '12.3', '123', '12,346']
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")


def _rest(results: Results) -> Iterator[str]:
    if results.server:
        yield "### The server is not the bottleneck"
        yield "Microseconds per event, wall, in which a loop that only receives has it all."
        yield _grid(("", "µs"), [(name, _number(took)) for name, took in results.server.items()])
    if results.stalled:
        told = ", ".join(f"{name} {sent:.1f}" for name, sent in results.stalled.items())
        yield f"MB that the server could send to one that had stopped reading: {told}."
    if results.sizes:
        yield "### Installed"
        sizes = [
            (name, results.versions.get(name, ""), str(packages), _number(size))
            for name, (packages, size) in results.sizes.items()
        ]
        yield _grid(("", "version", "packages", "MiB"), sizes)
    errors = sorted(
        {one.error for found in results.figures.values() for one in found.values() if one.error}
    )
    if errors:
        yield "What failed:"
        yield "\n".join(f"- `{error}`" for error in errors)


def _names(wire: str) -> Iterable[str]:
    return [stack.name for stack in STACKS if stack.wire == wire]


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["--"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
