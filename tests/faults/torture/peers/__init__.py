"""The clients, one module each. The interpreter that has the client runs it, by `worker`.

A module has `DISTRIBUTION` (what to install), `NEEDS` (what has to be importable), `OWN` (packages
whose exceptions a caller of it expects), `HOW` (how it was called, for the reader) and functions:
`text`, which fills in a `Seen`, and `tools` and `run` where it has them. `leave` and `loop` are
`text` again, unless they are None: then it cannot be asked for that.
"""
