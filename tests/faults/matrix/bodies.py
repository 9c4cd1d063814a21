"""Another body than was due, and statuses that are errors, with what may come in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rig_sync._json import compact
from rig_sync.transport.framing import FRAMINGS
from tests.faults.matrix.answers import Strike, media_type
from tests.faults.matrix.moments import KEY, MEDIA_TYPES, Moment, Sample
from tests.faults.matrix.wires import SAMPLES
from tests.server import Script, Step, response

__all__ = ["BODIES", "STATUSES", "broken_status", "status"]

HTML = f"<!DOCTYPE html><html><body>Bad gateway. Your key is {KEY}.</body></html>".encode()


def frames_of(sample: Sample) -> list[str]:
    """The data of the frames of a stream, those that are JSON."""
    source = FRAMINGS[sample.framing].cut([sample.stream], 1 << 20)
    return [frame.data for frame in source if frame.data.startswith("{")]


def _other(streamed_body: Callable[[Sample], bytes], *types: str) -> Strike:
    """Another body than was due, labelled with each of `types`; "" is none, "ours" the right."""

    def strike(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
        scripts: dict[str, Script] = {}
        body = streamed_body(sample)
        for kind in types:
            right = media_type(sample, streamed)
            fields = {"Content-Type": right if kind == "ours" else kind} if kind else {}
            scripts[kind or "no type"] = response(200, fields, body)
        return scripts

    return strike


def _mislabelled(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
    body = sample.stream if streamed else sample.whole
    types = ["", "text/plain", "text/html", "application/octet-stream", "application/json"]
    types += [] if streamed else ["text/event-stream"]
    return {
        kind or "no type": response(200, {"Content-Type": kind} if kind else {}, body)
        for kind in types
    }


def _lines(sample: Sample) -> bytes:
    return "".join(f"{text}\n" for text in frames_of(sample)).encode()


def _array(sample: Sample) -> bytes:
    return f"[{','.join(frames_of(sample))}]".encode()


def _array_in_lines(sample: Sample) -> bytes:
    return "[{}]".format("\n,\n".join(frames_of(sample))).encode()


def _events(sample: Sample) -> bytes:
    return "".join(f"data: {text}\n\n" for text in frames_of(sample)).encode()


def _aws_frames(sample: Sample) -> bytes:
    return SAMPLES["bedrock_converse"].stream


def _whole(sample: Sample) -> bytes:
    return sample.whole


def _message(sample: Sample) -> bytes:
    return compact(sample.message(f"scripted: {KEY}")).encode()


def _html(sample: Sample) -> bytes:
    return HTML


def _words(sample: Sample) -> bytes:
    return b"upstream connect error or disconnect/reset before headers"


def _nothing(sample: Sample) -> bytes:
    return b""


JSON = "application/json"
SSE, NDJSON, AWS = MEDIA_TYPES["sse"], MEDIA_TYPES["ndjson"], MEDIA_TYPES["aws"]

BODIES: dict[str, Strike] = {
    "a stream with another label": _mislabelled,
    "the answer, not streamed": _other(_whole, JSON),
    "the answer, not streamed, with another label": _other(_whole, "ours", "", "text/plain"),
    "server-sent events": _other(_events, SSE, "ours"),
    "lines of JSON": _other(_lines, NDJSON, "ours"),
    "an array of the frames": _other(_array, JSON, "ours"),
    "an array of the frames, in lines": _other(_array_in_lines, JSON, "ours"),
    "AWS frames": _other(_aws_frames, AWS, "ours"),
    "an error as JSON": _other(_message, JSON, "ours", ""),
    "an HTML page": _other(_html, "text/html", "ours"),
    "plain words": _other(_words, "text/plain", "ours"),
    "nothing": _other(_nothing, "ours", ""),
}
"""What may come with status 200 in place of what was due."""


# statuses ------------------------------------------------------------------------------------

REDIRECTS = (301, 302, 307, 308)
REFUSALS = (400, 401, 403, 404, 408, 409, 413, 422, 429)
FAILURES = (500, 502, 503, 504, 529)
STATUSES = (*REDIRECTS, *REFUSALS, *FAILURES)
ERROR_BODIES: dict[str, Callable[[Sample], bytes]] = {
    "JSON": _message,
    "HTML": _html,
    "nothing": _nothing,
}
ERROR_TYPES = {"JSON": JSON, "HTML": "text/html", "nothing": ""}


def status(number: int) -> Strike:
    def strike(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
        scripts: dict[str, Script] = {}
        for kind, made in ERROR_BODIES.items():
            fields = {"Content-Type": ERROR_TYPES[kind]} if ERROR_TYPES[kind] else {}
            if number in REDIRECTS:
                fields["Location"] = "https://elsewhere.invalid/v1"
            scripts[kind] = response(number, fields, made(sample))
        return scripts

    return strike


def broken_status(*steps: Step) -> Strike:
    """An error whose body breaks off, or never comes."""

    def strike(sample: Sample, moment: Moment, streamed: bool) -> Mapping[str, Script]:
        body = _message(sample)
        fields = {"Content-Type": JSON, "Content-Length": str(len(body))}
        return {
            f"{status}, {what}": [*response(status, fields, part), *steps]
            for status in (400, 401, 429)
            for what, part in (("nothing came", b""), ("half came", body[: len(body) // 2]))
        }

    return strike
