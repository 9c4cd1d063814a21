"""Histories, rebuilt: what our messages become in the next request, against the recorded one.

    python -m tests.wire.roundtrip FOLDER [--family F] [--provider P] [--seed N]

A *pair* is a recorded request with at least one turn of the model in it that came from an earlier
recorded response of the same conversation and family; M in `rebuilt N of M` is all of them. Every
such response goes through the public API over loopback, our message takes the place of the turn,
what the user's side said is read into our values, and the wire of the provider's row encodes the
whole history. Both histories are then laid side by side, part by part.

What counts: roles and order, call ids, names, arguments, results, text, reasoning with its ids,
signatures and encrypted data, hosted tools. What does not: key order, null, fields that may be left
out (each reader leaves out its own: status, cache markers, log probabilities, ids of items that
are joined by another id), argument text as long as its values are the same, a single text as a
string or as a list of one part, and which of the words `system` and `developer` the role has: the
APIs that know both take one for the other.

N are the equal ones, and nothing else. Some clients do not send back what the model had said: they
leave reasoning out, change ids, write thoughts into the text. An honest rebuild cannot meet those.
Such a pair stays in M and is counted as *explained*, by the name of the deviation, if the oracle
and the recorded body prove that ours is what the response said; see `excuses`. One excuse is our
own: results of chat completions that are more than text, for ours send the rest after them.
Everything else is *different* and told in words: that is the number that has to be 0, and then the
status is 0.

What the user's side says, and our values have no words for, goes through a `ProviderBlock`, and is
compared like all the rest.

Requests that have no turn of a recorded response are no pairs; the table counts them by reason.
"""
