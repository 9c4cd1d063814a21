"""Checks of tool calls: their pieces, several at once, and the way back."""

from __future__ import annotations

from rig_sync._json import compact
from rig_sync.doctor.chat import call_oddities
from rig_sync.doctor.check_streaming import tell_defects
from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import Patient
from rig_sync.doctor.probe import Probe
from rig_sync.doctor.spoken import kinds_of, missing_fields
from rig_sync.streaming.items import Delta, ToolCallDelta

__all__ = ["TOOLS"]


def _tool_deltas(patient: Patient, notes: Notes) -> None:
    """One call, in pieces that can be put together."""
    probe = patient.calling
    if notes.failed(probe):
        return
    if _no_call(probe, notes):
        return
    notes.saw(*(f"{call.name}({notes.quote(compact(call.arguments), 40)})" for call in probe.calls))
    pieces = [
        i for i in probe.items if isinstance(i, ToolCallDelta) and isinstance(i.content, Delta)
    ]
    notes.saw(f"arguments in {len(pieces)} pieces" if len(pieces) > 1 else "arguments whole")
    _tell_calls(patient, probe, notes)
    word = patient.spoken.call_word
    if word and probe.finish != word:
        what = f"an answer with a call ends with the finish reason {probe.finish!r}, not {word!r}"
        notes.deviates(what, "a call is known by its pieces, not by the finish reason")
    for call in probe.calls:
        if not isinstance(call.arguments.get("city"), str):
            what = notes.quote(compact(call.arguments), 60)
            what = f"the arguments do not follow the tool's schema: {what}"
            notes.deviates(what, "they are checked before the tool runs, and the model is told")


def _parallel_calls(patient: Patient, notes: Notes) -> None:
    """Two calls that are told apart."""
    probe = patient.both
    if notes.failed(probe):
        return
    cities = [str(call.arguments.get("city", compact(call.arguments))) for call in probe.calls]
    if len(probe.calls) < 2:
        made = "one call" if cities else "no call"
        notes.unseen(f"the model made {made}, where two were asked for")
        return
    notes.saw(f"{len(cities)} calls: {notes.quote(', '.join(cities), 60)}")
    _tell_calls(patient, probe, notes)
    if len({call.id for call in probe.calls}) < len(cities):
        how = "no history can say which result is whose"
        notes.broken("two calls are handed over with one id", how)


def _tool_result(patient: Patient, notes: Notes) -> None:
    """The model reads what the tool answered."""
    probe = patient.answered
    own = bool(patient.calling.calls)
    if notes.failed(probe, "the history is as the wire documents it: look at what it says"):
        return
    said = f"answered with {notes.quote(probe.text, 40)!r}" if probe.text else ""
    notes.saw("" if own else "a call of ours", said, "called again" if probe.calls else "")
    if not probe.text and not probe.calls and not probe.thoughts:
        notes.deviates("the result is taken, and nothing comes of it", "an empty answer is one")


def _no_call(probe: Probe, notes: Notes) -> bool:
    """Whether there is no call that may be run; tells why."""
    if probe.calls:
        return False
    message = None if probe.response is None else probe.response.message
    bad = [] if message is None else [call for call in message.tool_calls if call.malformed]
    if bad:
        what = f"the arguments are no JSON object: {notes.quote(bad[0].malformed or '', 80)!r}"
        notes.broken(what, "the tool never runs, and the model is told why", copes=True)
    elif probe.defects:
        tell_defects(probe, notes)
    else:
        notes.saw(f"{notes.quote(probe.text, 40)!r}")
        notes.unseen("the model answered in words" if probe.text else "the model called nothing")
    return True


def _tell_calls(patient: Patient, probe: Probe, notes: Notes) -> None:
    """What is otherwise about the frames of calls."""
    cut = patient.cut(probe)
    wire = patient.spoken
    kinds = kinds_of(cut.frames, wire)
    for kind in dict.fromkeys(wire.calls):
        if cut.frames and probe.calls and kind not in kinds:
            notes.deviates(f"no frame of the kind {kind}", "the call is whole without it")
    if patient.wire.name == "openai_chat":
        for odd in call_oddities(cut.objects):
            notes.deviates(odd.what, odd.how, copes=not odd.lost, broken=odd.lost)
    else:
        for what in missing_fields(cut.frames, wire):
            notes.deviates(what, "it is not needed")
    tell_defects(probe, notes)


TOOLS = (
    Check(
        "tool deltas",
        "index, id and name first, then the arguments as pieces of text",
        _tool_deltas,
    ),
    Check("parallel calls", "each call has an index and an id of its own", _parallel_calls),
    Check("tool result", "a history with a call and its result is taken", _tool_result),
)
