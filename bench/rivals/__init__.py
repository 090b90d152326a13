"""Other ways to find attacks in the records of a simulation, each ranked as well as it reasonably can be."""

from rivals import first_seen, isolation_forest, mapper_port, rita, strict_rule
from rivals.records import Rival

__all__ = ["RIVALS"]

RIVALS: tuple[Rival, ...] = (
    mapper_port.ALONE,
    mapper_port.BETWEEN_WORKSTATIONS,
    strict_rule.RIVAL,
    first_seen.PAIRS,
    first_seen.BETWEEN_WORKSTATIONS,
    first_seen.TUPLES,
    rita.RIVAL,
    isolation_forest.RIVAL,
)
"""In the order of the table."""
