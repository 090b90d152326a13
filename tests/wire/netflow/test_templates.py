"""Templates and layouts: bounds, padding, reduced sizes, fields of variable length."""

import pytest

from rpcsight.wire.netflow.templates import V5, BrokenTemplate, compiled, templates_in
from tests.wire.exports import (
    ENDS,
    Field,
    data,
    flow,
    ipfix,
    number,
    options_template,
    read,
    record,
    section,
    specifiers,
    template,
    v9,
)

TIMES: tuple[Field, ...] = ((152, 8), (153, 8))


def test_v5_is_48_bytes() -> None:
    assert (V5.least_bytes, V5.dtype.itemsize, V5.steps) == (48, 48, ())


def test_templates_of_one_set_with_padding() -> None:
    body = template(300, ENDS)[4:] + template(301, [(8, 4), (9999, 3, 4242)])[4:] + bytes(3)
    found = list(templates_in(memoryview(body), 10, False))
    assert [(each.number, each.definition, each.scopes, each.is_options) for each in found] == [
        (300, specifiers(ENDS), 0, False),
        (301, specifiers([(8, 4), (9999, 3, 4242)]), 0, False),
    ]
    assert len(list(templates_in(memoryview(body + bytes(5)), 10, False))) == 2


@pytest.mark.parametrize("version", [9, 10])
def test_options_templates(version: int) -> None:
    body = options_template(400, [(1, 4), (2, 2)], [(34, 4)], version)[4:] + bytes(2)
    (found,) = templates_in(memoryview(body), version, True)
    assert found == (400, specifiers([(1, 4), (2, 2), (34, 4)]), 2, True)


def test_scopes_of_v9_are_no_elements() -> None:
    definition = specifiers([(4, 1), (34, 4)])
    assert compiled(definition, 9, 1, True).keys == {"sampling_interval"}
    assert compiled(definition, 10, 1, True).keys == {"protocol", "sampling_interval"}


@pytest.mark.parametrize(
    ("body", "version", "is_options", "reason"),
    [
        (number(300, 2) + number(2, 2) + specifiers([(8, 4)]), 10, False, "cut off"),
        (number(300, 2) + number(1, 2) + number(0x8008, 2) + number(4, 2), 10, False, "cut off"),
        (number(300, 2) + number(1, 2), 10, True, "cut off"),
        (number(255, 2) + number(1, 2) + specifiers([(8, 4)]), 10, False, "below 256"),
        (number(300, 2) + number(0, 2) + specifiers([(8, 4)]), 9, False, "no fields"),
        (number(300, 2) + number(513, 2) + specifiers([(8, 4)] * 513), 9, False, "more than 512"),
    ],
)
def test_broken_templates(body: bytes, version: int, is_options: bool, reason: str) -> None:
    with pytest.raises(BrokenTemplate, match=reason):
        list(templates_in(memoryview(body), version, is_options))


@pytest.mark.parametrize(
    ("fields", "version"),
    [([(8, 0)], 10), ([(8, 60000), (12, 60000)], 10), ([(8, 65535)], 9)],
    ids=["no length", "too long", "variable in v9"],
)
def test_layouts_that_cannot_be(fields: list[Field], version: int) -> None:
    with pytest.raises(BrokenTemplate):
        compiled(specifiers(fields), version, 0, False)
    template_set = template(300, fields, version)
    found = read(v9(template_set) if version == 9 else ipfix(template_set))
    assert sum(found.losses.values()) == 1


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8])
def test_numbers_of_any_length(length: int) -> None:
    fields = [(8, 4), (12, 4), (7, 2), (11, 1), (4, 1), (6, 1), (1, length), (2, length), *TIMES]
    row = [1, 2, 50000, 135, 6, 2, 2 ** (8 * length) - 7, 3, 1_790_000_000_123, 1_790_000_000_456]
    (half,) = read(ipfix(template(300, fields), data(300, fields, row))).halves
    assert (half["bytes"], half["packets"]) == (min(2 ** (8 * length) - 7, 2**63 - 1), 3)
    assert (half["src_port"], half["dest_port"], half["tcp_flags"]) == (50000, 135, "S")


def test_an_element_twice_is_read_once() -> None:
    fields = [*ENDS, *TIMES, (7, 2)]
    (half,) = read(
        ipfix(template(300, fields), data(300, fields, (*flow(1_790_000_000_000, 1_790_000_000_000), 9)))
    ).halves
    assert half["src_port"] == 50000


VARIABLE: list[Field] = [(82, 65535), *ENDS, (371, 65535), (95, 3), (96, 2), *TIMES, (82, 65535)]


@pytest.mark.parametrize("size", [0, 1, 254, 255, 3000])
def test_fields_of_variable_length(size: int) -> None:
    rows = [
        (b"x" * size, *flow(sport=port), b"user", 1, 2, 1_790_000_000_000, 1_790_000_000_001, b"")
        for port in (50001, 50002)
    ]
    found = read(ipfix(template(300, VARIABLE), data(300, VARIABLE, *rows, padding=3)))
    assert [(row["src_port"], row["dest_port"], row["end_us"]) for row in found.halves] == [
        (50001, 135, 1_790_000_000_001_000),
        (50002, 135, 1_790_000_000_001_000),
    ]
    assert found.losses == {}


def test_a_variable_field_with_the_long_length_though_short() -> None:
    fields: list[Field] = [(82, 65535), *ENDS, *TIMES]
    body = b"\xff\x00\x02ab" + record(fields[1:], flow(1_790_000_000_000, 1_790_000_000_001))
    assert len(read(ipfix(template(300, fields), section(300, body))).halves) == 1


@pytest.mark.parametrize("cut", [1, 20, 45])
def test_a_variable_record_cut_off_is_counted(cut: int) -> None:
    row = (b"x" * 40, *flow(), b"user", 1, 2, 1_790_000_000_000, 1_790_000_000_001, b"y" * 50)
    body = record(VARIABLE, row)
    found = read(ipfix(template(300, VARIABLE), section(300, body, body[:-cut])))
    assert (len(found.halves), found.losses) == (1, {"records cut off in sets with fields of variable length": 1})


def test_a_long_length_cut_off() -> None:
    fields: list[Field] = [(8, 4), (82, 65535)]
    layout = compiled(specifiers(fields), 10, 0, False)
    assert layout.records(memoryview(b"\x0a\0\0\1\xff\x01")) == (b"", 0, True)
    assert layout.records(memoryview(b"\x0a\0\0\1\x00\x0a\0\0\2\xff")) == (b"\x0a\0\0\1", 1, True)


def test_needs_init_only_without_another_time() -> None:
    def needs(*fields: Field, version: int = 10) -> bool:
        return compiled(specifiers([*ENDS, *fields]), version, 0, False).needs_init

    assert needs((22, 4), (21, 4))
    assert not needs((22, 4), (21, 4), (160, 8))
    assert not needs((22, 4), (21, 4), (152, 8))
    assert not needs((22, 4), (21, 4), version=9)
    assert not needs((152, 8))
