"""Keys: taken out of what is said, and kept out of what is shown and written."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import unquote

from rig_sync.errors import ConfigError

__all__ = ["HeaderFields", "Sealed", "Secrets", "passwords", "secrets_of"]

S = TypeVar("S", bound="Sealed")

SHOWN = "[key]"
HEAD = 8  # so many characters give a key away; fewer may be any word
FRESH = 64  # keys that functions gave last; so many requests may be under way
LEAST = 4  # a "key" for a server that asks for none may be shorter, and any message has it

_HARMLESS = re.compile(
    r"accept|anthropic-|content-|copilot-|date$|editor-|host$|http-referer|idempotency|openai-"
    r"|originator|referer|traceparent|user-agent|x-amz-(content|date)|x-initiator|x-title",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(basic|bearer|key|api-?key|token)\s+", re.IGNORECASE)
_COOKIE = re.compile(r"[^;=\s]+=([^;\s]+)")


class Sealed:
    """What holds a key and is written nowhere: it cannot be pickled, nor copied deeply."""

    __slots__ = ()

    def __copy__(self: S) -> S:
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError(
            "a client holds a key and open connections, so nothing that has one can be pickled or "
            "copied deeply: make one in each process"
        )


class HeaderFields(Sealed, dict[str, str]):
    """Headers by their names; the values of those that may be secret are not shown.

    >>> HeaderFields({"Accept": "text/plain", "Authorization": "Bearer sk-123"})
    {'Accept': 'text/plain', 'Authorization': '[key]'}
    """

    def __copy__(self) -> HeaderFields:
        return HeaderFields(self)

    def __repr__(self) -> str:
        shown = {name: v if _HARMLESS.match(name) else SHOWN for name, v in self.items()}
        return repr(shown)


class Secrets(Sealed):
    """The keys of one endpoint: those it was given, and those that functions gave it since.

    Taken out of a text are a key as it is, with escapes of JSON, Python, HTML or URLs in it, inside
    of base64, and the beginning of one that was cut. A short key is only found whole, as a word by
    itself.

    Threads: may be shared.

    >>> secrets = Secrets(["sk-12345/6789"])
    >>> secrets.redact("no sk-12345/6789, no sk-12345%2f6789, no sk-12345..., but skis")
    'no [key], no [key], no [key]..., but skis'
    """

    __slots__ = ("_finders", "_fixed", "_fresh")

    def __init__(self, keys: Iterable[str], headers: Mapping[str, str] | None = None) -> None:
        self._fixed = (*keys, *secrets_of(headers or {}))
        self._fresh: deque[str] = deque(maxlen=FRESH)
        self._finders: dict[str, tuple[_Finder, ...]] = {}

    def learn(self, headers: Mapping[str, str]) -> None:
        """The secrets of `headers` are ours too."""
        self._fresh.extend(secrets_of(headers))

    def redact(self, text: str, more: Iterable[str] = ()) -> str:
        """`text` without any of them, nor of `more`."""
        known = self._finders
        wanted = {*self._fixed, *self._fresh.copy(), *more}
        if known.keys() != wanted:
            known = {key: known.get(key) or tuple(_finders(key)) for key in wanted}
            self._finders = known
        spans = (span for each in known.values() for finder in each for span in finder.spans(text))
        return _without(text, sorted(spans))


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in spans:  # two keys may begin alike
        if start >= at:
            pieces += (text[at:start], SHOWN)
        at = max(at, end)
    return "".join((*pieces, text[at:])) if pieces else text


class _Finder:
    """Finds one spelling of one secret, or a beginning of it."""

    __slots__ = ("_head", "_secret")

    def __init__(self, secret: str) -> None:
        first = re.sub(r"(?<!\\)\\\\[+*]", r"(?<!\\\\)\g<0>", _any_escape(secret[0]))
        head = first + "".join(map(_any_escape, secret[1:HEAD]))  # a run of \ is looked at once
        word = len(secret) < HEAD
        self._head = re.compile(rf"(?<!\w){head}(?!\w)" if word else head)
        self._secret = secret

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """From where to where."""
        at = 0
        while found := self._head.search(text, at):
            whole = re.compile("".join(map(_any_escape, self._secret))).match(text, found.start())
            at = whole.end() if whole is not None else self._end(text, found.end())
            yield found.start(), at

    def _end(self, text: str, at: int) -> int:
        """Where what there is of the secret ends."""
        for char in self._secret[HEAD:]:
            found = re.compile(_any_escape(char)).match(text, at)
            if found is None:
                break
            at = found.end()
        return at


def _finders(secret: str) -> Iterator[_Finder]:
    if len(secret) < LEAST:
        return
    yield _Finder(secret)
    if len(secret) < HEAD:
        return
    data = secret.encode("utf-8", "replace")
    for before in range(3):  # what stands ahead of it in the same base64 shifts it
        packed = base64.b64encode(bytes(before) + data).decode()
        own = packed[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
        yield _Finder(own)
        if "+" in own or "/" in own:
            yield _Finder(own.replace("+", "-").replace("/", "_"))


def _any_escape(char: str) -> str:
    r"""A pattern for `char`, as it is and escaped.

    >>> bool(re.fullmatch(_any_escape("/"), "%2F")), bool(re.fullmatch(_any_escape("/"), r"\/"))
    (True, True)
    """
    if char.isascii() and (char.isalnum() or char in "-_.~"):
        return re.escape(char)
    code = ord(char)
    data = char.encode("utf-8", "replace")
    forms = [  # the longer ones first: some begin with the character itself
        rf"(?i:{''.join(f'%(?:25)*{byte:02x}' for byte in data)})",
        rf"(?i:&#(?:{code}|x{code:x});)",
        rf"(?i:\\+u{code:04x})",
    ]
    named = (html.escape(char), json.dumps(char)[1:-1], ascii(char)[1:-1])
    forms += [re.escape(form) for form in named if form != char]
    forms.append(rf"\\*{re.escape(char)}")
    if char == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(dict.fromkeys(forms))})"


def secrets_of(headers: Mapping[str, str]) -> Iterator[str]:
    """The secrets in `headers`: whatever is in those that are not known to have none.

    >>> list(secrets_of({"Authorization": "Bearer sk-1234", "Accept": "*/*", "Cookie": "id=0123"}))
    ['sk-1234', '0123']
    >>> list(secrets_of({"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}))
    ['dXNlcjpwYXNzd29yZA==', 'password']
    """
    for name, value in headers.items():
        if _HARMLESS.match(name) or value.startswith("AWS4-HMAC-"):  # a signature is no key
            continue
        if name.lower() == "cookie":
            yield from _COOKIE.findall(value)
            continue
        secret = _SCHEME.sub("", value.strip(), count=1)
        yield secret
        if value.strip().lower().startswith("basic"):
            with_user = _unpacked(secret)
            yield with_user.partition(":")[2]


def _unpacked(packed: str) -> str:
    try:
        return base64.b64decode(packed).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def passwords(url: str) -> tuple[str, ...]:
    """The password in the address of a proxy, as it is written there and as it is sent.

    A user without one is a token.

    >>> passwords("http://me:p%40ss@proxy:8080"), passwords("http://proxy:8080")
    (('p%40ss', 'p@ss'), ())
    """
    who, at, _ = url.rpartition("@")
    user, colon, password = who.rpartition("://")[2].partition(":")
    written = password if colon else user
    return tuple(dict.fromkeys((written, unquote(written)))) if at and written else ()
