"""Seeded schedules of threads that pause, resume, cancel, close, read and drop streams.

`python -m tests.faults.stress --schedules 10000 --seed 5`; `--only K` plays one of them again. What
the threads do and what the servers send is settled by the seed; how they fall together is chance.
"""
