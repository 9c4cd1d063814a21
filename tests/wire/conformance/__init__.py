"""The conformance suite: what every wire makes of the same answers, scenario by scenario.

One module a wire, of the wire's name, with `WIRE` and `SCENES`; `scenarios` says what each
scenario means and what is checked.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.scenarios")
