"""The file that keeps what was learned, what is made of it for hunts, and what people decided about findings."""

import os
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from rpcsight.analytics import step
from rpcsight.baseline._held import HELD_FROM
from rpcsight.baseline.assets import Asset, resolve
from rpcsight.engines.store import WAIT_S, Store
from rpcsight.errors import InputError, RpcsightError, SettingsError, UsageError
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import ASSET, BASELINE, LEARNED, LEARNED_INPUT, LEARNED_KEYS
from rpcsight.schema.triage import TRIAGE
from rpcsight.settings import BaselineSettings, Settings

__all__ = ["SHAPE", "Rows", "Workspace", "settled_after"]

SHAPE = 5
"""Of the tables; files of another are refused."""
TABLES = {**LEARNED, "learned_input": LEARNED_INPUT, "asset": ASSET, **BASELINE, **TRIAGE}
ASSET_HOST = pa.schema([(name, ARROW_TYPES["VARCHAR"]) for name in ("ip", "role", "name", "owner")])
UNITED = {"first_us": "min", "last_us": "max", "hours": "bit_or", "until_us": "max"}
"""How columns of `schema.baseline.LEARNED` are put together that are no keys and no sums."""
SETTLED = 7
"""A client's first days, in which whom it meets says nothing: half of a baseline that is shorter than two weeks."""

Rows = pa.RecordBatchReader | pa.Table | str
"""Rows at hand, or the query that gives them."""

TABLES_THERE = "select table_name from duckdb_tables() where database_name = 'workspace'"
VIEWS = (
    *("recorded_day", "known_lease", "host_place", "met_day", "counted_pair", "link", "smb_link"),
    *("counted_deed", "linked_deed", "rpc_role", "role"),
)
SCRATCH = ("settled", "host_role", "asset_host", *reversed(VIEWS), "told_lease", "held_back")
HOSTS = "select src_ip as ip from met_day union select dest_ip as ip from met_day"
HAVE_RECORDS = " union ".join(f"select day from {name}" for name in LEARNED if name != "lease_event")
"""Days, whatever was learned of them: which are kept does not depend on the order of learning."""
NO_HOSTS = "select '' as ip, '' as role, '' as name, '' as owner where false"


class Workspace:
    """A workspace, open.

    Args:
        path: its file; made with empty tables if it is not there, unless it is only read.
        is_reading: nothing will be written.
        wait_s: how long to wait for another process that holds it.

    Raises:
        BusyError: another process holds it.
        InputError: it can't be opened, or is none.
        UsageError: it was made by another version, or it is to be read and not there.
    """

    def __init__(self, path: Path, *, is_reading: bool = False, wait_s: float = WAIT_S) -> None:
        self.path = path
        if path.is_dir():
            hint = "name the file that `rpcsight learn` made" if is_reading else "name a file in it: corp.db"
            raise UsageError("--workspace", f"{str(path)!r} is a folder", hint)
        if is_reading and not path.is_file():
            raise UsageError("--workspace", f"there is no {str(path)!r}", f"rpcsight learn LOGS --workspace {path}")
        if not path.absolute().parent.is_dir():
            raise UsageError("--workspace", f"there is no folder {str(path.parent)!r}", "make it, or name another")
        self._is_new = not is_reading and not (path.exists() and path.stat().st_size)
        if self._is_new:
            _begin(path)
        self.store = Store(path, is_reading=is_reading, wait_s=wait_s)
        try:
            self._check()
            if not is_reading:
                _make(self.store)
        except BaseException:
            self.store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        is_useless = kind is not None and self._is_new and self.rule() is None
        self.close()
        if is_useless:  # a mistake leaves no file behind
            self.path.unlink(missing_ok=True)

    def again(self) -> Self:
        """The same, for another thread; to be closed first."""
        made = copy(self)
        made.store = self.store.again()
        return made

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """All rows of a query over its tables."""
        return self.store.rows(sql, parameters).to_pylist()

    def contents(self) -> dict[str, int]:
        """The contents that were learned, with their sizes in bytes."""
        return {row["content"]: row["bytes"] for row in self.rows("select content, bytes from learned_input")}

    def rule(self) -> str | None:
        """What tells RPC from other connections in what was learned; None: nothing was."""
        return self.rows("select rule from workspace")[0]["rule"]

    def refuse_other(self, rule: str | None, whose: str = "now") -> None:
        """See to it that what is added was told from other connections as what was learned.

        Raises:
            SettingsError: it was not.
        """
        if rule and self.rule() not in {None, rule}:
            what = f"was learned with other ports ({self.rule()}) than {whose} ({rule})"
            raise SettingsError(str(self.path), what, "use the same settings, or another workspace")

    def add(
        self, learned: Iterable[tuple[str, Rows]], inputs: Rows, settings: Settings, rule: str | None = None
    ) -> dict[str, int]:
        """Unite what is learned of inputs with what was learned before, and settle; as a whole or not at all.

        Args:
            learned: rows of each of `schema.baseline.LEARNED`, by name, used up one after the other.
            inputs: rows of `LEARNED_INPUT`: what they come from.
            settings: say how long is remembered and what counts as known.
            rule: as `rule()`; None: that of the settings.

        Returns:
            How many rows are new, by table.

        Raises:
            SettingsError: what was learned before was learned with other ports.
        """
        rule = rule or rule_of(settings)
        self.refuse_other(rule)
        counts: dict[str, int] = {}
        with self.store.transaction():
            self.store.run("update workspace set rule = $rule", {"rule": rule})
            for name, rows in learned:
                counts[name] = self._unite(name, rows)
            self._append("learned_input", inputs)
            self.settle(settings.baseline)
        self.store.flush()
        return counts

    def forget(self, before: int, settings: BaselineSettings) -> None:
        """Drop what was learned of days before one (since 1970), and settle."""
        with self.store.transaction():
            self._drop(before)
            self.settle(settings)
        self.store.flush()

    def oldest_of(self, days: int, of: str | None = None) -> int | None:
        """The first of the newest days that were recorded (or that a query gives); None: there are not so many."""
        sql = f"select day from ({of or step('recorded_day')}) as days order by day desc limit 1 offset $skipped"
        rows = self.rows(sql, {"skipped": days - 1})
        return rows[0]["day"] if rows else None

    def settle(self, settings: BaselineSettings | None = None) -> None:
        """Make the tables of the baseline anew, within a transaction; without settings nothing is forgotten."""
        oldest = self.oldest_of(settings.keep_days, HAVE_RECORDS) if settings else None
        if oldest is not None:
            self._drop(oldest)
        self.store.view("held_back", HELD_FROM)
        self.store.view("told_lease", "select * from lease_event")
        for name in VIEWS:
            self.store.view(name, step(name))
        self._resolve_assets()
        self.store.view("host_role", step("host_role"))
        days = self.rows("select count(*) as days from recorded_day")[0]["days"]
        parameters = {"settle_days": settled_after(days)}
        for name in BASELINE:
            self.store.view("settled", step(name), parameters)
            self.store.run(f"drop table {name}")  # one of an earlier version may have other columns
            self.store.create(name, BASELINE[name])
            self.store.run(f"insert into {name} by name select * from settled")
        self.store.run("delete from unsettled")
        for name in SCRATCH:
            self.store.run(f"drop table {name}")

    def _resolve_assets(self) -> None:
        """Keep what the asset file says of each host that was learned, as `asset_host`; empty where it says nothing."""
        given = self.rows("select ip_or_cidr, name, role, owner from asset")
        ips = self.rows(HOSTS) if given else []
        places = self.rows("select host, ip from host_place") if given else []
        said = resolve(
            (Asset(**row) for row in given),
            (row["ip"] for row in ips),
            places={row["host"]: row["ip"] for row in places},
        )
        rows = [
            {"ip": ip, "role": each.role or None, "name": each.name or None, "owner": each.owner or None}
            for ip, each in said.items()
        ]
        self.store.view("asset_host", NO_HOSTS)
        self.store.insert("asset_host", pa.Table.from_pylist(rows, ASSET_HOST))

    def _unite(self, name: str, rows: Rows) -> int:
        """Put rows together with those of the same days; how many there were."""
        self.store.run(f"create or replace temp table given as select * from {name} limit 0")
        self._append("given", rows)
        self.store.run(_united(name))
        self.store.run(f"delete from {name} where day in (select day from given)")
        keys = [column.name for column in LEARNED[name] if column.name in LEARNED_KEYS and column.name != "day"]
        self.store.run(f"insert into {name} by name select * from united order by day, {', '.join(keys)}")
        count = self.rows("select count(*) as rows from given")[0]["rows"]
        self.store.run("drop table united")
        self.store.run("drop table given")
        return count

    def _append(self, name: str, rows: Rows) -> None:
        if isinstance(rows, str):
            self.store.run(f"insert into {name} by name {rows}")
        else:
            self.store.insert(name, rows)

    def _drop(self, before: int) -> None:
        for name in LEARNED:
            self.store.run(f"delete from {name} where day < $before", {"before": before})

    def _check(self) -> None:
        try:
            there = {row["table_name"] for row in self.rows(TABLES_THERE)}
            (row,) = self.rows("select shape from workspace") if "workspace" in there else ({"shape": None},)
        except (RpcsightError, ValueError) as cause:
            raise InputError(str(self.path), f"is damaged ({cause})", "learn anew into another file") from cause
        if row["shape"] is None:
            raise InputError(str(self.path), "is no workspace of rpcsight", "name another file")
        if row["shape"] != SHAPE:
            what = f"was made by another version of rpcsight (shape {row['shape']}, this one has {SHAPE})"
            raise UsageError(str(self.path), what, "learn anew into another file")


def settled_after(days: int) -> int:
    """How many of a client's first days don't count, of so many that were learned."""
    return max(1, min(SETTLED, days // 2))


def rule_of(settings: Settings) -> str:
    """What of the settings decides what is learned: the ports."""
    rule = settings.rule
    return f"mapper port {rule.mapper_port}, dynamic ports {rule.dynamic_ports[0]}-{rule.dynamic_ports[1]}"


def _begin(path: Path) -> None:
    """Make the file under another name first: whoever finds it by its own finds all of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    try:
        store = Store(partial)
        try:
            _make(store)
        finally:
            store.close()
        try:
            path.hardlink_to(partial)
        except FileExistsError:  # empty, or somebody else made it meanwhile
            if not path.stat().st_size:
                partial.replace(path)
        except OSError:  # no such links here
            partial.replace(path)
    except OSError as cause:
        what = f"can't be made ({cause.strerror})"
        raise InputError(str(path), what, "make room there, or name another file") from cause
    finally:
        partial.unlink(missing_ok=True)


def _make(store: Store) -> None:
    with store.transaction():
        store.run("create table if not exists workspace (shape INTEGER, rule VARCHAR)")
        store.run("insert into workspace select $shape, null where not exists (from workspace)", {"shape": SHAPE})
        for name, columns in TABLES.items():
            store.create(name, columns)


def _united(name: str) -> str:
    """The statement that unites what is given with the rows of a table, of the same days, by their keys."""
    kinds = {column.name: column.kind for column in LEARNED[name]}
    keys = [each for each in kinds if each in LEARNED_KEYS]
    values = [
        f"cast({UNITED.get(each, 'sum')}({each}) as {kinds[each]}) as {each}" for each in kinds if each not in keys
    ]
    return f"""
        create or replace temp table united as
        select {", ".join(keys + values)}
        from (select * from given union all by name select * from {name} where day in (select day from given)) as every
        group by {", ".join(keys)}
    """
