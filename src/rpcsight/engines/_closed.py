"""What every database of ours is told first: fetch nothing, times are UTC, no progress of its own on the screen."""

import duckdb

__all__ = ["close_in", "limit_memory", "memory_mib"]

QUIET = "set enable_progress_bar = false"
STATEMENTS = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set TimeZone = 'UTC'",
)
LEAST_MIB = 1144
SHARE = 0.25 / 0.8
"""Of DuckDB's own limit, which is 80 % of the memory that the process may use: a quarter of that memory."""
MIB = {"MiB": 1, "GiB": 1024, "TiB": 1024**2}


def close_in(database: duckdb.DuckDBPyConnection, *further: str) -> None:
    """Tell a database that was just opened; and further statements."""
    for statement in (*STATEMENTS, *further):
        database.execute(statement)
    try:
        database.execute(QUIET)
    except duckdb.InvalidInputException:
        # In Jupyter, DuckDB 2.0 refuses to switch the bar on or off where ipywidgets is missing: then it has none.
        return


def limit_memory(database: duckdb.DuckDBPyConnection) -> None:
    """Let a database that was just opened take a quarter of the memory before it spills."""
    ((most,),) = database.execute("select current_setting('memory_limit')").fetchall()
    database.execute(f"set memory_limit = '{memory_mib(most)}MiB'")


def memory_mib(most: str) -> int:
    """How much an engine may take, of what DuckDB would take by itself ("18.8 GiB"): at least 1,144 MiB."""
    number, _, unit = most.partition(" ")
    return max(LEAST_MIB, int(float(number) * MIB.get(unit, 0) * SHARE))
