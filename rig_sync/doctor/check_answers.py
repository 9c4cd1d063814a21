"""Checks of what is in an answer: counts, thoughts, letters, and where it ends."""

from __future__ import annotations

import json

from rig_sync.doctor.chat import usage_oddities
from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import LITTLE_ROOM, RICH, WORDS, Patient
from rig_sync.doctor.probe import told
from rig_sync.doctor.report import seconds
from rig_sync.errors import (
    BadRequest,
    ConfigError,
    ContextLengthExceeded,
    ProviderError,
    StreamTimeout,
)

__all__ = ["ANSWERS", "LONG_PROMPT", "USAGE"]

REPLACED = "\ufffd"


def _usage(patient: Patient, notes: Notes) -> None:
    """Tokens are told in the stream, and as in a whole answer."""
    streamed, whole = patient.stream.usage, patient.one_shot.usage
    if not patient.stream.whole:
        notes.unseen("no stream came to its end")
        return
    into, out = streamed.input_tokens, streamed.output_tokens
    if not streamed and "stream_options" in patient.refused:
        notes.unseen("it is not asked for: stream_options is refused")
        return
    if not streamed:
        how = "usage is None, never an invented 0"
        notes.deviates("the stream tells no usage", how)
        return
    notes.saw(f"{_count(into)} in, {_count(out)} out")
    if into is None or out is None:
        notes.deviates("the stream tells one half of the usage", "the other half is None")
    if (into == 0 or out == 0) and patient.stream.text:
        notes.deviates(
            f"the stream tells a usage of {into} in, {out} out, for an answer with words",
            "what the server tells is passed on: do not pay by it",
            copes=False,
        )
    total = streamed.total_tokens
    if total is not None and into is not None and out is not None and total < into + out:
        notes.deviates(f"the total, {total}, is less than its parts", "each count is passed on")
    if whole and into is not None and into != whole.input_tokens:
        notes.deviates(
            f"{into} tokens in when streamed, {_count(whole.input_tokens)} when whole, for the "
            "same words",
            "what the server tells is passed on",
        )
    if patient.wire.name == "openai_chat":
        for odd in usage_oddities(patient.cut(patient.stream).objects):
            notes.deviates(odd.what, odd.how)


def _reasoning(patient: Patient, notes: Notes) -> None:
    """Thoughts are kept apart from words."""
    probe = patient.thinking
    answers = [p for p in (patient.stream, probe, patient.calling) if p.exchange is not None]
    inside = next((p for p in answers if "think>" in p.text), None)
    if inside is not None:
        what = "thoughts stand in the words, beside <think> tags"
        notes.deviates(what, "words are words: take them out, or ask the server to", copes=False)
        return
    thoughts = next((p.thoughts for p in answers if p.thoughts), "")
    if thoughts:
        notes.saw(f"apart from the words: {notes.quote(thoughts, 40)!r}")
        if probe.error is not None:
            notes.saw(f"the field for how much is refused: {notes.quote(told(probe.error), 60)}")
    elif isinstance(probe.error, ProviderError):
        notes.unseen(f"the field for how much to think is refused: {told(probe.error)}")
    else:
        notes.unseen("the model showed no thoughts")


def _token_limit(patient: Patient, notes: Notes) -> None:
    """An answer that is cut off says so."""
    if "max_tokens" in patient.refused:
        notes.unseen("max_tokens is refused")
        return
    probe = patient.cut_short
    if notes.failed(probe):
        return
    out, words = probe.usage.output_tokens, probe.text
    notes.saw(f"finish reason {probe.finish!r}", f"{_count(out)} tokens" if out is not None else "")
    kind = probe.response.finish_reason if probe.response is not None else None
    if kind is not None and kind.kind == "length":
        if probe.finish not in patient.spoken.length_words:
            expected = patient.spoken.length_words[0]
            notes.deviates(f"the word for it is {probe.finish!r}, not {expected!r}", "it is known")
    elif (out or 0) > 2 * LITTLE_ROOM or "100" in words:
        what = f"max_tokens is not heeded: {_count(out)} tokens came, with {LITTLE_ROOM} allowed"
        how = "what came is passed on; the server may call the field otherwise (max_tokens_field)"
        notes.deviates(what, how, copes=False)
    elif out is not None and out >= LITTLE_ROOM:
        notes.deviates(
            f"an answer that was cut off at {LITTLE_ROOM} tokens is called finished "
            f"({probe.finish!r})",
            "it cannot be told from a whole one: compare the usage with the limit",
            copes=False,
        )
    else:
        notes.unseen(f"it was over before {LITTLE_ROOM} tokens")


def _unicode(patient: Patient, notes: Notes) -> None:
    """Letters of several bytes come whole."""
    probe = patient.rich
    if notes.failed(probe):
        return
    text = probe.text + probe.thoughts
    notes.saw(f"{notes.quote(text, 40)!r}")
    sent = probe.exchange.body if probe.exchange is not None else b""
    if REPLACED in text:
        where = "in the bytes of the server" if _whole_utf8(sent) else "as bytes that are no UTF-8"
        what = f"letters came broken, {where}"
        notes.broken(what, "a letter that is cut in two cannot be mended")
    elif text.isascii():
        notes.unseen("none of those letters was repeated")
    elif any(part in text for part in RICH.split(", ")):
        notes.saw("whole")


def _long_prompt(patient: Patient, notes: Notes) -> None:
    """A prompt of some length is taken whole, or refused as too long."""
    probe = patient.long
    error, into = probe.error, probe.usage.input_tokens
    if isinstance(error, ContextLengthExceeded):
        notes.saw(f"{WORDS} words are refused as too long (status {probe.status})")
        return
    if isinstance(error, ProviderError) and (probe.status or 0) in (400, 413, 422, 500):
        what = f"a prompt of {WORDS} words is refused, not as too long: {told(error)}"
        notes.deviates(what, f"it is told as {type(error).__name__}")
        return
    if isinstance(error, StreamTimeout):
        notes.unseen(
            f"no answer to {WORDS} words in {probe.seconds:.0f} s: give it longer, --timeout"
        )
        return
    if notes.failed(probe):
        return
    notes.saw(f"{WORDS} words taken", f"{_count(into)} tokens in" if into is not None else "")
    notes.saw(f"began after {seconds(probe.first)}" if probe.first else "")
    if into is not None and 0 < into < WORDS // 2:
        what = f"only {into} tokens of a prompt of {WORDS} words were read: it was cut silently"
        how = "nobody tells the client: give the server a longer context"
        if into == patient.stream.usage.input_tokens:
            what = f"{into} tokens are told for a prompt of {WORDS} words, as for a short one"
            how = "what the server tells is passed on: it does not count"
        notes.deviates(what, how, copes=False)


def _structured(patient: Patient, notes: Notes) -> None:
    """An answer follows the schema that was given."""
    probe = patient.formed
    error = probe.error
    if isinstance(error, ConfigError):
        notes.unseen(f"rig_sync does not ask for it: {told(error)}")
    elif isinstance(error, BadRequest):
        what = f"a schema is refused: {told(error)}"
        notes.deviates(what, "typed answers are had by a tool, or asked for in words")
    elif not notes.failed(probe):
        value = _json(probe.text)
        notes.saw(f"{notes.quote(probe.text, 60)!r}")
        if isinstance(value, dict) and {"name", "people"} == set(value):
            notes.saw("as the schema says")
        elif probe.finish in patient.spoken.length_words:
            notes.unseen("the answer was cut off before it could be checked")
        else:
            what = "a schema is taken, and not followed"
            notes.deviates(what, "typed answers are checked, and asked for again")


def _optional_fields(patient: Patient, notes: Notes) -> None:
    """Fields that a request may have are taken."""
    taken: list[str] = []
    answers = (
        ("stream_options", patient.stream),
        ("tool_choice", patient.calling),
        ("parallel_tool_calls", patient.one_at_a_time),
    )
    sent = {"stream_options": b'"stream_options"', "parallel_tool_calls": b"parallel"}
    for name, probe in answers:
        body = probe.exchange.sent if probe.exchange is not None else b""
        if name in patient.refused or sent.get(name, b"") not in body:
            continue
        if probe.whole and (name != "tool_choice" or patient.forced):
            taken.append(name)
        elif isinstance(probe.error, BadRequest):
            patient.refused[name] = told(probe.error)
    for name, why in patient.refused.items():
        notes.deviates(f"{name} is refused: {why}", *_remedy(name))
    if taken:
        notes.saw(f"taken: {', '.join(taken)}")
    elif not patient.refused:
        notes.unseen("rig_sync sends none of them over this wire")
    if patient.forced and patient.calling.whole and not patient.calling.calls:
        notes.deviates(
            "tool_choice: required is taken, and no tool is called",
            "the answer comes as words; the agent loop ends with it",
        )
    if len(patient.one_at_a_time.calls) > 1:
        how = "all of them are handed over; run them one by one"
        notes.deviates("parallel_tool_calls: false is taken, and several calls come", how)


def _remedy(name: str) -> tuple[str]:
    remedies = {
        "stream_options": "use OpenAIChat(include_usage=False): no usage is asked for then",
        "max_tokens": "leave it out, or name the server's own field in max_tokens_field",
    }
    return (remedies.get(name, "it is a BadRequest: leave the field out"),)


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _whole_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value


USAGE = Check("usage", "{wire.usage}", _usage, "stream")
ANSWERS = (
    Check("reasoning", "thoughts, if any, come apart from the words", _reasoning),
    Check("token limit", "an answer cut off at its limit says so: {wire.length}", _token_limit),
    Check("unicode", "letters of several bytes come whole", _unicode),
    Check("structured output", "an answer follows the JSON Schema that was given", _structured),
    Check(
        "optional fields",
        "stream_options, tool_choice, parallel_tool_calls are taken",
        _optional_fields,
    ),
)
LONG_PROMPT = Check(
    "long prompt", "a long prompt is read whole, or refused as too long", _long_prompt
)
"""Asked last: a slow machine may work on it for long after nobody waits any more."""
