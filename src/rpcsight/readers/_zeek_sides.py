"""Whether Zeek saw both sides of the connections that it wrote down.

Source: Zeek's documentation of conn.log: in `history`, upper-case letters are packets of the originator, lower-case ones of the responder;
`^` says that the two were exchanged. A sensor that discards packets for their checksums, or gets one direction of a link, sees one side.
"""

from collections.abc import Iterable

__all__ = ["one_sided"]

FEWEST_LETTERS = 2
"""One letter is a lone SYN, or a scrap."""


def one_sided(histories: Iterable[str]) -> tuple[int, int]:
    """How many connections show packets of one side only, and of how many that can be told.

    Args:
        histories: the field `history` of TCP connections.
    """
    letters = ["".join(filter(str.isalpha, each)) for each in histories]
    told = [each for each in letters if len(each) >= FEWEST_LETTERS]
    return sum(each.isupper() or each.islower() for each in told), len(told)
