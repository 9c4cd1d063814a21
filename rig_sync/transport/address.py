"""Addresses: what a `base_url` may be, what of it may be shown, whether it leaves this machine."""

from __future__ import annotations

import ipaddress
import re
import sys
import warnings
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from rig_sync.errors import ConfigError

__all__ = [
    "InsecureUrlWarning",
    "Place",
    "bare_url",
    "check_base_url",
    "check_proxies",
    "host_part",
    "is_loopback",
    "warn_if_insecure",
]

PACKAGE = __name__.partition(".")[0]

# what may be quoted of a text that is no URL: it might be a key in the wrong place
_ADDRESS = re.compile(r"(\w{1,8}:/{0,2})?[\w-]{1,24}([.:/]+[\w-]{1,24})+/?|\w{1,8}:/*")

_HOST_PART = re.compile(r"[\w.-]+", re.ASCII)
_USER = re.compile(r"[^/]*@|[^/]*:(?!\d*(?:/|$)).*@")  # also with a slash in the password


class InsecureUrlWarning(UserWarning):
    """A `base_url` of http leads off this machine: all on the way can read the key and the words.

    Write https. Where the way is yours alone:
    `warnings.simplefilter("ignore", rig_sync.InsecureUrlWarning)`.
    """


def check_base_url(url: str) -> str:
    """`url` without a slash at its end.

    Raises:
        ConfigError: it is no http or https URL, or one with a password, a query or a fragment;
            keys are not shown.

    >>> check_base_url("http://127.0.0.1:8080/v1/")
    'http://127.0.0.1:8080/v1'
    """
    if not isinstance(url, str):
        raise ConfigError(f"base_url is of type {type(url).__name__}: give a text")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    shown = bare_url(url)
    if "@" in (parts.netloc if good else url):
        raise ConfigError(
            "base_url has a user or a password in it: write it without what is ahead of the @, and "
            "give a key as api_key, or headers={'Authorization': ...}"
        )
    if not good or not url.isprintable() or " " in url or "\\" in url:
        what = f"base_url {shown!r}" if _ADDRESS.fullmatch(shown) else "base_url"
        raise ConfigError(
            f"{what} is no URL: write it with its scheme, as https://api.openai.com/v1"
        )
    if "?" in url or "#" in url:
        raise ConfigError(
            f"base_url has a ? or # in it, and paths are appended to it: write {shown}; give a key "
            "as api_key or in headers"
        )
    return url.rstrip("/")


def host_part(value: str, what: str) -> str:
    """`value`, if it can stand in the middle of a host's name, so that the key goes nowhere else.

    Raises:
        ConfigError: it has other characters in it.

    >>> host_part("eu-west-1", "region")
    'eu-west-1'
    """
    if not _HOST_PART.fullmatch(value):
        raise ConfigError(f"{what}={value!r} is part of a host's name: letters, digits, - . and _")
    return value


def check_proxies(proxies: Mapping[str, str]) -> None:
    """Look at the addresses of proxies, by their schemes, ahead of their use.

    Raises:
        ConfigError: one is no URL; it is not shown, for it may have a password.

    >>> check_proxies({"https": "http://me:secret@proxy:8080", "http": "proxy", "no": "::1,here"})
    """
    for name, url in proxies.items():
        if name not in ("all", "http", "https"):
            continue
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            good = False
        if not good:
            raise ConfigError(
                f"{name.upper()}_PROXY in the environment is no URL of a proxy: write "
                "http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT"
            )


def bare_url(url: str) -> str:
    """`url` without all that may be secret in it: user and password, query, fragment.

    >>> bare_url("https://me:secret@example.com/v1?key=secret#secret")
    'https://example.com/v1'
    """
    start = re.split(r"[?#]", url, maxsplit=1)[0]
    scheme, slashes, rest = start.rpartition("://")
    return scheme + slashes + _USER.sub("", rest)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, by its spelling alone.

    >>> list(map(is_loopback, ("localhost.", "a.LOCALHOST", "127.1.2.3", "[::1]", "0.0.0.0")))
    [True, True, True, True, True]
    >>> list(map(is_loopback, ("::ffff:127.0.0.1", "127.example.com", "192.168.0.1")))
    [True, False, False]
    """
    name = host.strip("[]").removesuffix(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if re.fullmatch(r"127(\.\d{1,3}){1,3}", name):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return address.is_loopback or address.is_unspecified


class Place(NamedTuple):
    """A line of somebody's program."""

    file: str
    line: int
    module: str

    @classmethod
    def of_caller(cls) -> Place:
        """The line outside of this package that called into it."""
        frame = sys._getframe(1)
        while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
            frame = frame.f_back
        module = frame.f_globals.get("__name__")
        return cls(frame.f_code.co_filename, frame.f_lineno, str(module or "__main__"))


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == PACKAGE


def warn_if_insecure(url: str, place: Place) -> bool:
    """Warn of a `base_url` that is not encrypted and leads to another machine; whether it is so."""
    parts = urlsplit(url)
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return False
    warnings.warn_explicit(
        f"base_url {url} is not encrypted: all on the way can read the key and the words. "
        "Write https://",
        InsecureUrlWarning,
        *place,
        registry=_warned,
    )
    return True


_warned: dict[
    str | tuple[str, type[Warning], int], int
] = {}  # for Python, which shows a warning once for a line
