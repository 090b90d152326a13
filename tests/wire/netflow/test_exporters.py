"""Bounds: what is dropped at them is counted."""

from collections import Counter

import pytest

from rpcsight.wire.netflow import exporters
from rpcsight.wire.netflow.exporters import Exporters, Key, address_text
from rpcsight.wire.netflow.templates import templates_in
from tests.wire.exports import ENDS, EXPORTER, Field, data, flow, ipfix, number, read, specifiers, template

MS = 1_790_000_000_000
FIELDS: list[Field] = [*ENDS, (152, 8), (153, 8)]
NO_TEMPLATE = "data sets without a template"


def test_address_text() -> None:
    assert (address_text(0xC0000201), address_text(2**32 + 7)) == ("192.0.2.1", "ipv6#7")


def test_the_least_recently_heard_domain_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "MAX_DOMAINS", 2)
    row = data(300, FIELDS, flow(MS, MS))
    found = read(
        ipfix(template(300, FIELDS), domain=1),
        ipfix(data(301, FIELDS, flow(MS, MS)), domain=2),
        ipfix(row, domain=1),
        ipfix(row, domain=3),
        ipfix(row, domain=1, seq=1),
        ipfix(row, domain=2),
    )
    assert len(found.halves) == 2
    assert found.collector.notes == {"exporters no longer followed": {"exporters or domains dropped: too many": 2}}
    assert found.collector.losses == {
        "exporters no longer followed": {NO_TEMPLATE: 2},
        "192.0.2.1 domain 2": {NO_TEMPLATE: 1},
    }


def test_templates_of_a_domain_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "MAX_DOMAIN_TEMPLATES", 2)
    names = (300, 301, 300, 302)
    found = read(
        *[ipfix(template(name, FIELDS)) for name in names],
        *[ipfix(data(name, FIELDS, flow(MS, MS))) for name in names[1:]],
    )
    assert (len(found.halves), found.losses) == (2, {"templates dropped: too many": 1, NO_TEMPLATE: 1})


def test_templates_of_all_domains_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters, "MAX_TEMPLATES", 3)
    payloads = [ipfix(template(name, FIELDS), domain=domain) for domain in (1, 2) for name in (300, 301)]
    found = read(
        *payloads, ipfix(data(300, FIELDS, flow(MS, MS)), domain=2), ipfix(data(300, FIELDS, flow(MS, MS)), domain=1)
    )
    assert len(found.halves) == 1
    assert found.collector.losses == {"192.0.2.1 domain 1": {NO_TEMPLATE: 1}}
    assert found.notes == {"exporters or domains dropped: too many": 1}


@pytest.mark.parametrize("bound", ["MAX_DOMAIN_WAITING_BYTES", "MAX_WAITING_BYTES"])
def test_waiting_bytes_are_bounded(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = data(300, FIELDS, flow(MS, MS))
    monkeypatch.setattr(exporters, bound, 3 * (len(row) - 4 + exporters.WAITING_OVERHEAD_BYTES))
    found = read(*[ipfix(row)] * 5, ipfix(template(300, FIELDS)), *[ipfix(data(301, FIELDS, flow(MS, MS)))] * 4)
    assert (len(found.halves), found.losses) == (3, {NO_TEMPLATE: 6})


def test_counts_of_templates_stay_right() -> None:
    """What the bound over all domains counts is what there is, whatever comes and goes."""
    known = Exporters(address_text)
    for domain in range(3):
        key = Key(EXPORTER, 1, 10, domain)
        for name in range(300, 304):
            for fields in (FIELDS, FIELDS[:4], FIELDS[:4]):
                learn(known, key, number(name, 2) + number(len(fields), 2) + specifiers(fields))
        learn(known, key, number(301, 2) + number(0, 2))
        learn(known, key, number(301, 2) + number(0, 2))
    learn(known, Key(EXPORTER, 1, 10, 1), number(2, 2) + number(0, 2))
    assert [len(domain.templates) for domain in known] == [3, 3, 0]
    assert known._templates == 6
    assert known.losses() == {}
    assert sum(known.notes().values(), Counter()) == {"templates withdrawn": 6}


def learn(known: Exporters, key: Key, body: bytes) -> None:
    for each in templates_in(memoryview(body), 10, False):
        known.learn(known.domain(key), each)
