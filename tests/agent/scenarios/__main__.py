"""The command; see the package."""

from __future__ import annotations

import sys

from tests.agent.scenarios.command import main

sys.exit(main())
