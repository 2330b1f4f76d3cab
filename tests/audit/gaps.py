"""Gap records: where the product itself says that trades are missing."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.audit.book import Key, Trade
from tests.audit.stream import Stored

ADMITS = ("open", "partial", "unfillable")
"""States that admit a loss; `filled` and `empty` claim that there is none."""
_COMPLETE = {"open": 0, "unfillable": 1, "partial": 2, "empty": 3, "filled": 3}
_SAME_END = 2_000_000_000
"""Two processes may see the end of one hole so many ns apart."""


@dataclass(slots=True)
class Gaps:
    """Every gap record in the state that holds, by instrument and identity.

    A later state (by ``at``) replaces an earlier one. Of two processes that tell of one hole, the one that filled more
    of it is right; a record that reaches further is about more than that hole, and replaces whatever was before it.
    """

    records: dict[Key, dict[str, dict[str, Any]]] = field(default_factory=dict)
    unreadable: int = 0

    def take(self, stored: Stored) -> None:
        """Take one message."""
        try:
            record = orjson.loads(stored.data)
            key = (record["exchange"], record["market"], record["instrument"])
            known = self.records.setdefault(key, {})
            identity = record["gap"]
            known[identity] = joined(known[identity], record) if identity in known else record
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.unreadable += 1

    def around(self, key: Key, trade: Trade) -> str | None:
        """Return the identity of the gap in which a trade lies, None when there is none that admits a loss."""
        return next((identity for identity, record in self.admitting(key) if holds(record, trade)), None)

    def admitting(self, key: Key) -> list[tuple[str, dict[str, Any]]]:
        """Return identity and record of those of an instrument that admit a loss."""
        return [(name, record) for name, record in self.records.get(key, {}).items() if record.get("state") in ADMITS]


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return which of two records of one identity holds."""
    earlier, later = sorted((one, other), key=lambda record: int(record.get("at", 0)))
    more = _COMPLETE.get(earlier.get("state", ""), 0) > _COMPLETE.get(later.get("state", ""), 0)
    as_far = earlier["to"] >= later["to"] - _SAME_END
    return earlier if more and as_far else later


def holds(record: dict[str, Any], trade: Trade) -> bool:
    """Whether a record is about a trade: by the missing ids where it names them, else by time."""
    span, number = ids(record), counted(trade)
    if span is not None and number is not None:
        return span[0] <= number <= span[1]
    return bool(record["from"] <= trade.time <= record["to"])


def counted(trade: Trade) -> int | None:
    """Return the number by which records name a trade, None where it has none: its id, on Gate's spot market `seq`."""
    native = trade.instrument.native
    text = trade.seq if (native.exchange, native.market) == ("gate", "spot") else trade.id
    return int(text) if text is not None and text.isdecimal() else None


def ids(record: dict[str, Any]) -> tuple[int, int] | None:
    """Return the first and the last missing id, None where the record names none."""
    first, last = record.get("first_missing"), record.get("last_missing")
    if not (isinstance(first, str) and isinstance(last, str) and first.isdecimal() and last.isdecimal()):
        return None
    return int(first), int(last)
