"""What a server can do to an answer: each fault as the bytes, and the silences, that it sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tests.faults.matrix.answers import Strike, answer, measured, told
from tests.faults.matrix.bodies import BODIES, STATUSES, broken_status, status
from tests.faults.matrix.inband import IN_BAND
from tests.faults.matrix.moments import Moment, Sample
from tests.server import Close, Drip, Framing, Reset, Script, Send, Stall, Step

__all__ = ["FAULTS", "Fault"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Ty"
TICK = 0.02  # seconds between the signs of life of a server that says nothing
NOISE = bytes(byte for byte in range(128, 256)) + b"\x00\x01\x02"


class Fault(Struct, frozen=True):
    """One thing that a server does.

    Attributes:
        name: In a word or two; the rules are found by it.
        meaning: What happens, for the docs.
        strike: How.
        moments: When.
        wires: On which; empty: on all.
        group: What it is tested and told with.
        alone: Not tried inside an agent: others that take the same way are.
    """

    name: str
    meaning: str
    strike: Strike
    moments: tuple[Moment, ...]
    group: str = "bodies"
    wires: tuple[str, ...] = ()
    alone: bool = False


ANY = tuple(Moment)
IN_BODY = ANY[1:]
IN_ANSWER = (Moment.CONTENT, Moment.TEXT, Moment.CALL)
GOES_ON = (Moment.CONTENT, Moment.TEXT, Moment.END)
AT_START = (Moment.CONTENT,)
BEFORE = (Moment.HEADERS,)
SLOW = ("anthropic_messages", "bedrock_converse")  # seconds each: one of a kind will do


def _half(sample: Sample, moment: Moment, streamed: bool) -> bytes:
    frame = sample.next_frame(moment)
    return told(sample, moment, streamed) + (frame[: len(frame) // 2] if streamed else b"")


# the faults ----------------------------------------------------------------------------------


def _broken(*steps: Step) -> Strike:
    """The connection ends by `steps`, with the body or the headers unfinished."""

    def strike(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
        if moment is Moment.HEADERS:
            return {"": [*steps], "within the headers": [Send(HEAD), *steps]}
        body = told(sample, moment, streamed)
        scripts: dict[str, Script] = {"chunked": answer(sample, streamed, body, *steps)}
        if moment is not Moment.END:
            scripts["with a length"] = measured(sample, streamed, body, *steps)
        if moment is not Moment.END and streamed:
            half = _half(sample, moment, streamed)
            scripts["within a frame"] = answer(sample, streamed, half, *steps)
        return scripts

    return strike


def _trickle(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    if moment is Moment.HEADERS:
        begun = b"HTTP/1.1 200 OK\r\n"
        return {
            "headers without end": [Send(begun), Drip(b"X-Wait: 1\r\n", TICK)],
            "a header without end": [Send(begun + b"X-Wait: "), Drip(b"1", TICK)],
            "interim answers": [Drip(b"HTTP/1.1 100 Continue\r\n\r\n", TICK)],
        }
    body = told(sample, moment, streamed)
    alive = {"blank lines": (b"", b"\n")}
    if streamed:
        alive = {**sample.alive, "bad frames": (b"", sample.bad)}
    return {
        name: answer(sample, streamed, body + once, Drip(again, TICK))
        for name, (once, again) in alive.items()
    }


def _unknown(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    if not streamed:
        return {}
    return {"": answer(sample, True, told(sample, moment, True), Drip(sample.unknown, TICK))}


def _truncated(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    body = told(sample, moment, streamed)
    kinds: tuple[Framing, ...] = ("chunked", "length", "close")
    scripts: dict[str, Script] = {
        kind: answer(sample, streamed, body, framing=kind) for kind in kinds
    }
    if moment is not Moment.END and streamed:
        scripts["within a frame"] = answer(sample, streamed, _half(sample, moment, streamed))
    return scripts


def _no_http(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    return {
        "noise": [Send(NOISE + b"\r\n\r\n"), Close()],
        "a line without end": [Send(b"HTTP/1.1 " + b"x" * 70_000), Close()],
        "another protocol": [Send(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()],
    }


def _bad_frame(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    if not streamed:
        return {}
    body = told(sample, moment, streamed) + sample.bad + sample.rest(moment)
    return {"": answer(sample, streamed, body)}


def _bad_words(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    if not streamed:
        return {"": answer(sample, streamed, sample.whole.replace(b"Hello", b"Hello\xff"))}
    body = told(sample, moment, streamed)
    return {"": answer(sample, streamed, body + sample.word + sample.rest(moment))}


def _noise(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    body = told(sample, moment, streamed)
    rest = sample.rest(moment) if streamed else b""
    return {"": answer(sample, streamed, body + NOISE + b"\n\n" + rest)}


def _no_chunk(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    body = told(sample, moment, streamed)
    noise = Send(b"zz\r\n")
    return {
        "then FIN": answer(sample, streamed, body, noise, Close()),
        "then silence": answer(sample, streamed, body, noise, Stall()),
    }


def _squeezed(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    body = sample.stream if streamed else sample.whole
    return {"": answer(sample, streamed, body, Content_Encoding="gzip")}


def _in_band(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    if not streamed:
        return {}
    body = told(sample, moment, streamed)
    return {one.shape: answer(sample, streamed, body + one.frame) for one in IN_BAND[sample.wire]}


# all of them ---------------------------------------------------------------------------------


def _all() -> Iterator[Fault]:
    cut, mute, odd = "connection", "silence", "frames"
    yield Fault("FIN", "the server closes the connection", _broken(Close()), ANY, cut)
    yield Fault("RST", "the connection is reset", _broken(Reset()), ANY, cut)
    yield Fault("truncation", "the body ends in order, too early", _truncated, IN_BODY, cut)
    yield Fault("no HTTP", "an answer that is no HTTP", _no_http, BEFORE, cut)
    yield Fault("broken chunks", "noise where the next chunk was due", _no_chunk, IN_BODY, cut)
    yield Fault(
        "broken compression", "a body that is labelled gzip, and is none", _squeezed, AT_START, cut
    )
    yield Fault("stall", "silence", _broken(Stall()), ANY, mute)
    yield Fault(
        "trickle",
        "signs of life (pings, comments, blank lines, half a frame), and no content",
        _trickle,
        ANY,
        mute,
    )
    strange = "events of an unknown type, again and again"
    yield Fault("unknown events", strange, _unknown, IN_ANSWER, mute, alone=True)
    yield Fault("bad frame", "one frame that is no JSON, then the rest", _bad_frame, GOES_ON, odd)
    yield Fault("bad words", "words that are no UTF-8, then the rest", _bad_words, GOES_ON, odd)
    yield Fault("noise", "noise amid the body, then the rest", _noise, GOES_ON, odd)
    yield Fault("in-band error", "the provider tells an error", _in_band, IN_BODY, odd)
    for name, strike in BODIES.items():
        yield Fault(name, name, strike, AT_START)
    for number in STATUSES:
        alone = number not in (400, 503)
        strike = status(number)
        yield Fault(str(number), str(number), strike, BEFORE, "statuses", alone=alone)
    for name, step in (("FIN", Close()), ("RST", Reset()), ("stall", Stall())):
        strike = broken_status(step)
        wires = SLOW if name == "stall" else ()
        yield Fault(f"status, {name}", f"an error, then {name}", strike, BEFORE, "statuses", wires)


FAULTS: dict[str, Fault] = {fault.name: fault for fault in _all()}
"""By name."""
