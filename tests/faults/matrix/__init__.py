"""Every wire, every fault, every moment: what a caller sees, held by tests and told in the docs.

    python -m tests.faults.matrix --write docs/faults.md

`wires` has an answer of each wire, cut into moments. `faults` says what a server can do to it,
`expected` the rules of what comes of it, and where a wire differs, and why. `cases` is the product,
`running` puts one case over a real connection, `table` writes the rules down for users.
"""
