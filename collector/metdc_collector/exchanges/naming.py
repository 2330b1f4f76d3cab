"""From a venue's own base and quote fields to the coin's common name.

The rules of the wire contract: a unit prefix or suffix (``1000PEPE``, ``1000 PEPE``, ``SHIB1000``) is taken off and
kept as the unit factor, unless the bare name exists in the same market (then the two must not share a subject);
``1INCH`` stays, since a factor is 1 followed by at least three zeros; a reviewed table of aliases does the rest.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

_FACTOR = re.compile(
    r"(?P<prefix>10{3,})\s?(?P<after>.*[^0-9\s].*)|(?P<before>.*[^0-9\s])\s?(?P<suffix>10{3,})", re.ASCII
)

# Reviewed: venue's spelling → common name. A coin's rename is not an alias.
ALIASES: Mapping[str, str] = {"XBT": "BTC", "BEAMX": "BEAM"}


class Name(NamedTuple):
    """A coin's common name, and the factor that the venue's name carries (``1000``), null where it carries none."""

    base: str
    unit_factor: str | None


def common_name(base: str, listed: Collection[str]) -> Name:
    """Return the common name of a venue's base coin; ``listed`` holds the base fields of the same market and quote."""
    match = _FACTOR.fullmatch(base)
    if match is None:
        return Name(ALIASES.get(base, base), None)
    bare = match["after"] or match["before"]
    factor = match["prefix"] or match["suffix"]
    common = ALIASES.get(bare, bare)
    if bare in listed or common in listed:
        return Name(base.replace(" ", ""), None)
    return Name(common, factor)


class Pair(NamedTuple):
    """A native name taken apart into base and quote, both as the venue spells them."""

    base: str
    quote: str


def split_pair(name: str, quotes: Sequence[str]) -> Pair | None:
    """Split a name that ends with a known quote, the longest that fits: ``BTCFDUSD`` is BTC in FDUSD."""
    fitting = [quote for quote in quotes if name.endswith(quote) and len(name) > len(quote)]
    if not fitting:
        return None
    quote = max(fitting, key=len)
    return Pair(name.removesuffix(quote), quote)
