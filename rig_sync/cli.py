"""The command `rig-sync`: one prompt, streamed to the terminal."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

from rig_sync._json import compact
from rig_sync.agent.agent import Agent
from rig_sync.agent.items import FinalResponse, dump_item
from rig_sync.agent.options import RunOptions
from rig_sync.agent.run import AgentRun
from rig_sync.client import Client, ClientOptions
from rig_sync.errors import ConfigError, PromptError, RigError
from rig_sync.modelfile import SMOLLM2, cache_folder, checksum, find
from rig_sync.providers import client_class, provider_names
from rig_sync.stdout import printable, silence, stream_to_stdout
from rig_sync.streaming.items import StreamError
from rig_sync.version import VERSION

__all__ = ["build_parser", "entry", "main"]

DEFAULT_MODEL = "local:smollm2"
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

EPILOG = """\
Without --model the built-in model answers (local:smollm2): no key, nothing leaves this machine. It
is fetched once, 93 MB; it is small and often wrong. RIG_SYNC_MODEL names another default.

  rig-sync "Tell me a short story about a robot."
  rig-sync --model openai:gpt-5.5 "Tell me a short story about a robot."
  rig-sync --model openai_compatible:qwen3 --base-url http://localhost:8000/v1 "Hello"
  rig-sync --tool mytools:weather --model openai:gpt-5.5 "Will it rain in Ulm?"
  rig-sync models pull              fetch the built-in model now
  rig-sync models list openai       the models that a provider has
  rig-sync doctor http://localhost:8000/v1      how an endpoint differs from its documentation
  rig-sync providers                the providers, and what each needs and offers
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (the process's own by default); returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return _COMMANDS.get(arguments[0] if arguments else "", _prompt)(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return OK
    except RigError as error:
        if debug:
            print(printable(traceback.format_exc()), end="", file=sys.stderr)
        else:
            print(f"rig-sync: {_one_line(error)}", file=sys.stderr)
        return MISUSED if isinstance(error, ConfigError) else FAILED


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """As the command says all else: who typed it does not look for a line in it."""
    del category, filename, lineno, line
    print(f"rig-sync: {message}", file=file or sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(
        prog="rig-sync",
        description="Stream a language model's answer to the terminal.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help="what to ask; - reads standard input")
    add("--model", metavar="PROVIDER:NAME", help="which model answers")
    add("--base-url", metavar="URL", help="where the provider is")
    add("--preamble", metavar="TEXT", help="the system prompt")
    add("--temperature", type=float, metavar="T", help="0 or above")
    add("--max-tokens", type=int, metavar="N", help="the most tokens of one answer")
    add("--max-turns", type=int, metavar="N", help="model calls at most, with tools")
    add(
        "--tool",
        action="append",
        default=[],
        metavar="MODULE:FUNCTION",
        help="a Python function that the model may call; may be repeated",
    )
    add("--show-reasoning", action="store_true", help="print the model's thinking too")
    add("--usage", action="store_true", help="print the token counts to standard error")
    add("--json", action="store_true", help="print every item of the stream as a line of JSON")
    add("--offline", action="store_true", help="never fetch anything")
    add("--debug", action="store_true", help="print a traceback on errors")
    add("--version", action="version", version=f"rig-sync {VERSION}")
    return parser


def _prompt(arguments: list[str]) -> int:
    options = build_parser().parse_args(arguments)
    prompt = _read_prompt(options.prompt)
    with _client(options) as client:
        agent = _agent(client, options)
        run: RunOptions = {}
        if options.max_turns is not None:
            run["max_turns"] = options.max_turns
        final, status = (_print_json if options.json else _print_text)(agent, prompt, run, options)
    if options.usage and final is not None:
        usage = final.usage
        print(
            f"{_count(usage.input_tokens)} in, {_count(usage.output_tokens)} out", file=sys.stderr
        )
    return status


def _print_text(
    agent: Agent, prompt: str, run: RunOptions, options: argparse.Namespace
) -> tuple[FinalResponse | None, int]:
    stream = agent.stream_prompt(prompt, **run)
    final = stream_to_stdout(stream, show_reasoning=options.show_reasoning)
    while stream.run.pending:
        _decide(stream.run)
        stream = agent.stream_resume(stream.run)
        final = stream_to_stdout(stream, show_reasoning=options.show_reasoning)
    return final, OK


def _decide(run: AgentRun) -> None:
    """Ask the person at the terminal about each call that waits."""
    for one in run.pending:
        call = f"{one.call.name}({_all_escaped(compact(one.call.arguments))})"
        if not sys.stdin.isatty():
            raise PromptError(f"{call} waits for a person, and there is no terminal to ask one at")
        if one.state == "deferred":
            run.answer_call(one.call.id, _asked(f"rig-sync: what does {call} give? "))
        elif _asked(f"rig-sync: run {call}? [y/N] ").lower() in ("y", "yes"):
            run.approve(one.call.id)
        else:
            run.deny(one.call.id)


def _asked(question: str) -> str:
    """What the person types; nothing at the end of input."""
    print(printable(question), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _print_json(
    agent: Agent, prompt: str, run: RunOptions, options: argparse.Namespace
) -> tuple[FinalResponse | None, int]:
    del options
    status = OK
    run["raise_errors"] = "none"
    with agent.stream_prompt(prompt, **run) as stream:
        for item in stream:
            _print_line(_all_escaped(dump_item(item).decode()))
            if isinstance(item, StreamError) and not item.error.recoverable:
                print(f"rig-sync: {_one_line(item.error)}", file=sys.stderr)
                status = FAILED
        return stream.final, status


def _read_prompt(given: str | None) -> str:
    if given == "-" or (given is None and not sys.stdin.isatty()):
        return sys.stdin.read()
    if given is None:
        raise ConfigError('there is no prompt: write rig-sync "your question", or see --help')
    return given


def _client(options: argparse.Namespace) -> Client:
    """The client of the model that was asked for; sets `options.model_name`."""
    wanted = options.model or os.environ.get("RIG_SYNC_MODEL", "").strip()
    if not wanted and options.base_url:
        raise ConfigError("--base-url needs a model: add --model openai_compatible:NAME")
    wanted = wanted or DEFAULT_MODEL
    provider, colon, name = wanted.partition(":")
    if not colon or not name.strip():
        raise ConfigError(f"--model {wanted!r}: write PROVIDER:NAME, as openai:gpt-5.5")
    options.model_name = name
    kind = client_class(provider)
    if provider == "local" and name == SMOLLM2.name:
        _have_built_in(options)
    given: ClientOptions = {"base_url": options.base_url} if options.base_url else {}
    return kind.from_env(**given)


def _agent(client: Client, options: argparse.Namespace) -> Agent:
    builder = client.agent(options.model_name).tools(_tool(name) for name in options.tool)
    if options.preamble is not None:
        builder.preamble(options.preamble)
    if options.temperature is not None:
        builder.temperature(options.temperature)
    if options.max_tokens is not None:
        builder.max_tokens(options.max_tokens)
    return builder.build()


def _tool(name: str) -> object:
    module, colon, function = name.partition(":")
    if not colon or not module or not function:
        raise ConfigError(f"--tool {name!r}: write MODULE:FUNCTION, as mytools:weather")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: object = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"--tool {name!r}: {error}") from error
    return found


def _have_built_in(options: argparse.Namespace) -> None:
    """Fetch the built-in model if it is not there yet, and say so first."""
    if find(SMOLLM2) is not None:
        return
    if options.offline:
        raise ConfigError(
            "the built-in model is not on this machine and --offline forbids to fetch it: "
            "run `rig-sync models pull` while online"
        )
    _pull()


def _doctor(arguments: list[str]) -> int:
    from rig_sync.doctor.command import main as examine  # noqa: PLC0415 - not needed by most runs

    return examine(arguments[1:])


def _models(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="rig-sync models", description="Models to talk to.")
    actions = parser.add_subparsers(dest="action", required=True)
    pull = actions.add_parser("pull", help="fetch the built-in model, once")
    listing = actions.add_parser("list", help="those that a provider has, an id a line")
    listing.add_argument("provider", help="as openai; its key comes from the environment")
    listing.add_argument("--base-url", metavar="URL", help="where the provider is")
    for one in (pull, listing):
        one.add_argument("--debug", action="store_true", help="print a traceback on errors")
    options = parser.parse_args(arguments[1:])
    if options.action == "list":
        return _list(options)
    found = find(SMOLLM2)
    if found is not None and checksum(found) == SMOLLM2.sha256:
        print(f"{SMOLLM2.name} is already there: {found}", file=sys.stderr)
    else:
        _pull()
    return OK


def _list(options: argparse.Namespace) -> int:
    given: ClientOptions = {"base_url": options.base_url} if options.base_url else {}
    with client_class(options.provider).from_env(**given) as client:
        for model in client.list_models():
            print(printable(model.id))
    return OK


def _providers(arguments: list[str]) -> int:
    """A line for each provider, found by walking the package."""
    parser = argparse.ArgumentParser(prog="rig-sync providers", description="Who can be asked.")
    parser.add_argument("--debug", action="store_true", help="print a traceback on errors")
    parser.parse_args(arguments[1:])
    heads = ("PROVIDER", "KEY", "DEFAULT URL", "WIRE", "OFFERS")
    rows = [heads, *(_row(client_class(name)) for name in provider_names())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return OK


def _row(kind: type[Client]) -> tuple[str, ...]:
    key = kind.api_key_env or "-"
    if kind.api_key_env and not kind.key_required:
        key = f"[{key}]"
    url = kind.default_base_url or f"{kind.base_url_env}"
    wire = kind.wire.name if kind.capabilities.completion else "-"
    lacking = [name for name in kind.capabilities.lacking if name != "native_output_with_tools"]
    without = f"; no {', '.join(lacking)}" if lacking and kind.capabilities.completion else ""
    return kind.name, key, url, wire, " ".join(kind.offers()) + without


def _pull() -> None:
    from rig_sync.pull import ProgressBar, pull  # noqa: PLC0415 - not needed by most runs

    print(
        f"Fetching {SMOLLM2.name} once ({SMOLLM2.file}, {SMOLLM2.megabytes} MB, "
        f"{SMOLLM2.licence}) to {cache_folder()}",
        file=sys.stderr,
    )
    with ProgressBar(sys.stderr) as bar:
        pull(SMOLLM2, report=bar)


def _count(tokens: int | None) -> str:
    return "unknown tokens" if tokens is None else f"{tokens} tokens"


def _one_line(error: RigError) -> str:
    return printable(" ".join(str(error).split())) or type(error).__name__


def _print_line(line: str) -> None:
    """A line of JSON, in ASCII where standard output knows no other letters."""
    try:
        print(line, flush=True)
    except UnicodeEncodeError:
        print(json.dumps(json.loads(line)), flush=True)


def _all_escaped(line: str) -> str:
    r"""JSON with all escaped that steers a terminal, or cannot be seen there.

    >>> _all_escaped('"\x9b"')
    '"\\u009b"'
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "doctor": _doctor,
    "models": _models,
    "providers": _providers,
}


def entry() -> NoReturn:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
