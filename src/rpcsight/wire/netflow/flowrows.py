"""Data sets of one layout, joined over datagrams, and the columns of their TCP records."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rpcsight.wire.netflow.elements import SAMPLINGS
from rpcsight.wire.netflow.exporters import Anchor, Domain
from rpcsight.wire.netflow.flowtext import either, ipv4_texts, ipv6_texts
from rpcsight.wire.netflow.flowtime import SET_ASIDE, Times, times, uptimes
from rpcsight.wire.netflow.templates import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TCP", "Job", "Rows", "protocol_name"]

TCP = 6
IPV6 = 6
NAMES = {1: "icmp", TCP: "tcp", 17: "udp", 58: "ipv6-icmp"}
ENDS_KEYS = frozenset({"src_port", "dest_port"})
IPV4_KEYS = frozenset({"src_ipv4", "dest_ipv4"})
IPV6_KEYS = frozenset({"src_ipv6", "dest_ipv6"})
NO_ENDS = "TCP records without addresses or ports"


@dataclass(slots=True)
class Job:
    """Data sets of one layout that wait to be decoded together: lists of equal length.

    Args:
        layout: of the records.
        note: what is to be said about their clock, if anything.
        parts: their records' bytes.
        size: of all parts, in bytes.
        counts: how many records each has.
        domains: whose each is.
        export_us, uptime_ms: its datagram's time (µs since 1970), and the exporter's uptime then.
    """

    layout: Layout
    note: str | None = None
    parts: list[bytes | memoryview] = field(default_factory=list[bytes | memoryview])
    size: int = 0
    counts: list[int] = field(default_factory=list[int])
    domains: list[Domain] = field(default_factory=list[Domain])
    export_us: list[int] = field(default_factory=list[int])
    uptime_ms: list[int] = field(default_factory=list[int])

    def add(self, part: bytes | memoryview, count: int, domain: Domain, anchor: Anchor) -> None:
        """One more data set."""
        self.parts.append(part)
        self.size += len(part)
        self.counts.append(count)
        self.domains.append(domain)
        self.export_us.append(anchor.export_us)
        self.uptime_ms.append(anchor.uptime_ms)


class Rows:
    """The TCP records of a job.

    Args:
        job: the data sets; their layout has a protocol.
        protocols: where records are counted by protocol.
    """

    def __init__(self, job: Job, protocols: Counter[str]) -> None:
        self.keys = job.layout.keys
        records = job.layout.values(b"".join(job.parts))
        counted = np.bincount(records["protocol"], minlength=TCP + 1)
        protocols.update({protocol_name(int(number)): int(counted[number]) for number in np.flatnonzero(counted)})
        sets = np.repeat(np.arange(len(job.counts)), job.counts)
        if counted[TCP] != len(records):
            kept = np.flatnonzero(records["protocol"] == TCP)
            records, sets = records[kept], sets[kept]
        self._records = records
        self._export_us = np.array(job.export_us, np.int64)[sets]
        init_ms = self.column("init_ms")
        own_ms = np.array(job.uptime_ms, np.int64)[sets]
        self._uptime_ms = own_ms if init_ms is None else uptimes(init_ms, self._export_us)
        self._domains = list(dict.fromkeys(job.domains))
        places = {domain: place for place, domain in enumerate(self._domains)}
        self._domain = np.array([places[domain] for domain in job.domains], np.int32)[sets]

    def __len__(self) -> int:
        return len(self._records)

    def has_ends(self) -> bool:
        """Whether the records have addresses and ports on both ends; counted as lost where not."""
        is_whole = self.keys >= ENDS_KEYS and (self.keys >= IPV4_KEYS or self.keys >= IPV6_KEYS)
        if not is_whole:
            self._count(np.ones(len(self), np.bool_), NO_ENDS)
        return is_whole

    def column(self, key: str) -> "NDArray[np.uint64] | None":
        """A number per record; None where the layout does not have it."""
        if key not in self.keys:
            return None
        values = self._records[key]
        if values.ndim == 1:
            return values.astype(np.uint64)
        number = np.zeros(len(values), np.uint64)
        for place in range(values.shape[1]):
            number = number << np.uint64(8) | values[:, place]
        return number

    def first(self, *keys: str) -> "NDArray[np.uint64] | None":
        """The first of these columns that there is."""
        return next((values for key in keys if (values := self.column(key)) is not None), None)

    def integers(self, *keys: str) -> pa.Array:
        """The first of these columns, as the table has it: signed, empty where the records do not say."""
        values = self.first(*keys)
        return (
            pa.nulls(len(self), pa.int64())
            if values is None
            else pa.array(np.minimum(values, 2**63 - 1).astype(np.int64))
        )

    def ports(self, key: str) -> pa.Array:
        """Ports."""
        return pa.array(self._records[key].astype(np.int32))

    def addresses(self, side: str) -> pa.Array:
        """Addresses as text; where a record has room for both families, the version tells, or which one is filled."""
        v4, v6 = f"{side}_ipv4", f"{side}_ipv6"
        if not self.keys >= IPV6_KEYS:
            return ipv4_texts(self._records[v4].astype(np.uint32))
        if not self.keys >= IPV4_KEYS:
            return ipv6_texts(self._records[v6])
        numbers = self._records[v4].astype(np.uint32)
        version = self.column("ip_version")
        is_v6 = (self._records["src_ipv4"] == 0) & (self._records["dest_ipv4"] == 0)
        if version is not None:
            is_v6 = version == IPV6
        return either(is_v6, ipv6_texts(self._records[v6]), ipv4_texts(numbers))

    def flags(self, prefix: str = "") -> "NDArray[np.uint8] | None":
        """TCP flags seen: in all packets, or in the first and the later ones (YAF). None where the records do not say."""
        whole = self.column(f"{prefix}flags")
        if whole is not None:
            return (whole & np.uint64(255)).astype(np.uint8)
        first, later = self.column(f"{prefix}first_flags"), self.column(f"{prefix}later_flags")
        if first is None or later is None:
            return None
        return (first | later).astype(np.uint8)

    def times(self) -> Times:
        """When the flows were; what is set aside is counted."""
        found = times(self.column, self._export_us, self._uptime_ms)
        for reason, text in enumerate(SET_ASIDE):
            if text:
                self._count(found.reason == reason, text)
        return found

    def moments(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Each record's datagram's time in µs since 1970, and the exporter's uptime then in ms."""
        return self._export_us, self._uptime_ms

    def observers(self) -> pa.Array:
        """Each record's exporter and domain."""
        return pa.array([domain.name for domain in self._domains], pa.string()).take(pa.array(self._domain))

    def note_sampling(self) -> None:
        """Remember it where records say that not all packets were looked at."""
        values = self.first(*SAMPLINGS)
        if values is None or not len(self) or int(values.max()) <= 1:
            return
        highest = np.zeros(len(self._domains), np.uint64)
        np.maximum.at(highest, self._domain, values)
        for domain, most in zip(self._domains, highest.tolist(), strict=True):
            domain.sampling = max(domain.sampling, most)

    def _count(self, which: "NDArray[np.bool_]", text: str) -> None:
        if which.any():
            counts = np.bincount(self._domain[which], minlength=len(self._domains))
            for place in np.flatnonzero(counts):
                self._domains[place].losses[text] += int(counts[place])


def protocol_name(number: int) -> str:
    """The protocol in lower case, or its number as text."""
    return NAMES.get(number, str(number))
