"""What a sensor sees of DHCP: a lease for each computer with a dynamic address when it is switched on, or at midnight where it stays on."""

import numpy as np
import pyarrow as pa

from rpcsight.schema import FACTS
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.simulation.days import Day
from rpcsight.simulation.network import Network

__all__ = ["LEASES", "leases"]

LEASES = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in FACTS["lease"]])
LEASE_S = 8 * 86_400
"""Windows' DHCP server grants eight days."""


def leases(net: Network, day: Day, observer: str) -> pa.Table:
    """Rows of `lease` by time.

    Args:
        net: the network; what is behind a NAT gateway is not seen.
        day: the day.
        observer: what recorded them.
    """
    there = np.flatnonzero(net.is_dynamic & day.is_there & (net.gateway < 0))
    hosts = there[np.argsort(day.on_us[there], kind="stable")].tolist()
    names, macs = net.names(), net.macs()
    rows = [
        {
            "time_us": day.start_us + int(day.on_us[host]),
            "action": "lease",
            "ip": ".".join(str(int(day.address[host]) >> shift & 255) for shift in (24, 16, 8, 0)),
            "mac": macs[host],
            "hostname": names[host].partition(".")[0],
            "lease_s": float(LEASE_S),
            "observer": observer,
            "source": observer,
        }
        for host in hosts
    ]
    return pa.Table.from_pylist(rows, LEASES)
