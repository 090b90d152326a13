"""What people do with findings: kept from run to run, closed with a reason, or covered by an allow-list."""

from rpcsight.triage.allowing import allowed
from rpcsight.triage.kept import keep

__all__ = ["allowed", "keep"]
