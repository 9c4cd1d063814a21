"""Asks one client, in its own interpreter: a question a line on stdin, an answer a line on stdout.

`python -m tests.faults.torture.peers.worker NAME`. Only the standard library, beside the client.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - for a loop to stand in
import gc
import importlib
import ipaddress
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from typing import Any, TextIO

from tests.faults.torture.asking import KEPT, Ask, Seen

__all__ = ["main"]

UNFIT = Seen(end="unfit")


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: nothing leaves this machine."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        if not ipaddress.ip_address(arguments[1][0]).is_loopback:
            raise OSError(f"a peer must not leave this machine: {arguments[1]}")
    elif event == "socket.getaddrinfo" and arguments[0] not in ("localhost", "127.0.0.1", None):
        raise OSError(f"a peer must not leave this machine: {arguments[0]}")


def _answers() -> TextIO:
    """The real stdout; whatever else is printed goes nowhere."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return os.fdopen(kept, "w", buffering=1)


def _asked(peer: Any, ask: Ask) -> Seen:
    seen = Seen()
    usual = peer.text if ask.kind in ("leave", "loop") else None
    function = getattr(peer, ask.kind, usual)
    if function is None:
        return UNFIT
    if ask.leaves:
        gc.collect()
        gc.disable()  # a connection that only the collector closes is open for long
    began = time.monotonic()
    try:
        if ask.kind == "loop":
            asyncio.run(_inside(function, ask, seen))
        else:
            function(ask, seen)
    except BaseException as error:  # noqa: BLE001 - the very thing that is measured
        seen.failed(error)
    seen.seconds = round(time.monotonic() - began, 3)
    return seen


async def _inside(function: Callable[[Ask, Seen], None], ask: Ask, seen: Seen) -> None:
    function(ask, seen)


def main(name: str) -> None:
    """Serve until stdin ends; the first line tells the version, or why the peer is not here."""
    out = _answers()
    warnings.simplefilter("ignore")
    peer: Any = importlib.import_module(f"tests.faults.torture.peers.{name}")
    try:
        for needed in peer.NEEDS:
            importlib.import_module(needed)
        version = metadata.version(peer.DISTRIBUTION) if peer.DISTRIBUTION else ""
    except (ImportError, metadata.PackageNotFoundError) as error:
        print(json.dumps({"missing": str(error)}), file=out)
        return
    print(json.dumps({"version": version}), file=out)
    if name != "rig":
        sys.addaudithook(_stay_here)
    for line in sys.stdin:
        gc.enable()
        KEPT.clear()
        print(_asked(peer, Ask(*json.loads(line))).to_json(), file=out)


if __name__ == "__main__":
    main(sys.argv[1])
