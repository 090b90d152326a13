"""What a detector said (alerts) and what is true (steps of attacks), as plain values."""

from dataclasses import dataclass

__all__ = ["DAY_US", "Alert", "Pair", "Step"]

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A client and a server of an alert.

    Args:
        src_ip: the client; None where only the server is known.
        dest_ip: the server; None where it is many.
        first_us: microseconds since 1970 UTC.
        last_us: not before `first_us`.
    """

    src_ip: str | None
    dest_ip: str | None
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that a detector puts before a person.

    Args:
        lead: its client and server, when it begins and ends.
        score: the higher, the earlier it is looked at.
        pairs: all that it names, where that is more than the lead, or told with times of their own.
    """

    lead: Pair
    score: float
    pairs: tuple[Pair, ...] = ()

    @property
    def day(self) -> int:
        """The UTC day on which it begins, days since 1970."""
        return self.lead.first_us // DAY_US


@dataclass(frozen=True, slots=True)
class Step:
    """What an attacker did on one server, from one client.

    Args:
        attack: steps of one attack share it.
        src_ip: the client.
        dest_ip: the server.
        start_us: microseconds since 1970 UTC.
        end_us: not before `start_us`.
        techniques: ATT&CK ids.
        kind: what sort of attack; empty where not told.
        visibility: what shows it: flow, pipe or none; empty where not told.
    """

    attack: str
    src_ip: str
    dest_ip: str
    start_us: int
    end_us: int
    techniques: tuple[str, ...] = ()
    kind: str = ""
    visibility: str = ""

    @property
    def day(self) -> int:
        """The UTC day on which it begins, days since 1970."""
        return self.start_us // DAY_US
