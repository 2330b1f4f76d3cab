"""The simulator's ledger: JSON lines of instruments, trades, plans, subscriptions and REST replies."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.audit.book import Book, Key, Raw
from tests.audit.derive import Native, Universe
from tests.audit.venues import LIVES

NO_TRADE = "NA"
WITHHELD = ("omitted", "damaged", "silent")
"""Marks of trades that a fault kept from the clients."""


class BadLedger(ValueError):
    """The file is no ledger; the text names the line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many trades were planned in a span of one market, and how many the venue produced."""

    planned: int
    sent: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What one REST reply told of an instrument's trades.

    Attributes:
        at: when, ns.
        aggregates: whether it is about aggregates; they are counted apart.
        rows: the places of the trades in it among the instrument's lines of the ledger, ranges with both ends.
        held: likewise, those that the venue would have told at that moment to whatever query.
    """

    at: int
    aggregates: bool
    rows: tuple[tuple[int, int], ...]
    held: tuple[tuple[int, int], ...]


def within(row: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Whether one of the ranges holds a row."""
    return any(first <= row <= last for first, last in ranges)


@dataclass(slots=True)
class Ledger:
    """A ledger as read: the book of its trades, the plans per market, and how many lines of each kind it held.

    ``replies`` are the REST replies, and ``subscribed`` the times (ns) at which a client subscribed, by instrument.
    """

    book: Book
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)
    markets: set[str] = field(default_factory=set)
    replies: dict[Key, list[Reply]] = field(default_factory=dict)
    subscribed: dict[Key, list[int]] = field(default_factory=dict)
    counts: Counter[tuple[Key, bool]] = field(default_factory=Counter)


def read(path: Path, *, since_mark: bool = False, every: bool = False) -> Ledger:
    """Read a ledger.

    Args:
        path: the file.
        since_mark: owe only the trades after the last plan line of their market that has trades after it.
        every: owe every fill of an instrument from its first subscription on, whether it reached a client or not.

    Raises:
        BadLedger: when a line is not what the format says.
        OSError: when it can't be read.
    """
    floor = _marks(path) if since_mark else {}
    ledger = Ledger(Book(Universe()))
    pending: list[Native] = []
    for number, record in _lines(path):
        kind = record.get("type")
        ledger.lines[str(kind)] += 1
        try:
            if kind == "instrument":
                pending.append(_native(record))
                continue
            if pending:
                ledger.book.universe.add(pending)
                pending.clear()
            if kind == "trade":
                _trade(ledger, record, floor, every=every)
            elif kind == "rest":
                _reply(ledger, record)
            elif kind == "connection" and record["event"] == "subscribed":
                for name in record["instruments"]:
                    key = (record["exchange"], record["market"], name)
                    ledger.subscribed.setdefault(key, []).append(record["at"])
            elif kind == "plan":
                market = f"{record['exchange']}.{record['market']}"
                ledger.plans.setdefault(market, []).append(Plan(record["planned"], record["sent"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadLedger(f"{path}:{number}: {type(error).__name__}: {error}") from error
    ledger.book.universe.add(pending)
    ledger.book.close()
    return ledger


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # still being written
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise BadLedger(f"{path}:{number}: {error}") from error
            if not isinstance(record, dict):
                raise BadLedger(f"{path}:{number}: not an object")
            yield number, record


def _marks(path: Path) -> dict[str, int]:
    """Return per market the serial up to which trades are not owed."""
    last: dict[str, int] = {}
    mark: dict[str, int] = {}
    floor: dict[str, int] = {}
    for _, record in _lines(path):
        market = f"{record.get('exchange')}.{record.get('market')}"
        if record.get("type") == "trade":
            floor[market] = mark.get(market, -1)
            last[market] = record["serial"]
        elif record.get("type") == "plan":
            mark[market] = last.get(market, -1)
    return floor


def _native(record: dict[str, Any]) -> Native:
    life = LIVES[record["exchange"]](record["market"], record["row"])
    return Native(
        exchange=record["exchange"],
        market=record["market"],
        name=record["instrument"],
        base=record["base"],
        quote=record["quote"],
        price_scale=record["price_scale"],
        quantity_scale=record["quantity_scale"],
        multiplier=record["multiplier"],
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(ledger: Ledger, record: dict[str, Any], floor: dict[str, int], *, every: bool) -> None:
    key = (record["exchange"], record["market"], record["instrument"])
    aggregate = record.get("aggregate")
    row = ledger.counts[key, aggregate is not None]
    ledger.counts[key, aggregate is not None] += 1
    if record["kind"] == NO_TRADE:
        return
    market = f"{record['exchange']}.{record['market']}"
    ledger.markets.add(market)
    owed = reached = record["connections"] > 0
    if every:
        owed = aggregate is None and not record["snapshot_only"] and key in ledger.subscribed
    raw = Raw(
        id=record["id"],
        seq=record["seq"],
        price=record["price"],
        size=record["size"],
        side=record["side"],
        time=record["time"],
        serial=record["serial"],
        owed=owed and record["serial"] > floor.get(market, -1),
        kind=record["kind"],
        aggregate=None if aggregate is None else (str(aggregate["first_id"]), str(aggregate["last_id"])),
        row=row,
        withheld=next((note for note in WITHHELD if record.get(note)), None),
        reached=reached,
    )
    ledger.book.add(key, raw)


def _reply(ledger: Ledger, record: dict[str, Any]) -> None:
    reply = Reply(
        at=record["at"],
        aggregates=record["aggregates"],
        rows=tuple((first, last) for first, last in record["rows"]),
        held=tuple((first, last) for first, last in record["held"]),
    )
    key = (record["exchange"], record["market"], record["instrument"])
    ledger.replies.setdefault(key, []).append(reply)
