"""From inputs to scans: pick each input's reader, bring it into a form that engines read, group files of one layout."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from rpcsight.engines import Scan
from rpcsight.errors import InputError, RpcsightError
from rpcsight.readers import NoFlows, Reader, all_readers, pick, sections, unpacked
from rpcsight.readers._inputs import Input, blocks, find, look, spool

__all__ = ["Plan", "Planned", "plan", "split"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A scan, and the inputs it reads, in the order of its paths."""

    scan: Scan
    inputs: tuple[tuple[Input, Reader], ...]


@dataclass(slots=True)
class Plan:
    """What will be read, what holds no flows (with what it holds), and what can't be used (with the error).

    `mapping` and `scratch` are those that it was made with; `used` names the inputs that were read, in part at least.
    """

    mapping: Mapping[str, str]
    scratch: Path
    scans: list[Planned] = field(default_factory=list[Planned])
    flowless: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unusable: list[RpcsightError] = field(default_factory=list[RpcsightError])
    used: set[str] = field(default_factory=set[str])


def plan(
    paths: Iterable[str],
    mapping: Mapping[str, str],
    scratch: Path,
    stdin: BinaryIO | None,
    folder: Path | None = None,
    wanted: Callable[[Input], bool] | None = None,
) -> Plan:
    """Look at everything that the paths name.

    Args:
        paths: files, folders, patterns, "-".
        mapping: flow column -> column of the file, for the readers that need it.
        scratch: where temporary copies go.
        stdin: what "-" stands for.
        folder: where the user's own readers are.
        wanted: says whether a file is to be read; None: all are.

    Raises:
        InputError: a path names nothing.
        SettingsError: one of those readers is wrong.
    """
    made = Plan(mapping, scratch)
    readers = all_readers(folder)
    groups: dict[str, Planned] = {}
    for found in find(paths, scratch, stdin):
        try:
            item = look(found)
            reader = pick(item, readers)
            if wanted and not wanted(item):
                continue
            item = _readable(item, reader, scratch, made)
            scan = reader.scan(item, mapping)
        except NoFlows as why:
            made.flowless.append((found.source, str(why)))
        except RpcsightError as error:
            made.unusable.append(error)
        else:
            layout = repr(replace(scan, paths=()))
            group = groups.get(layout)
            before = group or Planned(replace(scan, paths=()), ())
            groups[layout] = Planned(
                replace(scan, paths=before.scan.paths + scan.paths), (*before.inputs, (item, reader))
            )
    made.scans = list(groups.values())
    return made


def split(planned: Planned, made: Plan) -> Iterator[Scan]:
    """The scans of files whose columns change on the way: one for each part with the same columns.

    Args:
        planned: the files.
        made: the plan; where parts without flows, or that can't be used, are noted.

    Raises:
        InputError: the files' format has no such changes.
    """
    for item, reader in planned.inputs:
        for section in sections(reader, _until_broken(blocks(item), made)):
            part = spool(section, item, made.scratch)
            try:
                yield reader.scan(look(part), made.mapping)
            except NoFlows as why:
                made.flowless.append((item.source, str(why)))
            except RpcsightError as error:
                made.unusable.append(error)


def _readable(item: Input, reader: Reader, scratch: Path, made: Plan) -> Input:
    unpacked_blocks = unpacked(reader, item)
    return item if unpacked_blocks is None else look(spool(_until_broken(unpacked_blocks, made), item, scratch))


def _until_broken(content: Iterator[bytes], made: Plan) -> Iterator[bytes]:
    """What comes before a break is used; the break is noted."""
    is_empty = True
    try:
        for block in content:
            is_empty = False
            yield block
    except InputError as broken:
        if is_empty:
            raise
        made.unusable.append(broken)
