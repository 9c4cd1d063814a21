"""llama.cpp's server: `python llama.py MODEL TEMPLATE [PORT]`, until standard input ends."""

from __future__ import annotations

import sys
from pathlib import Path


def main(model: str, template: str, port: str = "0") -> None:
    """Serve `model` as `smollm2`, without a key, on that port of this machine; 0 is a free one."""
    import xllamacpp  # noqa: PLC0415 - pytest imports this module wherever it looks for doctests

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"smollm2"}
    params.port = int(port)
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
