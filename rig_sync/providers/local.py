"""The built-in model: llama.cpp in this process, without a key; the one place with xllamacpp.

llama.cpp brings its own HTTP server, so the model is reached as every other one is: by the chat
wire, on a loopback port that only the holder of a random key may use. It starts with the first
request (half a second, during which Python stands still) and stops with the client.

The model has 135 million parameters. It shows that streaming and tools work; it is no assistant.

Source: https://github.com/xorbitsai/xllamacpp and llama.cpp's tools/server, of October 2026.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import secrets
import threading
import time
import weakref
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Protocol

from msgspec import field, structs

from rig_sync._json import JsonObject
from rig_sync.catalog import Capabilities
from rig_sync.client import Client as BaseClient
from rig_sync.client import ClientOptions
from rig_sync.completion import CompletionRequest, ToolChoice
from rig_sync.errors import ConfigError
from rig_sync.model import CompletionModel
from rig_sync.modelfile import SMOLLM2 as BUILT_IN
from rig_sync.modelfile import cache_folder, find
from rig_sync.streaming import reader
from rig_sync.transport.endpoint import Endpoint
from rig_sync.transport.head import HttpRequest
from rig_sync.transport.http import Http, Reply
from rig_sync.transport.line import Line
from rig_sync.wire.base import Wire
from rig_sync.wire.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SMOLLM2", "Client", "LocalChat"]

SMOLLM2 = "smollm2"
INSTALL = 'pip install "rig_sync[local]"'
TEMPLATE = Path(__file__).with_name("smollm2.jinja")
PING_SECONDS = 1  # a server with a stream under way looks this often at whether it is to stop
LET_GO_SECONDS = 0.5
LEAST_CONTEXT = 256  # with 1, llama.cpp aborts the process
MOST_CONTEXT = 8192  # what SmolLM2 was trained for


# A model this small goes round in circles until its memory is full, unless it is held back.
STEADY: JsonObject = {
    "temperature": 0.7,
    "max_tokens": 512,
    "repeat_penalty": 1.1,
    "repeat_last_n": 256,
    "dry_multiplier": 0.8,
}


class LocalChat(OpenAIChat, frozen=True):
    """The chat wire, as this server and the model's template take it.

    The model never asks for a tool by itself. Where it must, the template opens the call for it;
    one certain tool is forced by showing it no other.

    Attributes:
        defaults: Sent where the request says nothing of it, unless it has tools.
    """

    defaults: JsonObject = field(default_factory=dict)

    def encode(self, request: CompletionRequest, *, stream: bool) -> JsonObject:
        """The body of the request; `additional_params` win."""
        choice = request.tool_choice
        extra: JsonObject = {} if request.tools else dict(self.defaults)
        if request.temperature == 0:
            extra["cache_prompt"] = False  # slower, but equal requests get equal answers
        if choice is not None and choice.mode in ("required", "specific"):
            shown = tuple(t for t in request.tools if not choice.names or t.name in choice.names)
            request = structs.replace(request, tools=shown, tool_choice=ToolChoice("required"))
            extra["chat_template_kwargs"] = {"force_tool": True}
        return {**extra, **super().encode(request, stream=stream)}


class Client(BaseClient):
    """The built-in model. It answers one request at a time; others wait for their turn.

    Args:
        model_path: A GGUF file instead of the pulled one. A model of your own is called by its
            file's name without the ending, and speaks by the template that its file carries.
        n_ctx: The most tokens of a prompt and its answer together.
        options: See `ClientOptions`; there is no `base_url` here.

    Raises:
        ConfigError: an argument cannot be. From the first request: `xllamacpp` is not installed,
            there is no model file, or llama.cpp cannot load it; says what to do.

    Threads: shared by threads; the first request starts the server, others wait for that. After a
        fork the child starts its own. It stops with `close`, `with`, or when neither the client
        nor a model of it is left, and at exit.
    """

    name: ClassVar[str] = "local"
    default_base_url: ClassVar[str] = "http://127.0.0.1"
    capabilities = Capabilities(
        images=False, audio=False, video=False, documents=False, native_output_with_tools=False
    )
    wire: Wire = LocalChat(reasoning_field="reasoning_content")  # that of a model of the user's

    def __init__(
        self,
        model_path: str | os.PathLike[str] | None = None,
        n_ctx: int = 4096,
        **options: Unpack[ClientOptions],
    ) -> None:
        if options.get("base_url"):
            raise ConfigError(
                "local.Client starts its own server: leave base_url out, "
                "or use llamacpp.Client for a server that runs already"
            )
        super().__init__(None, **options)
        path = None if model_path is None else Path(model_path).expanduser()
        self.model_name = SMOLLM2 if path is None or path.name == BUILT_IN.file else path.stem
        if self.model_name == SMOLLM2:
            self.wire = LocalChat(reasoning_field="reasoning_content", defaults=STEADY)
        if n_ctx < LEAST_CONTEXT or (self.model_name == SMOLLM2 and n_ctx > MOST_CONTEXT):
            raise ConfigError(
                f"n_ctx={n_ctx}: give a number of tokens, {LEAST_CONTEXT} or more, "
                f"{MOST_CONTEXT} at most for {SMOLLM2}"
            )
        self._engine = _Engine(path, self.model_name, n_ctx)
        self.endpoint = Endpoint(
            self.name,
            self._engine.base_url,
            headers={**self._auth(self._engine.key), **(options.get("headers") or {})},
            secrets=(self._engine.key,),
            http=self._engine.http,
        )

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> Client:
        """A client of the built-in model; `RIG_SYNC_CACHE` may say where its file is."""
        return cls(**options)

    def close(self) -> None:
        """Stop the server, and with it whatever it still answers; a later request starts it."""
        super().close()
        self._engine.close()

    def completion_model(
        self, name: str, *, capabilities: Capabilities | None = None
    ) -> CompletionModel:
        """The model; there is one.

        Raises:
            ConfigError: it has another name.
        """
        if name != self.model_name:
            raise ConfigError(
                f"there is no local model {name!r}; there is {self.model_name!r}, "
                "and any GGUF file by Client(model_path=...)"
            )
        return super().completion_model(name, capabilities=capabilities)


class _Server(Protocol):
    """What is needed of `xllamacpp.Server`; it stops when the last reference goes."""

    listening_address: str

    def handle_metrics(self) -> str:
        """Its counters; answered by the loop that answers everything."""


class _Engine:
    """llama.cpp for one client, started when its address is first asked for."""

    def __init__(self, path: Path | None, name: str, n_ctx: int) -> None:
        self.key = secrets.token_hex(16)
        self.http = _Loopback()
        self._path = path
        self._name = name
        self._n_ctx = n_ctx
        self._lock = threading.Lock()
        self._running: Future[_Server] | None = None
        _engines.add(self)

    def base_url(self) -> str:
        """Where the server is; starts it, or waits for the thread that does.

        Raises:
            ConfigError: it cannot be started.
        """
        with self._lock:
            running, mine = self._running, self._running is None
            if running is None:
                running = self._running = Future()
        if mine:
            self._start(running)
        try:
            return f"{running.result().listening_address}/v1"
        except ConfigError as error:  # each thread gets its own: an error grows attributes
            raise ConfigError(*error.args) from error.__cause__

    def close(self) -> None:
        """Stop the server if it runs."""
        if _inherited:
            return  # see `_forked`
        with self._lock:
            running, self._running = self._running, None
        self.http.cut()  # or it would take seconds, and Python stands still while llama.cpp ends
        del running

    def forked(self) -> bool:
        """In a forked child: forget the parent's server; whether there was one."""
        running, self._running, self._lock = self._running, None, threading.Lock()
        if running is None or not running.done() or running.exception() is not None:
            return False
        _keep_for_ever(running.result())
        return True

    def _start(self, running: Future[_Server]) -> None:
        try:
            server = _load(_checked(self._path), self._name, self._n_ctx, self.key)
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits, this thread too
            with self._lock:
                if self._running is running:
                    self._running = None  # the next request tries again
            running.set_exception(error)
        else:
            if _inherited:
                _keep_for_ever(server)
            running.set_result(server)


class _Loopback(Http):
    """Connections to this process alone, cut when the server stops."""

    def __init__(self) -> None:
        super().__init__()
        self._lines_lock = threading.Lock()
        self._lines: weakref.WeakSet[Line] = weakref.WeakSet()

    def forked(self) -> None:
        """In a forked child: no lock of the parent's."""
        super().forked()
        self._lines_lock = threading.Lock()
        self._lines = weakref.WeakSet()

    def send(self, request: HttpRequest, *, connect: float | None, line: Line) -> Reply:
        """As `Http.send`."""
        with self._lines_lock:
            self._lines.add(line)
        return super().send(request, connect=connect, line=line)

    def cut(self) -> None:
        """End every request under way, and wait a moment until their readers have let go."""
        self._cut_all()
        end = time.monotonic() + LET_GO_SECONDS
        slices = threading.Event()
        while self._lines and time.monotonic() < end:
            slices.wait(0.005)

    def _cut_all(self) -> None:
        with self._lines_lock:
            for line in self._lines:
                line.cut()


def _checked(path: Path | None) -> Path:
    """The model's file, as far as Python can see that it is one."""
    if path is None:
        path = find(BUILT_IN)
        if path is None:
            raise ConfigError(
                f"the model is not in {cache_folder()}: run `rig-sync models pull` "
                f"(once, {BUILT_IN.megabytes} MB), or set RIG_SYNC_CACHE to where it is"
            )
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigError(f"the model file cannot be read: {error}") from error
    if magic != b"GGUF":
        raise ConfigError(f"{path} is no GGUF file, which is what llama.cpp reads")
    return path


def _library() -> ModuleType:
    try:
        import xllamacpp  # noqa: PLC0415 - an extra, and only those who use it need it
    except ImportError as error:
        raise ConfigError(f"the local model runs on llama.cpp: {INSTALL} ({error})") from error
    library: ModuleType = xllamacpp
    return library


def _load(path: Path, name: str, n_ctx: int, key: str) -> _Server:
    """A started server. llama.cpp prints nothing and listens on 127.0.0.1, on a free port."""
    library = _library()
    try:
        params = library.CommonParams()
        params.model.path = str(path)
        params.model_alias = {name}
        params.n_ctx = n_ctx
        params.api_keys = [key]
        params.verbosity = -1
        params.ui = False
        params.endpoint_slots = False
        params.endpoint_metrics = True
        params.sse_ping_interval = PING_SECONDS
        params.cache_ram_mib = 0  # 8 GB by default
        # two threads that spin on busy cores collapse to a token a second
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        if name == SMOLLM2:
            params.chat_template = TEMPLATE.read_text(encoding="utf-8")
            params.antiprompt = ["</tool_call>"]
            params.fit_params = False  # twice as fast to start; there is nothing to fit
        server: _Server = library.Server(params)
        server.handle_metrics()  # waits for its loop: a server that ends before that hangs for ever
    except AttributeError as error:
        raise ConfigError(f"this xllamacpp is too old or too new: {INSTALL} ({error})") from error
    except RuntimeError as error:
        remedy = "delete it and run `rig-sync models pull`" if name == SMOLLM2 else "try another"
        raise ConfigError(
            f"llama.cpp cannot load {path}: the file is damaged, of a kind that this version of "
            f"llama.cpp does not know, or n_ctx={n_ctx} needs more memory than there is; {remedy}"
        ) from error
    return server


_engines: weakref.WeakSet[_Engine] = weakref.WeakSet()
_inherited = False


@atexit.register
def _stop_all() -> None:
    """At exit: llama.cpp's threads end before the interpreter does, and streams before those."""
    reader.stop_all()  # or whoever still reads would be told that the answer is truncated
    for engine in list(_engines):
        engine.close()


def _forked() -> None:
    """In a child forked from a process in which llama.cpp runs.

    Its threads did not come along, yet llama.cpp would join them (measured: a server's end aborts
    the process, and the C++ destructors at exit hang). So servers live to the end of this process,
    and it ends without those destructors, after everything that Python does at exit.
    """
    global _inherited
    if [engine for engine in list(_engines) if engine.forked()]:
        _inherited = True
        libc = ctypes.CDLL(None)
        if hasattr(libc, "on_exit"):  # glibc; multiprocessing's children end so anyway
            libc.on_exit(libc._exit, None)


def _keep_for_ever(server: _Server) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
