"""NetFlow v5, v9 and IPFIX: export datagrams in, flow records out.

Sources: Cisco, "NetFlow Export Datagram Format" (v5), RFC 3954 (v9), RFC 7011 (IPFIX). An export datagram is known by its content on any
port: its version, a length that its counts agree with, and sets that fill it exactly.

Python runs once per datagram and set; records are decoded by numpy, sets of the same layout together. Only records of IPFIX templates
with fields of variable length are walked one by one.
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from rpcsight.wire import Datagrams
from rpcsight.wire.netflow.biflows import biflows
from rpcsight.wire.netflow.elements import SAMPLINGS
from rpcsight.wire.netflow.exporters import INIT, Anchor, Domain, Exporters, Key, Waiting, address_text
from rpcsight.wire.netflow.flowrows import Job, Rows
from rpcsight.wire.netflow.flowtime import clock_note
from rpcsight.wire.netflow.halves import halves
from rpcsight.wire.netflow.messages import TEMPLATE_SETS, parsed
from rpcsight.wire.netflow.templates import IPFIX, LOWEST_TEMPLATE, V5, V9, BrokenTemplate, Layout, templates_in
from rpcsight.wire.netflow.version5 import HEADER_BYTES, groups, headers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Collector", "Flows"]

VERSION_5 = 5
SECOND_US = 1_000_000
MAX_JOB_DATAGRAMS = 2048
"""Data sets decoded together: enough for numpy to be fast, and with the next a bound on what a block's records take in memory at once."""
MAX_JOB_BYTES = 1 << 22
SHORTEST_BYTES = 20
"""An IPFIX header and a set's; the others are longer."""

MALFORMED = "export datagrams malformed, cut short by the capture, or fragmented"
CUT_RECORD = "records cut off in sets with fields of variable length"
NO_PROTOCOL = "records without a protocol"


class Flows(NamedTuple):
    """What was decoded.

    Args:
        halves: one-way records of TCP (`halves.HALVES`).
        records: records of both directions (`biflows.RECORDS`).
    """

    halves: list[pa.RecordBatch]
    records: list[pa.RecordBatch]


class Collector:
    """Decodes export datagrams.

    Args:
        exporter_text: the text of an exporter's address from its number (`Datagrams.src_no`); without it IPv6 addresses are numbers.

    Attributes:
        datagrams: export datagrams by format in words.
        others: UDP datagrams that are none.
        protocols: flow records by protocol; only TCP's are handed out.
        option_records: records of options, which are no flows.
    """

    def __init__(self, exporter_text: Callable[[int], str] = address_text) -> None:
        self.datagrams: Counter[str] = Counter()
        self.others = 0
        self.protocols: Counter[str] = Counter()
        self.option_records = 0
        self._exporters = Exporters(exporter_text)
        self._jobs: dict[Layout, Job] = {}
        self._flows = Flows([], [])

    @property
    def notes(self) -> dict[str, Counter[str]]:
        """What limits the records, in words, by observer."""
        return self._exporters.notes()

    @property
    def losses(self) -> dict[str, Counter[str]]:
        """What could not be read or is set aside, by reason in words, by observer."""
        return self._exporters.losses()

    def take(self, block: bytes | bytearray | memoryview, datagrams: Datagrams) -> "NDArray[np.bool_]":
        """Decode the export datagrams of a block. `drain` after each block, or what is decoded piles up.

        Args:
            block: the bytes that the datagrams stand in.
            datagrams: in the order of their arrival.

        Returns:
            Per datagram, whether it is one of an exporter.
        """
        view = memoryview(block).cast("B")
        start, size = datagrams.payload_start.astype(np.int64), datagrams.payload_bytes.astype(np.int64)
        is_export = (start >= 0) & (size >= SHORTEST_BYTES) & (start <= len(view) - size)
        octets = np.frombuffer(view, np.uint8)
        inside = np.flatnonzero(is_export)
        version = octets[start[inside]].astype(np.uint16) << 8 | octets[start[inside] + 1]
        is_export[inside] = (version == VERSION_5) | (version == V9) | (version == IPFIX)
        candidates = np.flatnonzero(is_export)
        columns = (start, size, datagrams.src_no.astype(np.uint64), datagrams.src_port)
        is_v5 = octets[start[candidates] + 1] == VERSION_5
        v5 = candidates[is_v5]
        is_export[v5] = False
        is_export[v5[self._take_v5(view, start[v5], size[v5], columns[2][v5])]] = True
        others = candidates[~is_v5]
        for place, at, length, src_no, src_port in zip(
            others.tolist(), *(column[others].tolist() for column in columns), strict=True
        ):
            if not self._take_sets(view[at : at + length], src_no, src_port):
                is_export[place] = False
        for job in list(self._jobs.values()):
            self._decode(job)
        self.others += len(is_export) - int(is_export.sum())
        return is_export

    def drain(self) -> Flows:
        """Hand out what is decoded."""
        flows, self._flows = self._flows, Flows([], [])
        return flows

    def close(self) -> None:
        """There is no more: what waits for templates is lost."""
        self._exporters.close()

    def _take_v5(
        self, view: memoryview, start: "NDArray[np.int64]", size: "NDArray[np.int64]", src_no: "NDArray[np.uint64]"
    ) -> "NDArray[np.int64]":
        """Take v5 datagrams; which of them are."""
        found = headers(np.frombuffer(view, np.uint8), start, size)
        sender = src_no[found.place]
        for places in groups(sender << np.uint64(16) | found.engine):
            domain = self._exporters.domain(Key(int(sender[places[0]]), 0, VERSION_5, int(found.engine[places[0]])))
            self.datagrams["NetFlow v5"] += len(places)
            domain.sampling = max(domain.sampling, int(found.sampling[places].max()))
            domain.sequence.see_all(found.sequence[places], found.records[places])
            for first in range(0, len(places), MAX_JOB_DATAGRAMS):
                some = places[first : first + MAX_JOB_DATAGRAMS]
                begins = (start[found.place[some]] + HEADER_BYTES).tolist()
                ends = (start[found.place[some]] + size[found.place[some]]).tolist()
                job = self._job(V5, domain)
                job.parts += [view[begin:end] for begin, end in zip(begins, ends, strict=True)]
                job.size += sum(map(len, job.parts[-len(some) :]))
                job.counts += found.records[some].tolist()
                job.domains += [domain] * len(some)
                job.export_us += found.export_us[some].tolist()
                job.uptime_ms += found.uptime_ms[some].tolist()
                self._decode_full(job)
        return found.place

    def _take_sets(self, view: memoryview, src_no: int, src_port: int) -> bool:
        """Take a v9 or IPFIX datagram; False if it is none."""
        message = parsed(view, src_no, src_port)
        is_v9 = message.key.version == V9
        if not message.sets:
            if not self._exporters.known(message.key):
                return False
            self._exporters.domain(message.key).losses[MALFORMED] += 1
            return True
        domain = self._exporters.domain(message.key)
        self.datagrams["NetFlow v9" if is_v9 else "IPFIX"] += 1
        anchor = Anchor(message.export_s * SECOND_US, 0)
        if is_v9:
            anchor = domain.coarse_anchor(message.export_s, message.uptime_ms)
        flows = options = 0
        is_whole = True
        for number, at, end in message.sets:
            if number < LOWEST_TEMPLATE:
                self._learn(domain, view[at:end], number)
                continue
            counted = self._take_data(domain, Waiting(number, view[at:end], anchor))
            if counted is None:
                is_whole = False
            else:
                flows += counted[0]
                options += counted[1]
        if is_v9:
            domain.sequence.see(message.sequence, (1, flows + options, flows))
        else:
            domain.sequence.see(message.sequence, (flows + options, flows) if is_whole else None)
        return True

    def _learn(self, domain: Domain, body: memoryview, number: int) -> None:
        """Take a set of templates, and the data sets that waited for them."""
        is_options = number == TEMPLATE_SETS[domain.key.version][1]
        try:
            for template in templates_in(body, domain.key.version, is_options):
                self._exporters.learn(domain, template)
                for waiting in self._exporters.ready(domain, template.number):
                    self._take_data(domain, waiting)
        except BrokenTemplate as broken:
            domain.losses[str(broken)] += 1

    def _take_data(self, domain: Domain, waiting: Waiting) -> tuple[int, int] | None:
        """Take a data set, or let it wait.

        Returns:
            How many flow records and how many option records it holds; None where that is not known yet.
        """
        known = domain.templates.get(waiting.template)
        if known is None:
            self._exporters.wait(domain, waiting._replace(body=bytes(waiting.body)), waiting.template)
            return None
        layout = known[1]
        part, count, is_cut = layout.records(memoryview(waiting.body))
        if is_cut:
            domain.losses[CUT_RECORD] += 1
        if layout.is_options:
            self.option_records += count
            self._take_options(domain, layout, part, count)
            return 0, count
        if not layout.needs_init:
            self._add(layout, part, count, domain, waiting.anchor)
        elif domain.init_ms is not None:
            self._add(layout, part, count, domain, domain.init_anchor(waiting.anchor))
        else:
            self._exporters.wait(domain, waiting._replace(body=bytes(waiting.body)), INIT)
        return count, 0

    def _take_options(self, domain: Domain, layout: Layout, part: bytes | memoryview, count: int) -> None:
        """What the exporter says of itself: how it samples, when it started."""
        if not count or not layout.keys:
            return
        rows = layout.values(part)
        highest = {
            key: int(rows[key].max()) for key in layout.keys if rows[key].dtype.kind == "u" and rows[key].ndim == 1
        }
        sampling = max(highest.get(key, 0) for key in SAMPLINGS)
        if highest.get("packet_interval"):
            interval = highest["packet_interval"]
            sampling = max(sampling, -(-(interval + highest.get("packet_space", 0)) // interval))
        if highest.get("sample_size"):
            sampling = max(sampling, highest.get("sample_population", 0) // highest["sample_size"])
        domain.sampling = max(domain.sampling, sampling)
        if highest.get("init_ms"):
            domain.init_ms = int(rows["init_ms"][-1])
            for waiting in self._exporters.ready(domain, INIT):
                self._take_data(domain, waiting)

    def _add(self, layout: Layout, part: bytes | memoryview, count: int, domain: Domain, anchor: Anchor) -> None:
        """Let a set of flow records be decoded with others of its layout."""
        if "protocol" not in layout.keys:
            domain.losses[NO_PROTOCOL] += count
            return
        if not count:
            return
        job = self._job(layout, domain)
        if job.note:
            domain.notes[job.note] += count
        job.add(part, count, domain, anchor)
        self._decode_full(job)

    def _job(self, layout: Layout, domain: Domain) -> Job:
        """The data sets of this layout that wait to be decoded."""
        job = self._jobs.get(layout)
        if job is None:
            job = self._jobs[layout] = Job(layout, clock_note(layout.keys, domain.key.version == V9))
        return job

    def _decode_full(self, job: Job) -> None:
        if len(job.counts) >= MAX_JOB_DATAGRAMS or job.size >= MAX_JOB_BYTES:
            self._decode(job)

    def _decode(self, job: Job) -> None:
        del self._jobs[job.layout]
        rows = Rows(job, self.protocols)
        if not len(rows) or not rows.has_ends():
            return
        rows.note_sampling()
        if job.layout.is_two_way:
            self._flows.records.append(biflows(rows))
        else:
            self._flows.halves.append(halves(rows))
