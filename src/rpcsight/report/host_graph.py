"""Who used whom: hosts in columns by how many steps from the first, as SVG with tables beside it.

A host stands one column to the right of the host that first reached it by something new, so that what went on reads from left to right.
The layout is made of the order of edges alone: the same values give the same drawing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rpcsight.report._layout import Place, columns_of, placed
from rpcsight.report.markup import clock, figure, shortened, table, tag, visible

__all__ = ["CHAIN", "KNOWN", "MOST_HOSTS", "NEW", "Edge", "Host", "host_graph"]

MOST_HOSTS = 60
MOST_EDGES = 300
MOST_CHAINS = 20
KNOWN, NEW, CHAIN = "known", "new", "chain"
KINDS = (KNOWN, NEW, CHAIN)
WORDS = {
    KNOWN: "known: the two have met before",
    NEW: "new: the two have not met before",
    CHAIN: "step of a chain: the server had been reached, and went on",
}
BOX_WIDTH, BOX_HEIGHT = 190, 40
TOP, RISE = 64, 56.0
LETTERS = 27
"""Characters of a host's name."""
ROLE_LETTERS = 32
LONG_LETTERS, LONGEST = 80, 200
"""Characters of a name in words, and of what was done."""
ARROW = " → "


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the drawing: its name or address, its role where it is known."""

    name: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A client that used a server.

    Args:
        client, server: names of hosts.
        kind: `KNOWN`, `NEW` or `CHAIN`.
        score: how unusual; the most telling are drawn where there are too many.
        first_us: when it began, microseconds since 1970, if that is known.
        text: what was done, in a few words.
    """

    client: str
    server: str
    kind: str = NEW
    score: float = 0.0
    first_us: int | None = None
    text: str = ""


def host_graph(
    hosts: Iterable[Host], edges: Iterable[Edge], caption: str, ident: str, chains: Sequence[Sequence[str]] = ()
) -> Markup:
    """Draw the 60 most telling hosts and what they did; the rest is counted.

    Args:
        hosts: what is known of them; hosts that only edges name are drawn without a role.
        edges: those of one client and server are one, of the most telling kind.
        caption: what it shows.
        ident: of our own, other than that of any other drawing of the page.
        chains: paths through hosts, told in words below.
    """
    roles = {each.name: each.role for each in hosts}
    merged = _merged(edges)
    chosen, names = _chosen(merged, roles)
    if not names:
        return tag("p", f"{caption}: no hosts to draw.", class_="rs-nothing")
    places, width, height = placed(columns_of(chosen, names), BOX_WIDTH, BOX_HEIGHT, TOP)
    height += round(RISE)
    everyone = {*roles, *(name for each in merged for name in (each.client, each.server))}
    counts = f"{len(names)} of {len(everyone):,} hosts, {len(chosen)} of {len(merged):,} pairs"
    drawing = tag(
        "svg",
        tag("title", caption, id=f"{ident}-title"),
        tag("desc", f"{counts}. The table beside it says the same.", id=f"{ident}-about"),
        tag("defs", [_arrow(kind, ident) for kind in KINDS]),
        _legend(ident),
        [_edge(each, places, ident) for each in sorted(chosen, key=lambda each: KINDS.index(each.kind))],
        [_host(name, roles.get(name), places[name]) for name in names],
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        class_="rs-svg rs-graph",
        role="img",
        aria_labelledby=f"{ident}-title {ident}-about",
    )
    rows = [
        (
            *(_between(each), each.kind),
            *(roles.get(name) or "unknown" for name in (each.client, each.server)),
            *(clock(each.first_us), each.score, visible(each.text, LONGEST)),
        )
        for each in chosen
    ]
    head = ("client and server", "kind", "client's role", "server's role", "first (UTC)", "score", "what")
    left_out = len(everyone) > len(names) or len(merged) > len(chosen)
    more = [tag("p", f"Drawn are {counts}: the most telling.", class_="rs-nothing")] if left_out else []
    return tag("div", figure(drawing, caption, table(caption, head, rows)), more, _told(chains))


def _rank(edge: Edge) -> tuple[float, ...]:
    return -KINDS.index(edge.kind), -edge.score


def _merged(edges: Iterable[Edge]) -> list[Edge]:
    """One edge for each client and server, the most telling first."""
    best: dict[tuple[str, str], Edge] = {}
    for each in edges:
        if each.kind not in KINDS:
            raise ValueError(f"{each.kind!r} is no kind of edge")
        known = best.get((each.client, each.server))
        if known is None or _rank(each) < _rank(known):
            best[each.client, each.server] = each
    return sorted(best.values(), key=lambda each: (*_rank(each), each.client, each.server))


def _chosen(edges: Sequence[Edge], roles: Mapping[str, str | None]) -> tuple[list[Edge], list[str]]:
    """The edges that are drawn, by time, and their hosts; hosts without any edge where there is room."""
    names: dict[str, None] = {}
    chosen: list[Edge] = []
    for each in edges:
        new = {each.client, each.server} - names.keys()
        if len(names) + len(new) <= MOST_HOSTS and len(chosen) < MOST_EDGES:
            names.update(dict.fromkeys(sorted(new)))
            chosen.append(each)
    for name in sorted(roles):
        if len(names) < MOST_HOSTS:
            names.setdefault(name)
    chosen.sort(key=lambda each: (each.first_us is None, each.first_us or 0, each.client, each.server))
    return chosen, list(names)


def _host(name: str, role: str | None, place: Place) -> Markup:
    x, y = place
    known = "role unknown" if role in {None, "", "unknown"} else role
    return tag(
        "g",
        tag("title", f"{name}, {known}"),
        tag("rect", x=x, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=4, class_="rs-host"),
        tag("text", shortened(name or "?", LETTERS), x=x + 8, y=y + 17, class_="rs-label"),
        tag("text", shortened(known or "", ROLE_LETTERS), x=x + 8, y=y + 32, class_="rs-role"),
    )


def _edge(edge: Edge, places: Mapping[str, Place], ident: str) -> Markup:
    (x1, y1), (x2, y2) = places[edge.client], places[edge.server]
    start, end = y1 + BOX_HEIGHT / 2, y2 + BOX_HEIGHT / 2
    if x1 < x2:
        x1 += BOX_WIDTH
        bend, rise = max(30.0, (x2 - x1) / 2), _rise(x2 - x1)
        path = f"M{x1} {start}C{x1 + bend} {start - rise} {x2 - bend} {end - rise} {x2 - 3} {end}"
    elif x1 == x2:  # along the right side of the column
        x1 += BOX_WIDTH
        bulge = min(24.0 + abs(end - start) / 12, 70.0)
        path = f"M{x1} {start - 6}C{x1 + bulge} {start - 6} {x1 + bulge} {end + 6} {x1 + 3} {end + 6}"
    else:  # back, from the left side
        x2 += BOX_WIDTH
        bend, rise = max(30.0, (x1 - x2) / 2), _rise(x1 - x2)
        path = f"M{x1} {start + 8}C{x1 - bend} {start + 8 + rise} {x2 + bend} {end + 8 + rise} {x2 + 3} {end + 8}"
    told = f"{_between(edge)}, {edge.kind}" + (f": {visible(edge.text, LONGEST)}" if edge.text else "")
    head = f"url(#{ident}-{edge.kind})"
    return tag("path", tag("title", told), d=path, class_=f"rs-edge rs-{edge.kind}", marker_end=head)


def _between(edge: Edge) -> str:
    return ARROW.join(shortened(each, LONG_LETTERS) for each in (edge.client, edge.server))


def _rise(across: float) -> float:
    """How far a line bends away from the straight one: past the boxes of the columns that it passes over."""
    return RISE if across > BOX_WIDTH else 0.0


def _arrow(kind: str, ident: str) -> Markup:
    head = tag("path", d="M0 0L8 4L0 8Z", class_=f"rs-arrow rs-{kind}")
    return tag(
        "marker",
        head,
        id=f"{ident}-{kind}",
        viewBox="0 0 8 8",
        refX=7,
        refY=4,
        markerWidth=8,
        markerHeight=8,
        markerUnits="userSpaceOnUse",
        orient="auto",
    )


def _legend(ident: str) -> Markup:
    """A sample of each kind of edge."""
    samples: list[Markup] = []
    for place, (kind, words) in enumerate((("chain", "step of a chain"), ("new", "new"), ("known", "known"))):
        x = 4 + 150 * place
        line = tag("path", d=f"M{x} 14H{x + 36}", class_=f"rs-edge rs-{kind}", marker_end=f"url(#{ident}-{kind})")
        samples += [line, tag("text", words, x=x + 44, y=18, class_="rs-role")]
    return tag("g", samples)


def _told(chains: Sequence[Sequence[str]]) -> Markup:
    """The chains in words."""
    if not chains:
        return Markup("")
    told = [tag("li", ARROW.join(shortened(name, LONG_LETTERS) for name in chain)) for chain in chains[:MOST_CHAINS]]
    more = len(chains) - MOST_CHAINS
    rest = [tag("li", f"and {more:,} more")] if more > 0 else []
    return tag("div", tag("p", "Chains, as paths:"), tag("ol", told, rest), class_="rs-chains")
