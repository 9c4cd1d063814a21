"""A Django view that streams an agent; put `path("story", story)` into your urls.py.

When the browser leaves, the server closes the response, and with it everything that has a `close`:
the generator, the stream, the provider's connection.
"""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest, StreamingHttpResponse

from rig_sync import Agent, Client
from rig_sync.providers import openai


@lru_cache(maxsize=1)
def agent(client: Client | None = None) -> Agent:
    return (client or openai.Client.from_env()).agent("gpt-5.5").build()


def story(request: HttpRequest, client: Client | None = None) -> StreamingHttpResponse:
    stream = agent(client).stream_prompt(request.POST["about"])
    response = StreamingHttpResponse(stream.text_deltas(), content_type="text/plain")
    response["X-Accel-Buffering"] = "no"
    response["Cache-Control"] = "no-cache"
    return response
