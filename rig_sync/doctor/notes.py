"""How a check writes down what it sees."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from rig_sync.doctor.patient import Patient
from rig_sync.doctor.probe import Probe, told
from rig_sync.doctor.report import Copes, Deviation, Finding, Verdict, plain
from rig_sync.errors import (
    AuthenticationError,
    ConfigError,
    Overloaded,
    PermissionDenied,
    ProviderError,
    RateLimited,
    RigError,
    StreamTimeout,
    TotalTimeout,
)

__all__ = ["Check", "Notes"]


class Notes:
    """What one check sees of the patient; ends up as its `Finding`."""

    def __init__(self, check: str, promise: str, redact: Callable[[str], str]) -> None:
        self._check = check
        self._promise = promise
        self._redact = redact
        self._seen: list[str] = []
        self._deviations: list[Deviation] = []
        self._unseen: str | None = None

    def quote(self, text: str, longest: int) -> str:
        """A server's `text` as it may be shown; keys go before it is cut, or half of one stays."""
        return plain(self._redact(text), longest)

    def saw(self, *texts: str) -> None:
        """Facts, in the order of telling; empty ones are left out."""
        self._seen += [text for text in texts if text]

    def deviates(self, what: str, how: str, *, copes: bool = True, broken: bool = False) -> None:
        """It is otherwise than promised; see `Deviation`."""
        self._deviations.append(Deviation(what, copes, how, broken))

    def broken(self, what: str, how: str, *, copes: bool = False) -> None:
        """What was promised cannot be had."""
        self.deviates(what, how, copes=copes, broken=True)

    def unseen(self, why: str) -> None:
        """There was no occasion; what deviates nevertheless counts."""
        self._unseen = why

    def failed(self, probe: Probe, how: str = "") -> bool:
        """Whether there was no whole answer; tells why, and what rig_sync made of that."""
        error = probe.error
        if error is None:
            return False
        if isinstance(error, (RateLimited, Overloaded)):
            self.saw(told(error))
            self.unseen("the endpoint has no room just now: try again later")
        elif isinstance(error, ConfigError):
            self.unseen(f"rig_sync does not ask for it: {told(error)}")
        elif isinstance(error, TotalTimeout) and probe.first is not None:
            self.saw(f"it was still answering after {probe.seconds:.0f} s")
            self.unseen("too slow to say: give it longer, --timeout")
        elif isinstance(error, RigError):
            self.broken(_no_answer(probe, error), how or _what_to_do(error))
        else:
            self.broken(
                f"rig_sync failed: {told(error)}", "this is a fault of rig_sync: please report it"
            )
        return True

    def finding(self) -> Finding:
        """All of it."""
        verdict: Verdict = "ok"
        copes: Copes = "n.a."
        words = ""
        if self._deviations:
            verdict = "broken" if any(one.broken for one in self._deviations) else "deviates"
            copes = "yes" if all(one.copes for one in self._deviations) else "no"
            words = "; ".join(dict.fromkeys(one.how for one in self._deviations))
        elif self._unseen is not None:
            verdict, words = "not seen", self._unseen
        seen = self._seen or [one.what for one in self._deviations[:1]]
        return Finding(
            self._check,
            self._promise,
            verdict,
            copes,
            ", ".join(seen),
            words,
            tuple(self._deviations),
        )


class Check(Struct, frozen=True):
    """One thing to look at.

    Attributes:
        name: Of the check, as it is printed.
        promise: What the documentation says; `{wire.…}` is filled in from `Spoken`.
        look: Notes what there is to see.
        needs: What it needs to make sense: a connection, a model that answers.
    """

    name: str
    promise: str
    look: Callable[[Patient, Notes], None]
    needs: str = "answer"


def _no_answer(probe: Probe, error: RigError) -> str:
    status = (
        f" (status {probe.status})" if isinstance(error, ProviderError) and probe.status else ""
    )
    what = "no answer" if probe.first is None else "the answer broke off"
    return f"{what}{status}: {told(error)}"


def _what_to_do(error: RigError) -> str:
    if isinstance(error, AuthenticationError | PermissionDenied):
        return "give the right key: --key-env, or Client(api_key=...)"
    if isinstance(error, StreamTimeout):
        return "if it is only slow, give it longer: --timeout"
    return f"it is told as {type(error).__name__}, with what came in .partial"
