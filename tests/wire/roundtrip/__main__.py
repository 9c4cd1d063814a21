"""The command; see the package."""

from __future__ import annotations

import sys

from tests.wire.roundtrip.command import main

sys.exit(main())
