"""A Flask view that streams an agent: `flask --app examples.flask_app run`.

When the browser leaves, the server closes the response, that closes the stream, and that closes
the provider's connection: nobody pays for words that nobody reads.
"""

from __future__ import annotations

from flask import Flask, Response, request

from rig_sync import Client
from rig_sync.providers import openai


def create_app(client: Client | None = None) -> Flask:
    app = Flask(__name__)
    agent = (client or openai.Client.from_env()).agent("gpt-5.5").build()

    @app.post("/story")
    def story() -> Response:
        stream = agent.stream_prompt(request.form["about"])
        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache"}
        response = Response(stream.text_deltas(), mimetype="text/plain", headers=headers)
        response.call_on_close(stream.close)
        return response

    return app
