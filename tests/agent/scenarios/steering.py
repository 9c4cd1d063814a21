"""What the hooks of a recorded run did, told from the requests that they changed.

A patch is seen in the request itself; a result that stands for a call of no tool was given by a
hook; and a request with the history of the one before, after an answer that the token limit cut,
with another limit, is a turn that was repeated. Rewritten arguments and results need no hook here:
the tools return what was recorded.
"""

from __future__ import annotations

from rig_sync.agent.actions import Repeat, RequestPatch, Skip
from rig_sync.agent.events import HookContext, InvalidToolCall
from rig_sync.agent.hooks import Hook
from rig_sync.completion import CompletionRequest, CompletionResponse
from rig_sync.wire.base import Wire
from tests.agent.scenarios.chains import Run
from tests.agent.scenarios.openings import (
    Opening,
    beyond,
    body_of,
    changing_in,
    encoded_by,
    preamble_in,
    settings_in,
    tools_in,
)
from tests.agent.scenarios.playback import Results
from tests.wire.roundtrip.reader import Reader

__all__ = ["Steering"]


class Steering(Hook):
    """The hook of one run.

    Attributes:
        did: What it did, in words.
    """

    def __init__(
        self, reader: Reader, wire: Wire, run: Run, opening: Opening, results: Results
    ) -> None:
        self.did: list[str] = []
        self._patches = list(_patches(reader, wire, run, opening))
        self._repeated = {turn for turn, link in enumerate(run.links) if link.repeats}
        self._results = results

    def on_completion_call(
        self, context: HookContext, event: CompletionRequest
    ) -> RequestPatch | None:
        """The patch of this turn."""
        del event
        patch = self._patches[context.turn - 1]
        self.did += ["patched a request"] * (patch is not None)
        return patch

    def on_model_turn_finished(
        self, context: HookContext, event: CompletionResponse
    ) -> Repeat | None:
        """Whether the next request asks the same again."""
        del event
        if context.turn not in self._repeated:
            return None
        self.did.append("repeated a turn")
        return Repeat()

    def on_invalid_tool_call(self, context: HookContext, event: InvalidToolCall) -> Skip | None:
        """The recorded result, if there is one."""
        result = self._results.find(event.call.id, event.call.name, context.turn)
        if result is None or event.reason == "malformed":
            return None
        self.did.append("answered a call of no tool")
        return Skip(self._results.take(result).text)


def _patches(reader: Reader, wire: Wire, run: Run, opening: Opening) -> list[RequestPatch | None]:
    """Of each request what is not the agent's; None where there is nothing."""
    bodies = [body_of(link.recording) for link in run.links]
    changing = changing_in(bodies)
    patches: list[RequestPatch | None] = []
    for turn, body in enumerate(bodies):
        preamble = preamble_in(reader, wire, body)
        ours = encoded_by(wire, opening, preamble, first=not turn)
        settings = {n: v for n, v in settings_in(body).items() if n in changing}
        names = [tool.name for tool in tools_in(settings.pop("tools", None))]
        patch = RequestPatch(
            preamble=preamble if preamble != opening.preamble else None,
            active_tools=tuple(names) if "tools" in changing else None,
            additional_params=beyond(settings, settings_in(ours)),
        )
        patches.append(patch if patch != RequestPatch() else None)
    return patches
