"""Stories made up by hand, as `steps/scored.sql` gives them, and what was done in them, as `steps/pair_detection.sql` does."""

from datetime import datetime, timedelta
from typing import Any

from rpcsight.findings.score import PARTS

EPOCH = datetime(1970, 1, 1)
NOON = datetime(2026, 11, 21, 12)
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
NOON_US = int((NOON - EPOCH) / timedelta(microseconds=1))
NOON_DAY = NOON_US // DAY
STORY: dict[str, Any] = {
    "src_ip": "10.0.0.1",
    "dest_ip": "10.0.0.2",
    "story_no": 1,
    "day": NOON_DAY,
    "first_us": NOON_US,
    "latest_us": NOON_US,
    "last_us": NOON_US,
    "activities": 1,
    "attempts": 0,
    "smb": 0,
    "by_mapper": 1,
    "by_decoded": 0,
    "unnamed": 0,
    "confidence": 0.9,
    "client_role": "workstation",
    "server_role": "workstation",
    "is_server": False,
    "is_new": True,
    "seen_days": 0,
    "held_days": 0,
    "client_days": 14,
    "meets": 0.03,
    "share": 0.01,
    "others": 0,
    "usual_tens": 1.6,
    "fan_out": 1,
    "reached_us": None,
    "went_on_us": None,
    **{f"{part}_points": 0.0 for part in PARTS},
    "client_points": 15.2,
    "server_points": 20.0,
    "confidence_points": -0.5,
    "score": 34.7,
    "ports": 1,
    "lowest_port": 49664,
    "highest_port": 49664,
    "service": None,
    "tier": None,
}
"""Of a workstation that begins to use another one, with the columns of `steps/story_detail.sql` beside it."""
DEED: dict[str, Any] = {
    "analytic": "dcsync",
    "technique": "T1003.006",
    "tier": "decoded",
    "confidence": 1.0,
    "weight": 0.9,
    "src_ip": "10.0.0.1",
    "dest_ip": "10.0.0.2",
    "story_no": 1,
    "service": "drsuapi",
    "operation": "DRSGetNCChanges",
    "events": 1,
    "target": None,
    "image_path": None,
}


def met(src_ip: str, dest_ip: str, minutes: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A story of these two that begins so long after noon."""
    first = NOON_US + round(minutes * MINUTE)
    times = {"first_us": first, "latest_us": first, "last_us": first, "day": first // DAY}
    return {**STORY, **times, "src_ip": src_ip, "dest_ip": dest_ip, **changes}
