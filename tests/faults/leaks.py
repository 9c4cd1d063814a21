"""Streams that end in every way, and what the process then holds.

    python -m tests.faults.leaks --count 10000

Afterwards threads and descriptors are what they were after the warm-up, memory is within 5 MiB, and
no object of a stream is left; in every second thousand the garbage collector is off. The server is
another process, so that its memory does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults.endings import REFUSED, SCRIPTS, WAYS, Asked
from tests.faults.vitals import Vitals, leaks, vitals
from tests.server import Request, Script, ScriptedServer, error_response

__all__ = ["main"]

ROOT = Path(__file__).parents[2]


def serve(certificate: list[str]) -> None:
    """What the server's process does: answer as the path says, until its input ends."""
    refusing = itertools.cycle((True, False))

    def answer(request: Request) -> Script:
        name = request.path.split("/")[1].replace("-", " ")
        if name == "every second":
            if next(refusing):
                return error_response(503)
            name = "text"
        script = SCRIPTS[name]
        return script(request) if callable(script) else script

    pair = (certificate[0], certificate[1]) if certificate else None
    with ScriptedServer(answer, certificate=pair) as server:
        print(server.url, flush=True)
        sys.stdin.read()


# the command ---------------------------------------------------------------------------------


@contextlib.contextmanager
def served(certificate: tuple[str, ...]) -> Iterator[str]:
    """The URL of a server in another process."""
    command = [sys.executable, "-m", "tests.faults.leaks", "--serve", *certificate]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """A URL at which nobody listens, for as long as this lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def certificate_in(folder: Path) -> tuple[str, ...]:
    """Files of a certificate for localhost and of its key; none without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return ()
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def run(
    count: int, seed: int, block: int, places: list[Asked], refused: Asked
) -> tuple[Vitals, Vitals, list[str]]:
    """The vitals after the first block and at the end, and what was left after any of them.

    Args:
        count: Streams in all.
        seed: Of the order of ways.
        block: Streams between two looks.
        places: Where most ask: plain first, and over TLS.
        refused: Where nobody listens.
    """
    chance = random.Random(seed)
    order = list(WAYS.values())
    print(f"{'streams':>8} {'threads':>8} {'fds':>6} {'RSS KiB':>9}  collector")
    start = vitals()
    told(0, start)
    found: list[str] = []
    after = start
    for number in range(1, count + 1):
        if number % 50 == 0:
            REFUSED.go(refused)
        else:
            chance.choice(order).go(places[-1] if number % 5 == 0 else places[0])
        if number % block == 0 or number == count:
            for one in places:
                one.close()
            found += [f"after {number}: {line}" for line in leaks(start)]
            now = vitals()
            told(number, now)
            after = now if number <= block else after
            if gc.isenabled():
                gc.disable()
            else:
                gc.enable()
    gc.enable()
    return after, vitals(), found


def told(number: int, now: Vitals) -> None:
    """One line of the table."""
    state = "on" if gc.isenabled() else "off"
    print(f"{number:8} {now.threads:8} {now.fds:6} {now.rss:9}  {state}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.leaks")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--block", type=int, default=1000, help="streams between two looks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rss", type=int, default=5120, help="KiB that it may grow by")
    parser.add_argument("--serve", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve is not None:
        serve(given.serve)
        return 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = certificate_in(folder)
        places = [Asked(stack.enter_context(served(())))]
        if certificate:
            os.environ["REQUESTS_CA_BUNDLE"] = certificate[0]
            places.append(Asked(stack.enter_context(served(certificate))))
        else:
            print("there is no openssl to make a certificate with: plain connections alone")
        refused = Asked(stack.enter_context(refusing()))
        before, after, found = run(given.count, given.seed, given.block, places, refused)
    print(*found, sep="\n")
    grown = (after.threads - before.threads, after.fds - before.fds, after.rss - before.rss)
    print(
        f"{given.count} streams: threads {grown[0]:+}, fds {grown[1]:+}, RSS {grown[2]:+} KiB",
    )
    return 1 if found or max(grown[:2]) > 0 or grown[2] > given.rss else 0


if __name__ == "__main__":
    sys.exit(main())
