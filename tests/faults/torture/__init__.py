"""The torture table: what ten SDKs make of bad chat wires, and what rig_sync makes of them.

`python -m tests.faults.torture` asks every client the same questions over real bytes on loopback
and judges what it saw. `rows` has the wires, `judging` what is right, `peers` the clients, each in
a process of its own, and `page` the table of docs/torture.md.
"""
