"""A report for people: what deviates in plain words, all checks in a table, and one line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rig_sync.doctor.report import Finding, Report, plain

__all__ = ["WIDTH", "rendered"]

WIDTH = 100
GAP = "  "
MANY = 4  # rows that say the same are one
HEADS = ("CHECK", "VERDICT", "COPES", "SEEN")


def rendered(report: Report, width: int = WIDTH) -> str:
    """`report` as text, in lines of at most `width` characters.

    >>> print(rendered(Report("http://127.0.0.1:1/v1", "x", "openai_chat", None, ())))
    http://127.0.0.1:1/v1, openai_chat, no model
    <BLANKLINE>
    CHECK  VERDICT  COPES  SEEN
    <BLANKLINE>
    0 checks: 0 as documented, 0 deviations that rig_sync copes with, 0 that it does not, 0 not seen
    """
    names = _column(report.findings)
    lines = [plain(", ".join(_whom(report)), width), ""]
    if report.deviating:
        lines += ["What deviates, and what rig_sync makes of it:", ""]
        for finding in report.deviating:
            lines += [*_explained(finding, names, width), ""]
    lines += [*_table(report.findings, width), ""]
    lines += [line for line in (_cost(report),) if line]
    return "\n".join([*lines, report.summary])


def _whom(report: Report) -> Iterator[str]:
    yield report.base_url
    yield report.wire
    yield report.model or "no model"
    if report.server:
        yield report.server


def _cost(report: Report) -> str:
    if not report.requests:
        return ""
    tokens = "" if report.tokens is None else f" and {report.tokens:,} tokens"
    stopped = "" if report.complete else "; stopped before the end"
    plural = "s" * (report.requests != 1)
    return f"{report.requests} request{plural}{tokens} in {report.seconds:.1f} s{stopped}"


def _column(findings: Iterable[Finding]) -> int:
    return max((len(one.check) for one in findings), default=len(HEADS[0]))


def _explained(finding: Finding, names: int, width: int) -> Iterator[str]:
    """Everything that deviates in one check, and beneath it what is made of that."""
    first = True
    for one in finding.deviations:
        head = finding.check.ljust(names) if first else " " * names
        first = False
        made = "rig_sync copes" if one.copes else "rig_sync does not cope"
        yield from _filled(f"{one.what}.", GAP + head + GAP, width)
        yield from _filled(f"{made}: {one.how}.", GAP + " " * names + GAP, width)


def _filled(text: str, head: str, width: int) -> list[str]:
    """`text` in lines, the first one after `head`, the others under it."""
    return textwrap.wrap(
        text, max(width, len(head) + 20), initial_indent=head, subsequent_indent=" " * len(head)
    )


def _table(findings: Sequence[Finding], width: int) -> Iterator[str]:
    rows = [HEADS, *_rows(findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    room = max(20, width - sum(widths) - 3 * len(GAP))
    for row in rows:
        cells = [cell.ljust(size) for cell, size in zip(row[:3], widths, strict=True)]
        yield GAP.join([*cells, plain(row[3], room)]).rstrip()


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, str, str]]:
    """A row for each; one for several in a row that could not be made for the same reason."""
    for key, alike in groupby(findings, lambda one: (one.verdict, one.seen, one.words)):
        group = list(alike)
        first = group[0]
        if key[0] == "not seen" and len(group) >= MANY:
            yield f"{len(group)} more", first.verdict, first.copes, _seen(first)
        else:
            yield from ((one.check, one.verdict, one.copes, _seen(one)) for one in group)


def _seen(finding: Finding) -> str:
    """What was seen; for what was not, why."""
    if finding.verdict != "not seen":
        return finding.seen
    return f"{finding.seen}: {finding.words}" if finding.seen else finding.words
