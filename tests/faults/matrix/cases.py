"""The product: every wire, fault, moment, variant and way to ask for which there is a rule."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rig_sync.transport.timeouts import Timeouts
from tests.faults.matrix.answers import Form, plain
from tests.faults.matrix.expected import Rule, rule_for
from tests.faults.matrix.faults import Fault
from tests.faults.matrix.moments import Moment, Sample
from tests.faults.matrix.wires import SAMPLES
from tests.server import Script

__all__ = ["Case", "cases"]

PATIENT = 20.0  # seconds: a timeout that must not strike
SHORT = 0.3  # seconds: one that must
LONGER = 1.5  # seconds: one that must, but not before the fault strikes
AGENTS = (Form.AGENT, Form.PROMPT)


class Case(Struct, frozen=True):
    """One fault on one wire at one moment, for one way to ask."""

    sample: Sample
    fault: Fault
    moment: Moment
    variant: str
    form: Form
    rule: Rule
    script: Script

    def __str__(self) -> str:
        """As `FIN in text (chunked), stream`."""
        inner = f" ({self.variant})" if self.variant else ""
        return f"{self.fault.name} {self.moment.value}{inner}, {self.form.value}"

    @property
    def timeouts(self) -> Timeouts:
        """Short where a deadline is due; nowhere else, or a busy machine would be taken for it."""
        name = self.rule.error.__name__ if self.rule.error is not None else ""
        finished = self.moment is Moment.FINISH or (
            self.moment is Moment.END and self.sample.wire == "gemini_generate"
        )  # the rest is not waited for longer than `idle`
        return Timeouts(
            first_event=SHORT if name == "FirstEventTimeout" else PATIENT,
            idle=SHORT if name == "IdleTimeout" or finished else PATIENT,
            total=LONGER if name == "TotalTimeout" else None,
        )

    @property
    def after(self) -> Script:
        """What the server says once the fault is over: to an agent that goes on."""
        return plain(self.sample, self.form.streamed)


def cases(wire: str, fault: Fault) -> Iterator[Case]:
    """All cases of a fault on a wire; the first variant alone where more would show nothing new."""
    sample = SAMPLES[wire]
    if fault.wires and wire not in fault.wires:
        return
    for moment in fault.moments:
        if moment is Moment.FINISH and not sample.finish:
            continue
        for form in Form:
            if form in AGENTS and fault.alone:
                continue
            scripts = fault.strike(sample, moment, form.streamed)
            for number, (variant, script) in enumerate(scripts.items()):
                rule = rule_for(fault.name, wire, moment, variant, streamed=form.streamed)
                if rule is not None and (number == 0 or _every_variant(fault, form)):
                    yield Case(sample, fault, moment, variant, form, rule, script)


def _every_variant(fault: Fault, form: Form) -> bool:
    return form is Form.STREAM or (form is Form.SEND and fault.group != "statuses")
