"""A loop of twenty lines, as one finds it in tutorials: no column, but proof that rows can fail."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from tests.faults.torture.asking import Ask, Seen

__all__ = ["text"]

DISTRIBUTION = ""
NEEDS = ("http.client",)
OWN = ("http",)
HOW = "`http.client`, line by line"


def text(ask: Ask, seen: Seen) -> None:
    """Every line that begins with `data: `, for as long as there are lines."""
    where = urlsplit(ask.url)
    connection = http.client.HTTPConnection(where.netloc, timeout=ask.idle)
    connection.request("POST", f"{where.path}/chat/completions", "{}")
    for line in connection.getresponse():
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        choice = json.loads(line.removeprefix(b"data: "))["choices"][0]
        seen.finish = choice["finish_reason"]
        if seen.say(choice["delta"].get("content")) and ask.leaves:
            return
