"""Many streams at once for a long time: what the process holds has to stay what it was.

    python -m tests.faults.soak --minutes 60 --streams 50 --seed S --write docs/soak

The streams are those of `tests.faults.chaos`, at the pace of a model: random faults, cancels and
pauses, one after the other on each of so many threads. `figures` works out what was measured,
`drawing` plots it.
"""
