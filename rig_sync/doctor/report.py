"""What an examination finds: values, that go to JSON and back."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

__all__ = ["Copes", "Deviation", "Finding", "Report", "Verdict", "plain", "seconds"]

Verdict: TypeAlias = Literal["ok", "deviates", "broken", "not seen"]
"""`ok`: as documented. `deviates`: otherwise, and usable. `broken`: not usable, or not there at
all. `not seen`: there was no occasion for it, or nothing is promised."""

Copes: TypeAlias = Literal["yes", "no", "n.a."]
"""Whether a program on rig_sync gets all the same what it should: the answer, or an error that says
what is wrong. `n.a.`: there is nothing to cope with."""

LONGEST = 300


class Deviation(Struct, frozen=True):
    """One way in which an endpoint differs from its wire's documentation.

    Attributes:
        what: In plain words.
        copes: Whether rig_sync does.
        how: By what; or what to do about it.
        broken: It is not only different: what was promised cannot be had.
    """

    what: str
    copes: bool
    how: str
    broken: bool = False


class Finding(Struct, frozen=True, tag="finding", tag_field="kind"):
    """The outcome of one check.

    Attributes:
        check: Its name, as `tool deltas`.
        promise: What the wire's documentation says.
        verdict: See `Verdict`.
        copes: See `Copes`.
        seen: What the endpoint did.
        words: What rig_sync makes of it, or why nothing was seen; empty for what is as documented.
        deviations: What differs, one by one.
    """

    check: str
    promise: str
    verdict: Verdict
    copes: Copes
    seen: str
    words: str = ""
    deviations: tuple[Deviation, ...] = ()


class Report(Struct, frozen=True, tag="report", tag_field="kind"):
    """All findings of one examination, in the order of the checks.

    Attributes:
        base_url: Of the endpoint, without what may be secret in it.
        provider: The name of the client.
        wire: What was spoken.
        model: Who was asked; None when the endpoint named none.
        server: What the endpoint calls itself, in its `Server` header.
        findings: One for each check.
        requests: How many were made.
        tokens: What all answers used together, as far as the endpoint says.
        seconds: How long it took.
        complete: No check was left out because it was stopped before.
    """

    base_url: str
    provider: str
    wire: str
    model: str | None
    findings: tuple[Finding, ...]
    server: str | None = None
    requests: int = 0
    tokens: int | None = None
    seconds: float = 0.0
    complete: bool = True

    @property
    def deviating(self) -> tuple[Finding, ...]:
        """Those with something to explain: what rig_sync does not cope with comes first."""
        found = [one for one in self.findings if one.deviations]
        return tuple(sorted(found, key=lambda one: one.copes == "yes"))

    @property
    def copes(self) -> bool:
        """Whether rig_sync copes with everything that was found."""
        return all(one.copes != "no" for one in self.findings)

    @property
    def summary(self) -> str:
        """All of it in one line.

        >>> Report("http://127.0.0.1:1", "x", "openai_chat", "m", ()).summary
        '0 checks: 0 as documented, 0 deviations that rig_sync copes with, 0 that it does not, \
0 not seen'
        """
        verdicts = [one.verdict for one in self.findings]
        copes = [one.copes for one in self.findings]
        good, unseen = verdicts.count("ok"), verdicts.count("not seen")
        yes, no = copes.count("yes"), copes.count("no")
        total = len(self.findings)
        return (
            f"{total} check{'s' * (total != 1)}: {good} as documented, "
            f"{yes} deviation{'s' * (yes != 1)} that rig_sync copes with, "
            f"{no} that it does not, {unseen} not seen"
        )

    def finding(self, check: str) -> Finding:
        """What the check of that name found.

        Raises:
            KeyError: it was not made.
        """
        for one in self.findings:
            if one.check == check:
                return one
        raise KeyError(check)


def plain(text: str, longest: int = LONGEST) -> str:
    r"""A server's `text` as one line that may go to a terminal: it steers nothing there.

    >>> plain("a\n\x1b[31mb"), plain("abcdef", 5)
    ('a ?[31mb', 'ab...')
    """
    line = " ".join(text.split())
    line = "".join(mark if mark.isprintable() else "?" for mark in line)
    return line if len(line) <= longest else line[: longest - 3] + "..."


def seconds(value: float) -> str:
    """A time in words.

    >>> seconds(0.0123), seconds(2.345), seconds(0.00012)
    ('12 ms', '2.3 s', 'less than 1 ms')
    """
    if value < 0.001:
        return "less than 1 ms"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
