"""Checks of what is refused: by which status, in which words, and whether they are understood."""

from __future__ import annotations

from rig_sync._json import parse_object
from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import Patient
from rig_sync.doctor.probe import Probe, told
from rig_sync.errors import (
    AuthenticationError,
    BadRequest,
    ConfigError,
    NotFound,
    PermissionDenied,
    ProviderError,
    ResponseDecodeError,
    RigError,
    ServerError,
)

__all__ = ["ERRORS"]


def _unknown_model(patient: Patient, notes: Notes) -> None:
    """A model that there is not is not found."""
    probe = patient.unknown_model
    if isinstance(probe.error, ConfigError):
        notes.unseen(f"rig_sync refuses it itself: {told(probe.error)}")
    elif probe.whole:
        answered = probe.response.model if probe.response is not None else None
        what = "a model that there is not answers"
        how = "an answer is an answer, and this one does not name its model"
        if answered:
            what, how = f"{what}, as {answered!r}", "compare the name in StreamFinal.model"
        notes.deviates(what, how)
    else:
        wanted = patient.spoken.unknown
        _refusal(probe, notes, wanted, NotFound if wanted == (404,) else (NotFound, BadRequest))


def _bad_request(patient: Patient, notes: Notes) -> None:
    """What is no request is refused as such."""
    probe = patient.bad_request
    if probe.whole:
        notes.deviates(
            f"a request that is none is answered: {_bad_of(patient)}",
            "an answer is an answer; mistakes in a request will not be told",
        )
    else:
        _refusal(probe, notes, (400, 422), BadRequest)


def _wrong_key(patient: Patient, notes: Notes) -> None:
    """Who has no key gets no answer."""
    if not patient.keyed:
        notes.unseen("no key is used here")
        return
    probe = patient.wrong_key
    if probe.whole:
        notes.deviates("any key will do: a wrong one is answered", "an answer is an answer")
    else:
        _refusal(probe, notes, (401, 403), (AuthenticationError, PermissionDenied))


def _unknown_route(patient: Patient, notes: Notes) -> None:
    """A route that there is not is not found."""
    probe = patient.no_route
    if probe.error is None or isinstance(probe.error, ResponseDecodeError):
        notes.deviates(
            f"a route that there is not answers with status {probe.status}",
            "an answer that is none is a ResponseDecodeError: look at the base_url",
        )
    else:
        _refusal(probe, notes, (404,), NotFound)


def _refusal(
    probe: Probe,
    notes: Notes,
    statuses: tuple[int, ...],
    kinds: type[RigError] | tuple[type[RigError], ...],
) -> None:
    """What there is to say of an error that had to come."""
    error, status = probe.error, probe.status
    wanted = " or ".join(map(str, statuses))
    if not isinstance(error, ProviderError):
        if not notes.failed(probe):
            notes.broken("neither an answer nor an error", "what came is in .partial")
        return
    notes.saw(f"status {status}", told(error))
    typed = type(error).__name__
    if status is not None and status < 300:
        what = f"the error comes with status {status}, not {wanted}"
        notes.deviates(what, f"it is found in the body, and told as {typed}")
    elif status not in statuses:
        again = ", which is tried again" if isinstance(error, ServerError) else ""
        notes.deviates(f"status {status}, not {wanted}", f"it is told as {typed}{again}")
    elif not isinstance(error, kinds):
        notes.deviates(f"the error says something else: {told(error)}", f"told as {typed}")
    _body(probe, notes, typed)


def _body(probe: Probe, notes: Notes, typed: str) -> None:
    body = probe.exchange.body if probe.exchange is not None else b""
    payload = parse_object(body)
    if not body.strip():
        notes.deviates("the error has no body", f"the status alone says what it is: {typed}")
    elif payload is None and not body.lstrip().startswith((b"data:", b"event:", b"[")):
        what = "the error is no JSON"
        if body.lstrip()[:1] == b"<":
            what = "the error is a page of HTML"
        notes.deviates(what, f"the status says what it is: {typed}")


def _bad_of(patient: Patient) -> str:
    """What was bad about the bad request."""
    return ", ".join(f"{name}: {value!r}" for name, value in patient.spoken.bad.items())


ERRORS = (
    Check(
        "unknown model",
        "a model that there is not: status {wire.not_found}",
        _unknown_model,
        "refusal",
    ),
    Check(
        "bad request",
        "what is no request: status 400, and an error as JSON",
        _bad_request,
        "refusal",
    ),
    Check("wrong key", "status 401", _wrong_key, "refusal"),
    Check("unknown route", "status 404", _unknown_route, "connection"),
)
