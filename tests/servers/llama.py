"""llama.cpp's server by itself: `python llama.py MODEL TEMPLATE`, until standard input ends."""

from __future__ import annotations

import sys
from pathlib import Path


def main(model: str, template: str) -> None:
    """Serve `model` as `smollm2`, without a key, on a free port of this machine."""
    import xllamacpp  # noqa: PLC0415 - pytest imports this module wherever it looks for doctests

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"smollm2"}
    params.n_ctx = 2048
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.chat_template = Path(template).read_text(encoding="utf-8")
    params.antiprompt = ["</tool_call>"]
    params.fit_params = False
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
