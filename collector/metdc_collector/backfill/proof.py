"""What one process has proven, so that another knows which time is without proof. Pure.

Each collector keeps its own in the bucket ``metdc_proofs``, once a second, under
``<namespace>.<collector>.<market>.<shard>.<pod>-<its start, ms>``; it outlives the process. Record::

    {"v":1,"pod":"binance-spot-0-abc-1790000990000","since":1790001000000000000,"at":1790001515000000000,
     "except":{"DOGEUSDT":1790001500000000000}}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

VERSION = 1


@dataclass(frozen=True, slots=True)
class Proof:
    """From ``since`` to ``at`` (ns) this pod has listened to its instruments, and what it received is stored.

    ``exceptions`` are those with a hole that is not settled yet, and where that begins (ns); 0 while that isn't known.
    """

    pod: str
    since: int
    at: int
    exceptions: Mapping[str, int] = field(default_factory=dict)

    def until(self, name: str) -> int:
        """Up to when an instrument's trades are proven, ns."""
        return min(self.at, self.exceptions.get(name, self.at))

    def covers(self, name: str, start: int, end: int) -> bool:
        """Whether an instrument's trades of this time (ns) are proven."""
        return self.since <= start and end <= self.until(name)


def proven_until(proofs: Iterable[Proof], name: str) -> int | None:
    """Return up to when an instrument's trades are proven by somebody, ns; null where nobody tells."""
    return max((proof.until(name) for proof in proofs), default=None)


def encode(proof: Proof) -> bytes:
    """Return the record as JSON."""
    return orjson.dumps(
        {"v": VERSION, "pod": proof.pod, "since": proof.since, "at": proof.at, "except": dict(proof.exceptions)}
    )


def decode(data: bytes) -> Proof | None:
    """Read a record; null when it is none, or of a version that this code does not know."""
    try:
        record: Any = orjson.loads(data)
        if record["v"] != VERSION:
            return None
        pod, since, at, exceptions = record["pod"], record["since"], record["at"], record["except"]
        if not isinstance(pod, str) or not all(type(time) is int for time in (since, at, *exceptions.values())):
            return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Proof(pod, since, at, exceptions)
