"""What every database of ours is told first: fetch nothing, times are UTC, no progress of its own on the screen."""

import duckdb

__all__ = ["close_in"]

QUIET = "set enable_progress_bar = false"
STATEMENTS = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set TimeZone = 'UTC'",
)


def close_in(database: duckdb.DuckDBPyConnection, *further: str) -> None:
    """Tell a database that was just opened; and further statements."""
    for statement in (*STATEMENTS, *further):
        database.execute(statement)
    try:
        database.execute(QUIET)
    except duckdb.InvalidInputException:
        # In Jupyter, DuckDB 2.0 refuses to switch the bar on or off where ipywidgets is missing: then it has none.
        return
