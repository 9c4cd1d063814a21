"""The doctor: where a live endpoint differs from its wire's documentation, and whether we cope.

    from rig_sync.doctor import examine, rendered
    from rig_sync.providers import openai_compatible

    with openai_compatible.Client(base_url="http://localhost:8000/v1") as client:
        report = examine(client)
    print(rendered(report))
    assert report.copes

On the command line: `rig-sync doctor BASE_URL`.
"""

from rig_sync.doctor.report import Copes, Deviation, Finding, Report, Verdict
from rig_sync.doctor.run import Examination, examine
from rig_sync.doctor.table import rendered

__all__ = [
    "Copes",
    "Deviation",
    "Examination",
    "Finding",
    "Report",
    "Verdict",
    "examine",
    "rendered",
]
