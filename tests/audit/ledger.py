"""The simulator's ledger: JSON lines of instruments, trades and plans (connections are not needed to judge)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.audit.book import Book, Raw
from tests.audit.derive import Native, Universe
from tests.audit.venues import LIVES

NO_TRADE = "NA"


class BadLedger(ValueError):
    """The file is no ledger; the text names the line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many trades were planned in a span of one market, and how many the venue produced."""

    planned: int
    sent: int


@dataclass(slots=True)
class Ledger:
    """A ledger as read: the book of its trades, the plans per market, and how many lines of each kind it held."""

    book: Book
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)
    markets: set[str] = field(default_factory=set)


def read(path: Path, *, since_mark: bool = False) -> Ledger:
    """Read a ledger.

    Args:
        path: the file.
        since_mark: owe only the trades after the last plan line of their market that has trades after it.

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
                _trade(ledger, record, floor)
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


def _trade(ledger: Ledger, record: dict[str, Any], floor: dict[str, int]) -> None:
    if record["kind"] == NO_TRADE:
        return
    market = f"{record['exchange']}.{record['market']}"
    ledger.markets.add(market)
    aggregate = record.get("aggregate")
    raw = Raw(
        id=record["id"],
        seq=record["seq"],
        price=record["price"],
        size=record["size"],
        side=record["side"],
        time=record["time"],
        serial=record["serial"],
        owed=record["connections"] > 0 and record["serial"] > floor.get(market, -1),
        kind=record["kind"],
        aggregate=None if aggregate is None else (str(aggregate["first_id"]), str(aggregate["last_id"])),
    )
    ledger.book.add((record["exchange"], record["market"], record["instrument"]), raw)
