"""Forks, `multiprocessing` and gunicorn: every process has connections and locks of its own."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.conftest import ServerFactory
from tests.faults.stress.crowd import Crowd, answer_to
from tests.server import Flood, Stall, WaitFor, chat_chunk, chat_chunks, sse_response
from tests.threads.scripts import ROOT, run_script
from tests.threads.watching import settled

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

WITHIN = 20.0
STARTS_WITHIN = 30.0

# fork ----------------------------------------------------------------------------------------

FORKS = """
import faulthandler, os, sys, threading, warnings
from rig_sync import Agent, CancelToken, PauseControl
from rig_sync.providers.openai_compatible import Client
from tests.faults.stress.crowd import answer_to

warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since 3.12
sys.setswitchinterval(1e-5)
client = Client(base_url=sys.argv[1])
model, control, token = client.completion_model("m"), PauseControl(), CancelToken()

def get(n: int) -> str:
    "Get something."
    return "got it"

agent = Agent(model, tools=[get])
stop, failed, count = threading.Event(), [], [0]

def read(number):
    while not stop.is_set():
        prompt = f"thread {number}"
        try:
            stream = model.stream_completion(prompt).stream(pause=control, cancel=token)
            text = "".join(stream.text_deltas())
            if text != answer_to(prompt):
                failed.append(text)
            count[0] += 1
        except Exception as error:
            failed.append(repr(error))

def flutter():
    while not stop.is_set():
        control.pause()
        control.resume()

def change():
    while not stop.is_set():
        agent.tools.add(get_more)
        agent.tools.remove("get_more")

def get_more(n: int) -> str:
    "Get more of it."
    return "more"

def child(kind):
    faulthandler.dump_traceback_later(10, exit=True)
    control.pause()
    control.resume()
    agent.tools.add(lambda_tool)
    if kind:
        stream = agent.stream_prompt("child", pause=control, cancel=token)
    else:
        stream = model.stream_completion("child").stream(pause=control, cancel=token)
    with stream:
        text = "".join(stream.text_deltas())
    token.cancel()
    return 0 if text == answer_to("child") else 1

def lambda_tool(n: int) -> str:
    "A tool of the child's."
    return "x"

threads = [threading.Thread(target=read, args=(number,)) for number in range(3)]
threads += [threading.Thread(target=flutter), threading.Thread(target=change)]
for one in threads:
    one.start()
codes = []
for number in range(30):
    pid = os.fork()
    if not pid:
        code = 2
        try:
            code = child(number % 2)
        finally:
            os._exit(code)
    codes.append(os.waitpid(pid, 0)[1])
stop.set()
control.resume()
for one in threads:
    one.join(10)
print(sum(map(bool, codes)), failed, count[0] > 0, any(one.is_alive() for one in threads))
"""


def test_forks_beside_streams() -> None:
    """Children of a process that streams, pauses and changes tools in threads: all come through."""
    with Crowd() as crowd:
        assert run_script(FORKS, crowd.url).check() == "0 [] True False\n"


FORK_IN_A_THREAD = """
import os, sys, threading, warnings
from rig_sync.providers.openai_compatible import Client
from tests.faults.stress.crowd import answer_to

warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since 3.12
model = Client(base_url=sys.argv[1]).completion_model("m")

def ask(prompt):
    return "".join(model.stream_completion(prompt).stream().text_deltas()) == answer_to(prompt)

unread = model.stream_completion("before the fork").stream()
codes = []

def fork():
    pid = os.fork()
    if not pid:
        text = "".join(unread.text_deltas())  # made by the parent, and not begun
        os._exit(0 if ask("child") and text == answer_to("before the fork") else 1)
    codes.append(os.waitpid(pid, 0)[1])

for _ in range(3):
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
print(codes, ask("parent"))
"""


def test_a_fork_in_a_thread() -> None:
    """The child's only thread is not the main one of its parent; it reads what was not begun."""
    with Crowd() as crowd:
        assert run_script(FORK_IN_A_THREAD, crowd.url).check() == "[0, 0, 0] True\n"


# multiprocessing -----------------------------------------------------------------------------

POOL = '''
"""A script as a user writes it: every worker makes its own client."""
import multiprocessing, os, sys

agents = []

def begin(url):
    from rig_sync.providers.openai_compatible import Client
    agents.append(Client(base_url=url).agent("m").build())

def ask(prompt):
    return os.getpid(), agents[0].prompt(prompt, stream=True).output

if __name__ == "__main__":
    how, url = sys.argv[1:]
    context = multiprocessing.get_context(how)
    with context.Pool(2, begin, (url,)) as pool:
        found = pool.map(ask, [f"prompt {number}" for number in range(8)], chunksize=1)
        pool.close()
        pool.join()
    assert os.getpid() not in {pid for pid, _ in found}
    print([text for _, text in found])
'''

TEXTS = [answer_to(f"prompt {number}") for number in range(8)]


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_a_pool(tmp_path: Path, how: str) -> None:
    """An agent in each worker of a pool, by every way to start one."""
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    with Crowd() as crowd:
        assert in_a_process([str(script), how, crowd.url]) == f"{TEXTS}\n"


INHERITED = """
import multiprocessing, sys, warnings
from rig_sync.providers.openai_compatible import Client

warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, since 3.12
agent = Client(base_url=sys.argv[1]).agent("m").build()
agent.prompt("first", stream=True)  # a connection waits in the pool

def ask(prompt):
    return agent.prompt(prompt, stream=True).output

with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(ask, [f"prompt {number}" for number in range(8)]))
    pool.close()
    pool.join()
"""


def test_a_forked_pool_inherits_the_agent() -> None:
    """With `fork`, a global client will do: its workers open connections of their own."""
    with Crowd() as crowd:
        assert run_script(INHERITED, crowd.url).check() == f"{TEXTS}\n"


def in_a_process(arguments: list[str]) -> str:
    """What a script prints, run by itself without a complaint."""
    command = [sys.executable, "-X", "dev", "-W", "error", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


# gunicorn ------------------------------------------------------------------------------------

APP = '''
"""The example's app, with a client that is made before the workers are forked."""
import os

from examples.flask_app import create_app
from rig_sync.providers.openai_compatible import Client

app = create_app(Client(base_url=os.environ["PROVIDER"]))

@app.after_request
def tell_who(response):
    response.headers["X-Worker"] = str(os.getpid())
    return response
'''
LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")


class Gunicorn(NamedTuple):
    """A running one.

    Attributes:
        process: Its master.
        log: What it and its workers write.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def told(self, words: str) -> bool:
        """Whether they wrote that."""
        return words in self.log.read_text(errors="replace")


class Story(NamedTuple):
    """An answer of the app's, and the process that gave it."""

    text: str
    worker: int


SETTINGS = """
preload_app = True
control_socket_disable = True

def post_worker_init(worker):
    worker.log.info("Ready")
"""


@contextmanager
def gunicorn(folder: Path, provider: str, *options: str) -> Iterator[Gunicorn]:
    """Gunicorn with the app in it, ended with the block."""
    if find_spec("gunicorn") is None:
        pytest.skip("there is no gunicorn")
    (folder / "app.py").write_text(APP)
    log = folder / "log"
    environment = {
        **os.environ,
        "PROVIDER": provider,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))),
    }
    settings = folder / "gunicorn.conf.py"  # what a version does not know, it passes over there
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "gunicorn", "--config", str(settings), *options]
    command += ["--bind", "127.0.0.1:0", "app:app"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            workers = int(options[options.index("--workers") + 1])
            yield Gunicorn(_port(process, log, workers), process, log)
        finally:
            process.terminate()
            try:
                process.wait(WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _port(process: subprocess.Popen[bytes], log: Path, workers: int) -> int:
    """Where it listens, once all its workers are ready: one that boots would miss a signal."""
    end = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < end:
        printed = log.read_text(errors="replace")
        found = LISTENING.search(printed)
        if found is not None and printed.count("Ready") >= workers:
            return int(found[1])
        threading.Event().wait(0.02)
    raise AssertionError(f"gunicorn did not start:\n{log.read_text(errors='replace')}")


def ask(port: int, about: str) -> Story:
    """The whole story."""
    with closing(begin(port, about)) as connection:
        answer = connection.getresponse()
        return Story(answer.read().decode(), int(answer.headers["X-Worker"]))


def begin(port: int, about: str) -> http.client.HTTPConnection:
    """A connection on which a story was asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/story", urlencode({"about": about}), kind)
    return connection


WORKERS = {
    "sync": (3, ["--workers", "3"]),
    "gthread": (8, ["--workers", "2", "--worker-class", "gthread", "--threads", "8"]),
    "gevent": (8, ["--workers", "1", "--worker-class", "gevent"]),
}


@pytest.mark.parametrize("kind", WORKERS)
def test_gunicorn(tmp_path: Path, kind: str) -> None:
    """As many stories at once as its workers can tell; each in the right words, again and again."""
    if kind == "gevent" and find_spec("gevent") is None:
        pytest.skip("there is no gevent")
    count, options = WORKERS[kind]
    with Crowd(together=count) as crowd, gunicorn(tmp_path, crowd.url, *options) as served:
        for turn in range(3):
            about = [f"story {turn} {number}" for number in range(count)]
            with ThreadPoolExecutor(count) as pool:
                told = list(pool.map(lambda words: ask(served.port, words), about))
            assert [story.text for story in told] == list(map(answer_to, about))
            if turn == 0 and kind == "sync":
                assert len({story.worker for story in told}) == count
        assert set(crowd.prompts.values()) == {1}
        served.process.terminate()
        assert served.process.wait(WITHIN) == 0
        assert crowd.wait_closed()
        assert not served.told("Traceback")


WORD = chat_chunk({"content": "word "})


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_stops_gracefully(server: ServerFactory, tmp_path: Path, kind: str) -> None:
    """Told to stop while a story is told, it tells it to the end, and goes."""
    go = threading.Event()
    scripted = server(sse_response(WORD, WaitFor(go), *chat_chunks("end")))
    with gunicorn(tmp_path, scripted.url, *WORKERS[kind][1]) as served:
        with closing(begin(served.port, "a robot")) as browser:
            answer = browser.getresponse()
            assert answer.read(5) == b"word "
            served.process.terminate()
            settled(lambda: served.told("Handling signal: term"), to=True)
            go.set()
            assert answer.read() == b"end"
        assert served.process.wait(WITHIN) == 0
    assert not served.told("Traceback")


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_when_the_browser_leaves(server: ServerFactory, tmp_path: Path, kind: str) -> None:
    """The provider's connection goes with the browser's; the worker goes on."""
    scripted = server(sse_response(Flood(WORD)), sse_response(*chat_chunks("Hello")))
    with gunicorn(tmp_path, scripted.url, *WORKERS[kind][1]) as served:
        with closing(begin(served.port, "a robot")) as browser:
            assert browser.getresponse().read(5) == b"word "
        assert scripted.disconnected.wait(WITHIN)
        assert ask(served.port, "another").text == "Hello"
    assert not served.told("Traceback")


ENDS = {
    "its time is over": (["--timeout", "1"], None, "WORKER TIMEOUT"),
    "it is aborted": ([], signal.SIGABRT, ""),
    "it is killed": ([], signal.SIGKILL, ""),
    "it is told to quit": ([], signal.SIGQUIT, ""),
}


@pytest.mark.parametrize("why", ENDS)
def test_a_worker_ends_in_mid_stream(server: ServerFactory, tmp_path: Path, why: str) -> None:
    """The provider's connection goes at once, and another worker tells the next story."""
    options, number, words = ENDS[why]
    scripted = server(sse_response(WORD, Stall()), sse_response(*chat_chunks("Hello")))
    with gunicorn(tmp_path, scripted.url, "--workers", "1", *options) as served:
        with closing(begin(served.port, "a robot")) as browser:
            answer = browser.getresponse()
            assert answer.read(5) == b"word "
            worker = int(answer.headers["X-Worker"])
            if number is not None:
                os.kill(worker, number)
            assert scripted.disconnected.wait(WITHIN)
            assert served.told(words)
        again = ask(served.port, "another")
        assert (again.text, again.worker != worker) == ("Hello", True)
