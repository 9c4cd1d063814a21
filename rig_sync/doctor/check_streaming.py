"""Checks of how an answer streams: when, in which form, and to which end."""

from __future__ import annotations

from rig_sync.doctor.chat import text_oddities
from rig_sync.doctor.frames import SeenFrame, sse_form
from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import Patient
from rig_sync.doctor.probe import Probe, told
from rig_sync.doctor.report import seconds
from rig_sync.doctor.spoken import kinds_of, missing_fields
from rig_sync.doctor.tap import Exchange
from rig_sync.errors import StreamTruncated

__all__ = ["KEEP_ALIVES", "STREAMING", "tell_defects"]

FEWEST = 16  # events: of fewer nobody can say whether they were held back
HELD_BACK = 0.5  # seconds until the first of them
AT_ONCE = 0.05  # seconds from the first to the last

LIVE = "the words are all there; that they come late has to be mended where they are held back"


def _one_shot(patient: Patient, notes: Notes) -> None:
    """A whole answer to a request that does not stream."""
    if patient.streams_only:
        notes.unseen("this provider only streams")
        return
    probe = patient.one_shot
    if notes.failed(probe):
        return
    exchange = probe.exchange
    notes.saw(f"{notes.quote(probe.text, 30)!r}" if probe.text else "no words", probe.finish or "")
    if exchange is not None and exchange.content_type != "application/json":
        what = f"the answer is of type {exchange.content_type or 'unknown'!r}, not application/json"
        notes.deviates(what, "a whole answer is read by what is in it")
    if not probe.finish:
        notes.deviates("no finish reason in a whole answer", "finish_reason is None")
    if not probe.text and not probe.thoughts:
        notes.deviates("the answer has no words", "an empty answer is one", broken=True)
    tell_defects(probe, notes)


def _streaming(patient: Patient, notes: Notes) -> None:
    """Events one by one, as the words are made."""
    probe, exchange = patient.stream, patient.stream.exchange
    if exchange is None or exchange.status is None or exchange.status >= 300:
        if not notes.failed(probe):
            notes.unseen("nothing was streamed")
        return
    frames = patient.cut(probe).frames
    if not frames and exchange.body.lstrip()[:1] in (b"{", b"["):
        notes.broken(
            "asked for a stream, it answers whole", LIVE if probe.whole else told(probe.error)
        )
        return
    if not frames and notes.failed(probe):
        return
    if exchange.content_type != patient.spoken.media:
        what = f"the stream is of type {exchange.content_type or 'unknown'!r}"
        notes.deviates(f"{what}, not {patient.spoken.media}", "a stream is read by what is in it")
    spread = frames[-1].at - frames[0].at
    wait = frames[0].at - exchange.began
    reads = len(exchange.pieces)
    notes.saw(
        f"{len(frames)} event{'s' * (len(frames) != 1)} in {reads} read{'s' * (reads != 1)}",
        f"first after {seconds(wait)}",
        f"last {seconds(spread)} later",
    )
    if _came_at_once(patient, probe) and _came_at_once(patient, patient.long_stream):
        what = f"all {len(frames)} events came at once, {seconds(wait)} after the request"
        notes.broken(f"{what}: something on the way holds them back", LIVE)


def _came_at_once(patient: Patient, probe: Probe) -> bool:
    """Whether the events look held back; once may be chance, or a very fast model."""
    frames = patient.cut(probe).frames
    if probe.exchange is None or len(frames) < FEWEST:
        return False
    wait, spread = frames[0].at - probe.exchange.began, frames[-1].at - frames[0].at
    return wait > HELD_BACK and spread < min(AT_ONCE, wait / 20)


def _framing(patient: Patient, notes: Notes) -> None:
    """The body is cut as its format says."""
    probe, exchange = patient.stream, patient.stream.exchange
    cut = patient.cut(probe)
    if exchange is None or not cut.frames:
        notes.unseen("nothing was streamed")
        return
    notes.saw(_transfer(exchange))
    encoding = exchange.headers.get("content-encoding", "identity")
    if encoding != "identity":
        what = f"the stream is compressed ({encoding}), though identity was asked for"
        notes.deviates(what, "it is unpacked piece by piece")
    if cut.stray.strip():
        what = notes.quote(cut.stray.decode("utf-8", "replace"), 60)
        notes.deviates(f"lines that belong to no event: {what!r}", "they are passed over")
    if patient.wire.framing == "sse":
        _sse(exchange, notes)
    elif cut.incomplete and exchange.whole:
        notes.deviates("the last line does not end", "it is read if it is whole")


def _sse(exchange: Exchange, notes: Notes) -> None:
    form = sse_form(exchange.body)
    notes.saw(f"lines end in {form.line_end}")
    if form.line_end == "mixed":
        notes.deviates("line ends of several kinds in one stream", "each of them ends a line")
    if form.mark:
        notes.deviates("the stream begins with a byte order mark", "it is passed over")
    if exchange.whole and not form.ended:
        what = "no blank line after the last event"
        notes.deviates(what, "the last event is read if it is whole")
    if form.several:
        notes.saw(f"{form.several} events of several data lines")
    if not form.utf8:
        what = "bytes that are no UTF-8"
        notes.deviates(what, "each becomes U+FFFD: the letter is lost", copes=False)


def _transfer(exchange: Exchange) -> str:
    if "chunked" in exchange.headers.get("transfer-encoding", "").lower():
        return "chunked"
    if "content-length" in exchange.headers:
        return f"a length told ahead ({exchange.headers['content-length']} bytes)"
    return "until the connection closes"


def _terminal(patient: Patient, notes: Notes) -> None:
    """The answer proves that it is whole."""
    probe = patient.stream
    frames = patient.cut(probe).frames
    if not frames:
        notes.unseen("nothing was streamed")
        return
    kinds = kinds_of(frames, patient.spoken)
    wanted = patient.spoken.terminal
    missing = [names for names in wanted if not set(names.split("|")) & set(kinds)]
    if probe.whole and not missing:
        last = {"[DONE]": "data: [DONE]"}.get(kinds[-1], kinds[-1])
        notes.saw(f"finish reason {probe.finish!r}" if probe.finish else "", f"last frame: {last}")
    elif probe.whole:
        how = "the answer is known to be whole by the rest of the proof"
        if len(missing) == len(wanted):
            how = "the client declares that this server ends without any"
        notes.deviates(f"the stream ends without {_names(missing)}", how)
    elif isinstance(probe.error, StreamTruncated):
        how = "it is a StreamTruncated: a body that was cut off looks the same"
        if patient.wire.name == "openai_chat":
            how += "; if it never proves more, use OpenAIChat(ends_without_proof=True)"
        notes.broken(f"the stream ends without {_names(missing) or 'its end'}", how)
    elif not _tell_error(frames, notes):
        notes.failed(probe)
    _tell_rest(kinds, notes)


def _tell_error(frames: tuple[SeenFrame, ...], notes: Notes) -> bool:
    """Whether the provider reported an error in the stream."""
    errors = [frame for frame in frames if frame.payload and frame.payload.get("error")]
    for frame in errors[:1]:
        what = f"an error inside the stream: {notes.quote(frame.data, 120)}"
        notes.broken(what, "it is raised, after all that came before it", copes=True)
    return bool(errors)


def _tell_rest(kinds: list[str], notes: Notes) -> None:
    if "[DONE]" in kinds[:-1]:
        number = len(kinds) - kinds.index("[DONE]") - 1
        what = f"{number} more frame{'s' * (number != 1)} after data: [DONE]"
        notes.deviates(what, "the answer is over at [DONE]")


def _names(kinds: list[str]) -> str:
    """The kinds, of those that replace each other the first.

    >>> _names(["finish", "[DONE]"]), _names(["a|b"])
    ('a finish_reason and data: [DONE]', 'a')
    """
    words = {"finish": "a finish_reason", "[DONE]": "data: [DONE]"}
    return " and ".join(words.get(kind, kind.split("|")[0]) for kind in kinds)


def _text_deltas(patient: Patient, notes: Notes) -> None:
    """The events that carry words have all the fields that they should."""
    probe = patient.stream
    cut = patient.cut(probe)
    if not cut.frames:
        notes.unseen("nothing was streamed")
        return
    wire = patient.spoken
    kinds = kinds_of(cut.frames, wire)
    notes.saw(f"{notes.quote(probe.text, 30)!r}" if probe.text else "no words")
    for kind in dict.fromkeys(wire.text):
        if kind not in kinds and probe.text:
            notes.deviates(f"no frame of the kind {kind}", "the words come without it")
    lost = False
    if patient.wire.name == "openai_chat":
        for odd in text_oddities(cut.objects):
            lost = lost or odd.lost
            notes.deviates(odd.what, odd.how, copes=not odd.lost, broken=odd.lost)
    for what in missing_fields(cut.frames, wire):
        notes.deviates(what, "it is not needed")
    if not probe.text and not probe.thoughts and probe.whole and not lost:
        notes.broken("the stream has no words", "an empty answer is one", copes=True)
    tell_defects(probe, notes)


def _keep_alives(patient: Patient, notes: Notes) -> None:
    """What was sent only to keep the connection awake."""
    sse = patient.wire.framing == "sse"
    bodies = [one.body for one in patient.tap.exchanges if sse and one.status == 200]
    forms = [sse_form(body) for body in bodies]
    comments = sum(form.comments for form in forms)
    pings = sum(body.count(b"\nevent: ping") for body in bodies)
    if comments:
        words = next((form.comment for form in forms if form.comment), "")
        like = f", as {notes.quote(words, 40)!r}" if words else ", all empty"
        notes.saw(f"{comments} comment line{'s' * (comments != 1)}{like}")
    if pings:
        notes.saw(f"{pings} events named ping")
    if not comments and not pings:
        notes.unseen("no answer took so long that one was due")


def tell_defects(probe: Probe, notes: Notes) -> None:
    """Frames that could not be read, and events that nobody knows; how it ended is told apart."""
    if probe.defects:
        number = len(probe.defects)
        notes.deviates(
            f"{number} frame{'s' * (number != 1)} not as they should be: {told(probe.defects[0])}",
            "each is a StreamError item, and the stream goes on",
        )
    if probe.strange:
        kinds = ", ".join(dict.fromkeys(item.kind for item in probe.strange))
        notes.saw(f"Unknown items: {kinds}")


STREAMING = (
    Check(
        "one-shot answer", "one JSON object, with the words and a finish reason", _one_shot, "model"
    ),
    Check(
        "streaming", "{wire.media}: events one by one, as the words are made", _streaming, "model"
    ),
    Check("framing", "each event is ended, in UTF-8, not compressed", _framing, "stream"),
    Check("terminal record", "{wire.ending}", _terminal, "stream"),
    Check(
        "text deltas", "every frame of words has all its documented fields", _text_deltas, "stream"
    ),
)
KEEP_ALIVES = Check(
    "keep-alives", "comments and pings, if any, are no content", _keep_alives, "stream"
)
