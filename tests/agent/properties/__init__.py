"""Properties of the agent loop, over scripted conversations on real sockets.

`scripts` draws what a model says, `speakers` puts it on a wire, `stage` plays it with tools and
hooks that do everything a run can meet. `RIG_SYNC_EXAMPLES=20` tries twenty times as many.
"""

import os

from hypothesis import HealthCheck, settings

MORE = int(os.environ.get("RIG_SYNC_EXAMPLES", "1"))


def examples(count: int) -> settings:
    """That many examples, however slow the machine."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count * MORE, deadline=None, suppress_health_check=slow)
