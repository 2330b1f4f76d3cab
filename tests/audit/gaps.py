"""Gap records: where the product itself says that trades are missing."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.audit.book import Key, Trade
from tests.audit.stream import Stored

_ADMITS = ("open", "partial", "unfillable")
"""States that admit a loss; `filled` and `empty` claim that there is none."""


@dataclass(slots=True)
class Gaps:
    """The newest state of every gap record, by instrument."""

    records: dict[Key, dict[str, dict[str, Any]]] = field(default_factory=dict)
    unreadable: int = 0

    def take(self, stored: Stored) -> None:
        """Take one message; a later state of the same gap replaces the earlier one."""
        try:
            record = orjson.loads(stored.data)
            key = (record["exchange"], record["market"], record["instrument"])
            self.records.setdefault(key, {})[record["gap"]] = record
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.unreadable += 1

    def around(self, key: Key, trade: Trade) -> str | None:
        """Return the identity of the gap in which a trade lies, None when there is none that admits a loss."""
        for identity, record in self.records.get(key, {}).items():
            if record.get("state") in _ADMITS and _holds(record, trade):
                return identity
        return None


def _holds(record: dict[str, Any], trade: Trade) -> bool:
    """By the missing ids where the record names them, else by time."""
    first, last = record.get("first_missing"), record.get("last_missing")
    if first is not None and last is not None and trade.id.isdecimal():
        return int(first) <= int(trade.id) <= int(last)
    return bool(record["from"] <= trade.time <= record["to"])
