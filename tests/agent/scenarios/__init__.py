"""Recorded agents, enacted again: the same model calls, made by our own loop.

    python -m tests.agent.scenarios FOLDER [--all] [--only TEXT] [--show TEXT] [--seed N]

A *chain* is a row of recorded exchanges of one conversation, each of which goes on from the answer
to the one before: with the results of the tools, or with something new from the user. An `Agent` is
made from the first request (preamble, history, prompt, tools, settings), a loopback server gives
the recorded answers, the tools return the recorded results, and what our loop asks next is laid
beside what was asked then. Where the user said something new, the agent is called again with the
history that its run gave back. What a hook did then, a hook does now: `steering` tells it from the
requests. Where the server kept the history (`previous_response_id`) there is no chain.

A *next request* is every request of a chain but the first. It is *equal* when its history is, part
by part, as `tests.wire.roundtrip` compares them, and when every setting that a request of the run
has changed is as it was recorded. It is *explained* by the names that
`tests.wire.roundtrip.excuses` has for what other clients leave out or change, proved there, and by
the few of `verdicts`. It *needs hooks* when our run ended at a call of a tool that was not offered,
and the recording has no result for it: the call was repaired or sent back. Everything else is
*different*, and then the status is not 0.

A conversation is *re-enacted* when it has next requests, all of them are equal, and every chain
ends as the documentation says: with the words of the answer, or with the error that `endings`
expects. One without next requests counts as *ended* if it does.
"""
