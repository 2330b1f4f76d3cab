"""Who moved first, by what is known of the clocks. Pure; times in ns.

Two moves whose times differ by no more than their tolerances together are a tie. Ties are not transitive, so a market's
rank is a range: from 1 plus those that were surely before it, to all but those that were surely after it.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple


class Entry(NamedTuple):
    """A market's first move, by one clock.

    Attributes:
        key: the market.
        time: when it was, ns.
        tolerance: how far that may be off.
    """

    key: str
    time: int
    tolerance: int

    def surely_before(self, other: "Entry") -> bool:
        """Whether it was before the other, however far both clocks are off."""
        return other.time - self.time > self.tolerance + other.tolerance


class Ranked(NamedTuple):
    """An entry, its best and its worst possible rank, and whom it ties with."""

    entry: Entry
    best: int
    worst: int
    ties: Sequence[str]


class Disagreement(NamedTuple):
    """Two markets that the clocks order differently, at least one of them surely.

    Attributes:
        first, second: in the order of the exchanges' times.
        lead: by how much the first was ahead by the exchanges' times, ns.
        lag: by how much it was behind by the times of receipt, ns.
        sure: whether both orders are beyond their tolerances.
    """

    first: str
    second: str
    lead: int
    lag: int
    sure: bool


def rank(entries: Sequence[Entry]) -> list[Ranked]:
    """Return the entries by time, each with the range of its rank."""
    ranked: list[Ranked] = []
    for entry in sorted(entries, key=lambda entry: (entry.time, entry.key)):
        before = sum(other.surely_before(entry) for other in entries)
        after = sum(entry.surely_before(other) for other in entries)
        ties = [
            other.key
            for other in entries
            if other.key != entry.key and not (other.surely_before(entry) or entry.surely_before(other))
        ]
        ranked.append(Ranked(entry, 1 + before, len(entries) - after, sorted(ties)))
    return ranked


def disagreements(by_time: Sequence[Entry], by_received: Sequence[Entry]) -> list[Disagreement]:
    """Return the pairs of markets that are in both and in opposite order, if one of the orders is beyond tolerance."""
    received = {entry.key: entry for entry in by_received}
    both = sorted((entry for entry in by_time if entry.key in received), key=lambda entry: (entry.time, entry.key))
    found: list[Disagreement] = []
    for first, second in combinations(both, 2):
        late, early = received[first.key], received[second.key]
        lead, lag = second.time - first.time, late.time - early.time
        by_venue, by_receipt = first.surely_before(second), early.surely_before(late)
        if lead and lag > 0 and (by_venue or by_receipt):
            found.append(Disagreement(first.key, second.key, lead, lag, by_venue and by_receipt))
    return found
