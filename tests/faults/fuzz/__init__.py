"""What a server, a model or a file could say to make a decoder fail in a way nobody documented.

`values` are hostile ones, `mutate` puts them where samples have good ones, `seeds` has the samples,
`targets` the decoders, and `holds` what has to be so whatever they are given: errors of one tree,
values that go to JSON and back, histories that every wire can send.

`python -m tests.faults.fuzz --count 300000 --seed 1` runs them.
"""
