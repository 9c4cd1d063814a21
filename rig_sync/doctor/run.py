"""The examination: all checks in their order, and what they find."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator

from msgspec import structs

from rig_sync._closing import Closing
from rig_sync.client import Client
from rig_sync.doctor.check_answers import ANSWERS, LONG_PROMPT, USAGE
from rig_sync.doctor.check_connection import CONNECTION, LATER
from rig_sync.doctor.check_errors import ERRORS
from rig_sync.doctor.check_streaming import KEEP_ALIVES, STREAMING
from rig_sync.doctor.check_tools import TOOLS
from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import Patient
from rig_sync.doctor.report import Deviation, Finding, Report, plain
from rig_sync.doctor.spoken import SPOKEN
from rig_sync.errors import ConfigError
from rig_sync.model import CompletionModel

__all__ = ["CHECKS", "TIMEOUT", "Examination", "examine"]

TIMEOUT = 60.0
"""Seconds that one answer may take, by default."""

CHECKS: tuple[Check, ...] = (
    *CONNECTION,
    *STREAMING,
    USAGE,
    *TOOLS,
    *ANSWERS,
    *ERRORS,
    *LATER,
    LONG_PROMPT,
    KEEP_ALIVES,
)
"""All checks, in their order."""


class Examination(Closing):
    """Asks an endpoint about twenty questions, and gives a `Finding` for each check.

    The endpoint is asked over connections of its own, one request after the other, none of them
    twice: what is refused, and what fails, is a finding. Ending it early leaves what was found so
    far in `report`.

    Args:
        subject: Whose endpoint: a client, or one of its models.
        model: The model's name; None takes the first that the endpoint lists. Not with a model.
        timeout: Seconds for one answer; what takes longer is a finding too.
        checks: The names of those that are wanted, as `usage`; None: all. What a check needs to
            know of others is asked all the same.

    Raises:
        ConfigError: nothing is known of what the wire promises; a model has to be named, because
            the client has no list of them; there is no such check; a time is not above 0.

    Threads: used by one at a time.
    """

    def __init__(
        self,
        subject: Client | CompletionModel,
        *,
        model: str | None = None,
        timeout: float = TIMEOUT,
        checks: Iterable[str] | None = None,
    ) -> None:
        if subject.wire.name not in SPOKEN:
            known = ", ".join(SPOKEN)
            raise ConfigError(f"the wire {subject.wire.name!r} cannot be examined, only: {known}")
        if isinstance(subject, Client) and subject.listing is None and not model:
            raise ConfigError(f"{subject.name} lists no models: name one, by model= or --model")
        if not (timeout > 0 and math.isfinite(timeout)):
            raise ConfigError(f"timeout={timeout}: give a number of seconds above 0")
        self._checks = _wanted(checks)
        self._patient = Patient(subject, model, timeout)
        self._findings: list[Finding] = []
        self._began = time.monotonic()

    def __iter__(self) -> Iterator[Finding]:
        for check in self._checks[len(self._findings) :]:
            finding = self._clean(self._made(check))
            self._findings.append(finding)
            yield finding

    def close(self) -> None:
        """Let the connections go; the report stays."""
        self._patient.close()

    @property
    def next_check(self) -> str | None:
        """The name of the check that is made, or made next; None at the end."""
        rest = self._checks[len(self._findings) :]
        return rest[0].name if rest else None

    @property
    def log(self) -> Iterator[str]:
        """Every exchange so far in two lines, without keys: what was sent, and what came."""
        for exchange in self._patient.tap.exchanges:
            sent = exchange.sent.decode("utf-8", "replace")
            came = exchange.body.decode("utf-8", "replace")
            yield self._text(f"> {exchange.method} {exchange.path} {sent}", 1000)
            yield self._text(
                f"< {exchange.status or exchange.failure} {exchange.content_type} "
                f"{exchange.size} bytes in {len(exchange.pieces)} reads: {came}",
                1000,
            )

    @property
    def report(self) -> Report:
        """What was found so far."""
        patient = self._patient
        servers = (exchange.headers.get("server") for exchange in patient.tap.exchanges)
        return Report(
            base_url=patient.endpoint.base_url,
            provider=patient.endpoint.provider,
            wire=patient.wire.name,
            model=None if patient.model is None else self._text(patient.model),
            findings=tuple(self._findings),
            server=next((self._text(name) for name in servers if name), None),
            requests=len(patient.tap.exchanges),
            tokens=patient.tokens,
            seconds=time.monotonic() - self._began,
            complete=self.next_check is None,
        )

    def _made(self, check: Check) -> Finding:
        patient = self._patient
        notes = Notes(check.name, check.promise.format(wire=patient.spoken), patient.redact)
        try:
            why = self._unable(check)
            if why is None:
                check.look(patient, notes)
            else:
                notes.unseen(why)
        except ConfigError as error:
            notes.unseen(f"rig_sync does not ask for it: {error}")
        except Exception as error:  # noqa: BLE001 - a row, never a traceback
            notes.broken(
                f"the check itself failed: {type(error).__name__}: {error}",
                "this is a fault of rig_sync: please report it",
            )
        return notes.finding()

    def _unable(self, check: Check) -> str | None:
        """Why `check` makes no sense, after what was found so far."""
        patient = self._patient
        if check.needs == "nothing":
            return None
        if patient.first.status is None:
            return "there is no connection"
        if check.needs == "connection":
            return None
        if patient.model is None:
            return "no model is known: name one"
        if check.needs == "answer" and not patient.stream.whole:
            return "no stream came to its end so far"
        if check.needs == "refusal" and not (patient.stream.whole or patient.one_shot.whole):
            return "no answer came so far"
        return None

    def _text(self, text: str, longest: int = 300) -> str:
        return plain(self._patient.redact(text), longest)

    def _clean(self, finding: Finding) -> Finding:
        """`finding` without keys, and without what would steer a terminal."""
        deviations = tuple(
            Deviation(self._text(one.what), one.copes, self._text(one.how), one.broken)
            for one in finding.deviations
        )
        return structs.replace(
            finding,
            seen=self._text(finding.seen),
            words=self._text(finding.words),
            deviations=deviations,
        )


def examine(
    subject: Client | CompletionModel,
    *,
    model: str | None = None,
    timeout: float = TIMEOUT,
    checks: Iterable[str] | None = None,
    watch: Callable[[Finding], object] | None = None,
) -> Report:
    """Where an endpoint differs from its wire's documentation, and whether rig_sync copes.

    Makes about twenty short requests, which a provider charges for. See `Examination`.

    Args:
        subject: Whose endpoint: a client, or one of its models.
        model: The model's name; None takes the first that the endpoint lists. Not with a model.
        timeout: Seconds for one answer.
        checks: The names of those that are wanted; None: all.
        watch: Told of each finding as soon as it is there.

    Raises:
        ConfigError: as from `Examination`. All else that goes wrong is a finding.
    """
    with Examination(subject, model=model, timeout=timeout, checks=checks) as examination:
        for finding in examination:
            if watch is not None:
                watch(finding)
        return examination.report


def _wanted(names: Iterable[str] | None) -> tuple[Check, ...]:
    if names is None:
        return CHECKS
    if isinstance(names, str):
        raise ConfigError(f"checks={names!r}: give the names in a tuple, as ({names!r},)")
    wanted = set(names)
    unknown = wanted - {check.name for check in CHECKS}
    if unknown:
        known = ", ".join(check.name for check in CHECKS)
        raise ConfigError(f"there is no check {min(unknown)!r}; the checks are: {known}")
    return tuple(check for check in CHECKS if check.name in wanted)
