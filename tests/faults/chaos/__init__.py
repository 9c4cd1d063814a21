"""Streams with random faults, each of which has to end in a documented way.

    python -m tests.faults.chaos --count N --seed S [--workers W] [--only K] [--folder FOLDER]

A seed and a number say all about one stream: which body, what is done to its bytes, how they come,
and what the consumer does meanwhile. `plans` draws that, `serving` is the server (a process of its
own), `consuming` the consumer, and `judging` holds what came against what was served.
"""
