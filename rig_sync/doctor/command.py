"""The command `rig-sync doctor`: an examination on the terminal."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import TextIO, TypeAlias

import msgspec

from rig_sync.client import Client, ClientOptions, env
from rig_sync.doctor.report import Report
from rig_sync.doctor.run import TIMEOUT, Examination
from rig_sync.doctor.spoken import SPOKEN
from rig_sync.doctor.table import rendered
from rig_sync.errors import ConfigError
from rig_sync.providers import client_class, gemini, openai_compatible
from rig_sync.stdout import silence

__all__ = ["build_parser", "client_for", "main"]

OK, FAILED, INTERRUPTED = 0, 1, 130
DEFAULT_WIRE = "openai_chat"

EPILOG = """\
Makes about twenty short requests, which a provider charges for. The exit status is 0 when rig_sync
copes with everything that was found, 1 when it does not, 2 for a mistake on the command line.

  rig-sync doctor http://localhost:8000/v1
  rig-sync doctor http://localhost:11434 --wire ollama_chat --model llama3.2
  rig-sync doctor https://gateway.example.com/v1 --key-env GATEWAY_KEY --model qwen3
  rig-sync doctor --provider groq --model llama-3.1-8b-instant
"""

Maker: TypeAlias = Callable[[Callable[[], str], ClientOptions], Client]


def main(arguments: Sequence[str]) -> int:
    """Run `rig-sync doctor` with what follows that; returns its exit status.

    Raises:
        ConfigError: an argument cannot be, or a variable is not set.
    """
    options, unknown = build_parser().parse_known_args(arguments)
    if unknown:
        raise ConfigError(_unknown(unknown))
    with (
        client_for(options) as client,
        Examination(
            client, model=options.model, timeout=options.timeout, checks=options.check
        ) as examination,
    ):
        status = _examine(examination, options)
        report = examination.report
        if options.debug:
            for line in examination.log:
                _say(line, sys.stderr)
    status = status or (OK if report.copes else FAILED)
    try:
        if options.json:
            _print_json(_without_findings(report))
        else:
            _say(rendered(report), sys.stdout)
    except BrokenPipeError:  # what was found is no better for nobody having read it
        silence(sys.stdout)
    return status


def _examine(examination: Examination, options: argparse.Namespace) -> int:
    """Make all checks, and tell of each; the status if that was stopped."""
    progress = _Progress(sys.stderr)
    try:
        progress.show(examination.next_check)
        for finding in examination:
            if options.json:
                _print_json(finding)
            progress.show(examination.next_check)
    except BrokenPipeError:
        silence(sys.stdout)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        progress.show(None)
    return OK


def build_parser() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(
        prog="rig-sync doctor",
        description="Examine an endpoint: where it differs from its wire's documentation, and "
        "whether rig_sync copes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("base_url", nargs="?", metavar="BASE_URL", help="as http://localhost:8000/v1")
    add("--model", metavar="NAME", help="who is asked; the first that the endpoint lists")
    add("--wire", choices=SPOKEN, metavar="WIRE", help=f"one of: {', '.join(SPOKEN)}")
    add("--provider", metavar="PROVIDER", help="its address, headers, key and wire, as groq")
    add("--key-env", metavar="VARIABLE", help="the environment variable that has the key")
    add(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"that one answer may take; {TIMEOUT:g} by default",
    )
    add(
        "--check",
        action="append",
        metavar="NAME",
        help="make this check alone, as 'tool deltas'; may be repeated",
    )
    add("--json", action="store_true", help="print each finding as a line of JSON, then the report")
    add("--debug", action="store_true", help="print every exchange to standard error, without keys")
    return parser


def client_for(options: argparse.Namespace) -> Client:
    """The client of the endpoint that was asked for.

    A key is sent only if it was meant for there: the one in `--key-env`, or that of `--provider`;
    a generic client has `OPENAI_COMPATIBLE_API_KEY`.

    Raises:
        ConfigError: no address; no such provider; a variable is not set.
    """
    if options.provider is None and options.base_url is None:
        raise ConfigError("write rig-sync doctor BASE_URL, or --provider NAME; see --help")
    given: ClientOptions = {"base_url": options.base_url} if options.base_url else {}
    key = None if options.key_env is None else _key(options.key_env)
    if options.provider is None:
        wire = options.wire or DEFAULT_WIRE
        own = env(openai_compatible.Client.api_key_env) if wire.startswith("openai_") else None
        found = key or own or ""
        return _MAKERS[wire](lambda: found, given)
    kind = client_class(options.provider)
    client = kind.from_env(**given) if key is None else _with_key(kind, key, given)
    if options.wire is not None:
        client.wire = _MAKERS[options.wire](str, {"base_url": client.endpoint.base_url}).wire
    return client


def _with_key(kind: type[Client], key: str, given: ClientOptions) -> Client:
    if kind.api_key_env is None:
        raise ConfigError(f"{kind.name} takes no key of its own: leave --key-env out")
    url = given.get("base_url") or env(kind.base_url_env)
    return kind(key, base_url=url)


def _key(variable: str) -> str:
    found = env(variable)
    if found is None:
        # somebody may have written the key itself
        name = variable if re.fullmatch(r"[A-Z][A-Z0-9_]{0,60}", variable) else "its variable"
        raise ConfigError(f"--key-env: {name} is not set; write the name of a variable, not a key")
    return found


def _unknown(words: Sequence[str]) -> str:
    """What to say of words that mean nothing here; one of them may be a key.

    >>> _unknown(["--api-key=sk-1", "sk-1"])
    'there is no option --api-key: a key is taken from the environment, by --key-env VARIABLE'
    """
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    if not names:
        return "more words than one BASE_URL: see rig-sync doctor --help"
    return (
        f"there is no option {names[0]}: a key is taken from the environment, by --key-env VARIABLE"
    )


def _provider(name: str) -> Maker:
    return lambda key, options: client_class(name)(key, **options)


def _responses(key: Callable[[], str], options: ClientOptions) -> Client:
    return openai_compatible.Client(key, **options).responses_api()


def _interactions(key: Callable[[], str], options: ClientOptions) -> Client:
    return gemini.Client(key, **options).interactions_api()


def _converse(key: Callable[[], str], options: ClientOptions) -> Client:
    return client_class("bedrock")(key() or None, **options)


_MAKERS: dict[str, Maker] = {
    "openai_chat": _provider("openai_compatible"),
    "openai_responses": _responses,
    "anthropic_messages": _provider("anthropic"),
    "gemini_generate": _provider("gemini"),
    "gemini_interactions": _interactions,
    "cohere_chat": _provider("cohere"),
    "ollama_chat": _provider("ollama"),
    "bedrock_converse": _converse,
}
"""What makes a client for a wire alone; a key that is a function may turn out to be none."""


class _Progress:
    """One line on a terminal that says what is being looked at; nothing anywhere else."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._shown = 0

    def show(self, check: str | None) -> None:
        """Say that `check` is made; None takes the line away."""
        if not self._file.isatty():
            return
        text = "" if check is None else f"looking at: {check} ..."
        self._file.write(f"\r{text.ljust(self._shown)}{'' if text else chr(13)}")
        self._file.flush()
        self._shown = len(text)


def _without_findings(report: Report) -> dict[str, object]:
    """What there is to say beside them, which were printed already."""
    fields: dict[str, object] = {"kind": "report", **msgspec.structs.asdict(report)}
    del fields["findings"]
    return {**fields, "copes": report.copes, "summary": report.summary}


def _print_json(value: object) -> None:
    _say(msgspec.json.encode(value).decode(), sys.stdout)


def _say(text: str, file: TextIO) -> None:
    """Print `text`; what `file` cannot show becomes a question mark."""
    coding = file.encoding or "utf-8"
    file.write(f"{text.encode(coding, 'replace').decode(coding)}\n")
    file.flush()
