"""What one process has proven, so that another knows which time is without proof. Pure.

Each collector keeps its own in the bucket ``metdc_proofs``, once a second, under
``<namespace>.<collector>.<market>.<shard>.<pod>-<its start, ms>``; it outlives the process. Record::

    {"v":1,"pod":"binance-spot-0-abc-1790000990000","since":1790001000000000000,"at":1790001515000000000,
     "told":1790001515400000000,"except":{"DOGEUSDT":1790001500000000000},"held":{"ETHUSDT":1790001514000000000}}

and, when they change, the instruments of which that is so under the same key with ``.names`` behind it::

    {"v":1,"pod":"binance-spot-0-abc-1790000990000","exchange":"binance","market":"spot","names":["BTCUSDT","DOGEUSDT"]}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from metdc_collector.continuity import number
from metdc_collector.exchanges.history import Mark

VERSION = 1
# What was traded in the second before a sign of life may have been on its way when the connection broke.
_FLIGHT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Proof:
    """From ``since`` to ``at`` (ns) this pod has listened to instruments, and what it received is stored.

    Attributes:
        told: when the pod said so, ns; it may have received more that is not stored yet.
        names: of these instruments.
        exceptions: those with a hole that is not settled yet, and where that begins (ns); 0 while that isn't known.
        held: those of which trades were received that wait for their predecessors, and since when (ns).
    """

    pod: str
    since: int
    at: int
    told: int
    names: frozenset[str]
    exceptions: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)

    def until(self, name: str) -> int:
        """Up to when an instrument's trades are proven, ns; 0 where nothing is known of them."""
        if name not in self.names:
            return 0
        return min(self.at, self.exceptions.get(name, self.at), self.held.get(name, self.at))

    def covers(self, name: str, start: int, end: int) -> bool:
        """Whether an instrument's trades of this time (ns) are proven."""
        return self.since <= start and end <= self.until(name)

    def may_cover(self, name: str, start: int, end: int) -> bool:
        """Whether an instrument's trades of this time (ns) are proven once what was received by then is stored."""
        return name in self.names and self.since <= start and end <= self.exceptions.get(name, end)


def proven_until(proofs: Iterable[Proof], name: str) -> int | None:
    """Return up to when an instrument's trades are proven by somebody, ns; null where nobody tells."""
    return max((proof.until(name) for proof in proofs), default=0) or None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a dead process has left on disk, to be delivered: all that it received in the time of this proof.

    ``newest`` is the latest trade of each instrument.
    """

    proof: Proof
    newest: Mapping[str, Mark]


def in_flight(proof: int, before: Mark | None) -> int:
    """Return where a hole begins (ns): about the last sign of life, and not before what had come of the instrument."""
    start = proof - _FLIGHT
    return start if before is None else max(start, min(proof, before.time))


class Stretch(NamedTuple):
    """A time without proof (ns), and the last known trade before it; ``start`` is null where nobody has listened."""

    before: Mark | None
    start: int | None
    end: int


def stretches(name: str, before: Stretch, kept: Iterable[Kept]) -> list[Stretch]:
    """Return what is left of a time without proof by what dead processes have left on disk, the earliest first.

    What was on its way when one of them ended may be missing, too.
    """
    found: list[Stretch] = []
    low, known, end = before
    start = known
    for one in sorted(kept, key=lambda one: one.proof.since):
        until = one.proof.until(name)
        if (known is not None and until <= known) or until <= one.proof.since or one.proof.since >= end:
            continue
        if known is not None and one.proof.since > known:
            found.append(Stretch(low, start, one.proof.since))
        low, known = one.newest.get(name, low), until
        start = in_flight(until, low)
    return found if known is not None and known >= end else [*found, Stretch(low, start, end)]


def between(name: str, before: Mark, after: Mark, kept: Iterable[Kept]) -> list[Mark]:
    """Return the last trades that dead processes have on disk, in their order, of those between two numbers."""
    marks = [mark for one in kept if (mark := one.newest.get(name)) is not None]
    inside = [mark for mark in marks if number(before.seq) < number(mark.seq) < number(after.seq)]
    return sorted(inside, key=lambda mark: number(mark.seq))


@dataclass(frozen=True, slots=True)
class Names:
    """The instruments of a pod's proof, and the market that they are of."""

    pod: str
    exchange: str
    market: str
    names: frozenset[str]


def encode(proof: Proof) -> bytes:
    """Return the record as JSON, which names no instruments."""
    record = {"v": VERSION, "pod": proof.pod, "since": proof.since, "at": proof.at, "told": proof.told}
    return orjson.dumps(record | {"except": dict(proof.exceptions), "held": dict(proof.held)})


def encode_names(names: Names) -> bytes:
    """Return that record as JSON."""
    record = {"v": VERSION, "pod": names.pod, "exchange": names.exchange, "market": names.market}
    return orjson.dumps(record | {"names": sorted(names.names)})


def decode(records: Iterable[bytes]) -> tuple[list[Proof], list[Names]]:
    """Read records of both kinds; what is none, or of a version that this code does not know, proves nothing."""
    proofs: list[dict[str, Any]] = []
    names: list[Names] = []
    for data in records:
        try:
            record: Any = orjson.loads(data)
            if record["v"] != VERSION or not isinstance(record["pod"], str):
                continue
            if "names" in record:
                names.append(_names(record))
            elif all(type(time) is int for time in _times(record)):
                proofs.append(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    by_pod = {each.pod: each.names for each in names}
    return [_proof(one, by_pod.get(one["pod"], frozenset())) for one in proofs], names


def _times(record: Mapping[str, Any]) -> tuple[object, ...]:
    return record["since"], record["at"], record["told"], *record["except"].values(), *record["held"].values()


def _proof(record: Mapping[str, Any], names: frozenset[str]) -> Proof:
    times = record["since"], record["at"], record["told"]
    return Proof(record["pod"], *times, names, record["except"], record["held"])


def _names(record: Mapping[str, Any]) -> Names:
    texts = record["exchange"], record["market"]
    names = frozenset(record["names"])
    if not all(isinstance(text, str) for text in (*texts, *names)):
        raise TypeError
    return Names(record["pod"], *texts, names)
