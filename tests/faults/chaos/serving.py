"""The server: one thread, any number of connections, in a process of its own.

It reads what to serve from its input, writes its port to its output, and ends when its input does.
A request says in its body which stream it is (`MARK`); what happens to that is in its plan.
"""

from __future__ import annotations

import heapq
import itertools
import re
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from tests.faults.chaos.answering import Rest, Step, Stop, served
from tests.faults.chaos.bodies import Body
from tests.faults.chaos.plans import Shelf, mended, plan_of

__all__ = ["MARK", "Server", "Setup", "main"]

MARK = "stream number {} of chaos"
_MARKED = re.compile(rb"stream number (\d+) of chaos")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ROOT = Path(__file__).parents[3]


class Setup(Struct, frozen=True):
    """What is served: the plans of that seed over those bodies."""

    seed: int
    bodies: Sequence[Body]
    pace: float = 0.0


class Server:
    """The server's process, in a `with`.

    Attributes:
        url: Where it is.
    """

    def __init__(self, setup: Setup) -> None:
        command = [sys.executable, "-m", "tests.faults.chaos.serving"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        data = msgspec.msgpack.encode(setup)
        out, back = self._pipes()
        out.write(struct.pack(">I", len(data)) + data)
        out.flush()
        self.url = f"http://127.0.0.1:{int(back.readline())}"

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        out, back = self._pipes()
        out.close()
        self._process.wait(timeout=10)
        back.close()

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        return cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)


class _Peer:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.out = b""
        self.steps: deque[Step] = deque()
        self.busy = False
        self.writes = False  # is waited for

    def request(self) -> bytes | None:
        """The next request, once it is whole."""
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return None
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(rest) < size:
            return None
        self.buffer = rest[size:]
        return rest[:size]


class _Loop:
    """Everything that the server's thread does."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._shelf = Shelf(setup.bodies)
        self._tried: set[int] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake = selectors.DefaultSelector()
        self._resting: list[tuple[float, int, _Peer]] = []
        self._order = itertools.count()

    def run(self, until: BinaryIO) -> None:
        """Serve until there is something to read from `until`, its end for one."""
        self._wake.register(self._listener, selectors.EVENT_READ)
        self._wake.register(until, selectors.EVENT_READ)
        while True:
            for key, events in self._wake.select(self._next_due()):
                if key.fileobj is until:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._ready(key.data, events)
            self._go_on()

    def _next_due(self) -> float | None:
        return max(0.0, self._resting[0][0] - time.monotonic()) if self._resting else None

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wake.register(sock, selectors.EVENT_READ, _Peer(sock))

    def _go_on(self) -> None:
        while self._resting and self._resting[0][0] <= time.monotonic():
            peer = heapq.heappop(self._resting)[2]
            if peer.sock.fileno() >= 0:
                self._serve(peer)

    def _ready(self, peer: _Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._serve(peer)
            if events & selectors.EVENT_READ and peer.sock.fileno() >= 0:
                self._read(peer)
        except OSError:
            self._close(peer)

    def _read(self, peer: _Peer) -> None:
        data = peer.sock.recv(1 << 18)
        if not data:
            self._close(peer)
            return
        peer.buffer += data
        if not peer.busy and (request := peer.request()) is not None:
            number = _MARKED.search(request)
            if number is None:
                raise ValueError(f"which stream is this? {request[:200]!r}")
            peer.steps = deque(self._answer(int(number[1])))
            peer.busy = True
            self._serve(peer)

    def _answer(self, number: int) -> Sequence[Step]:
        """What the next try of that stream gets."""
        setup = self._setup
        plan = plan_of(setup.seed, number, self._shelf, setup.pace)
        if number in self._tried:
            plan = mended(plan)
        self._tried.add(number)
        return served(plan, setup.seed, setup.bodies).steps

    def _serve(self, peer: _Peer) -> None:
        """As many steps as can be done now."""
        try:
            while peer.out or peer.steps:
                if not peer.out:
                    step = peer.steps.popleft()
                    if isinstance(step, Rest):
                        due = time.monotonic() + step.seconds
                        heapq.heappush(self._resting, (due, next(self._order), peer))
                        return
                    if isinstance(step, Stop):
                        self._stop(peer, step)
                        return
                    peer.out = step
                sent = peer.sock.send(peer.out)
                peer.out = peer.out[sent:]
        except BlockingIOError:
            self._await_writing(peer, True)
            return
        except OSError:
            self._close(peer)
            return
        self._await_writing(peer, False)
        peer.busy = False

    def _await_writing(self, peer: _Peer, wanted: bool) -> None:
        if peer.writes != wanted:
            peer.writes = wanted
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self._wake.modify(peer.sock, events, peer)

    def _stop(self, peer: _Peer, step: Stop) -> None:
        if step.how == "stall":
            self._await_writing(peer, False)
            return
        if step.how == "rst":
            linger = struct.pack("ii", 1, 0)
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._close(peer)

    def _close(self, peer: _Peer) -> None:
        if peer.sock.fileno() >= 0:
            self._wake.unregister(peer.sock)
            peer.sock.close()


def main() -> None:
    """What the server's process does."""
    given = sys.stdin.buffer
    (size,) = struct.unpack(">I", given.read(4))
    loop = _Loop(msgspec.msgpack.decode(given.read(size), type=Setup))
    print(loop.port, flush=True)
    loop.run(given)


if __name__ == "__main__":
    main()
