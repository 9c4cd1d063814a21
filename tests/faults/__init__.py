"""Everything that can go wrong on a wire, and what comes of it.

Tables and tests (`test_*`), and commands that run longer than a test may: `torture`, `chaos`,
`deadlines`, `leaks`, `stress` and `soak`.
"""
