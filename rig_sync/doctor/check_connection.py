"""Checks of the connection: that it is made, kept, let go, and cut."""

from __future__ import annotations

from urllib.parse import urlsplit

from rig_sync.doctor.notes import Check, Notes
from rig_sync.doctor.patient import Patient
from rig_sync.doctor.probe import told
from rig_sync.doctor.report import seconds
from rig_sync.doctor.tap import HELD_SECONDS
from rig_sync.errors import (
    AuthenticationError,
    NotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    RigError,
    UntrustedCertificate,
)
from rig_sync.transport.address import is_loopback

__all__ = ["CONNECTION", "LATER"]

NOT_LET_IN = (AuthenticationError, PermissionDenied, RateLimited, Overloaded)
"""Errors that say nothing of the list itself."""

SLOWER_SECONDS = 2.0
"""How much longer than before an answer may take when another one was left before it."""


def _connection(patient: Patient, notes: Notes) -> None:
    """The first request of all is answered, whatever the answer."""
    probe = patient.first
    exchange = probe.exchange
    if exchange is None or exchange.status is None:
        how = "nothing can be asked: look at the address, and at what stands in between"
        if isinstance(probe.error, UntrustedCertificate):
            how = "nothing can be asked: if the authority is yours, name it in REQUESTS_CA_BUNDLE"
        notes.broken(f"no answer at all: {told(probe.error)}", how)
        return
    notes.saw(f"answered after {seconds(exchange.seconds_to_answer or 0.0)}", _way(patient))
    notes.saw(f"server: {exchange.headers['server']}" if "server" in exchange.headers else "")


def _way(patient: Patient) -> str:
    """Who can read along."""
    url = urlsplit(patient.endpoint.base_url)
    if url.scheme == "https":
        return "TLS, trusted"
    here = is_loopback(url.hostname or "")
    return "plain HTTP" if here else "plain HTTP: all on the way can read the key and the words"


def _models(patient: Patient, notes: Notes) -> None:
    """The list names the model that is asked."""
    probe = patient.listing
    if probe is None:
        notes.unseen("rig_sync knows no list of models here: the model has to be named")
        return
    if isinstance(probe.error, NOT_LET_IN) or not isinstance(probe.error, RigError | None):
        notes.failed(probe)
        return
    if probe.error is not None:
        missing = isinstance(probe.error, NotFound)
        notes.deviates(
            f"there is no list of models: {told(probe.error)}",
            "the model is named by the caller" if patient.model else "name the model: --model",
            copes=patient.model is not None,
            broken=not missing or patient.model is None,
        )
        return
    count = len(patient.models)
    notes.saw(f"{count} model{'s' * (count != 1)}")
    if not patient.models:
        notes.deviates(
            "the list of models is empty",
            "the model is named by the caller" if patient.model else "name the model: --model",
            copes=patient.model is not None,
        )
    elif patient.model not in patient.models:
        what = f"the list does not have {patient.model!r}"
        notes.deviates(what, "it is asked all the same")
    else:
        notes.saw(f"asked is {patient.model}")


def _after_the_end(patient: Patient, notes: Notes) -> None:
    """The body ends with the answer in it."""
    exchange = patient.stream.exchange
    if exchange is None or exchange.satisfied is None:
        notes.unseen("no stream came to its end")
    elif exchange.whole and exchange.ended is not None:
        after = max(0.0, exchange.ended - exchange.satisfied)
        notes.saw(f"the body ended {seconds(after)} after the answer")
    elif exchange.ended is not None:
        notes.deviates(
            "the connection was closed in the middle of a chunk, after the answer",
            "the answer was whole by then; a new connection is made",
        )
    elif (exchange.left or 0.0) - exchange.satisfied < HELD_SECONDS / 2:
        notes.saw("the connection ends with the answer")
    else:
        notes.deviates(
            f"the body did not end within {HELD_SECONDS:g} s of the answer",
            "the answer is over at its terminal record; the connection is closed after 0.1 s",
        )


def _kept_connection(patient: Patient, notes: Notes) -> None:
    """The next request goes out on the same connection."""
    before = patient.stream.exchange
    if before is not None and before.headers.get("connection", "").lower() == "close":
        notes.deviates("Connection: close after a stream", "each request makes a new connection")
        return
    if before is None or not before.whole or patient.calling.exchange is None:
        notes.unseen("no stream ended in such a way that its connection could be kept")
        return
    log = patient.tap.exchanges
    following = log[log.index(before) + 1]  # a call was asked for, whatever came of it
    if not following.fresh:
        notes.saw("the next request went out on the same connection")
    else:
        what = "the connection is closed after a stream"
        if "keep-alive" in before.headers:
            what += ", though its headers promise to keep it"
        notes.deviates(what, "each request makes a new connection")


def _cancel(patient: Patient, notes: Notes) -> None:
    """An answer that is left makes nobody wait."""
    left, after, usual = patient.left, patient.after_leaving, patient.stream.first or 0.0
    if left.error is not None or left.first is None:
        notes.unseen("no answer came that could have been left")
        return
    if notes.failed(after, "wait, and ask again"):
        return
    if after.first is None:
        notes.unseen("the next answer had no words")
        return
    notes.saw(f"the next answer began after {seconds(after.first)}", f"usually {seconds(usual)}")
    if after.first > 2 * usual + SLOWER_SECONDS:
        notes.deviates(
            "whoever asks next waits: the server goes on with an answer that was left",
            "the connection is cut at once; that the server looks at it cannot be mended here",
            copes=False,
        )


CONNECTION = (
    Check(
        "connection",
        "the endpoint answers; over TLS, its certificate is trusted",
        _connection,
        "nothing",
    ),
    Check("list of models", "a list that names every model", _models, "connection"),
)
LATER = (
    Check("after the end", "the body ends with the answer in it", _after_the_end, "stream"),
    Check(
        "kept connection", "the connection is kept for the next request", _kept_connection, "stream"
    ),
    Check(
        "cancel", "a client that leaves is noticed: the next one does not wait", _cancel, "answer"
    ),
)
