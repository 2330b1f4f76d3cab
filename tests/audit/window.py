"""A captured window against the trades that a venue produced: a coin's, on all markets, by the venue's own times.

A capture is a folder with ``trades/<exchange>.<market>.<BASE>.<QUOTE>.jsonl``: the stored messages of each instrument,
one a line, in the order of their times.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tests.audit.book import Book, Trade
from tests.audit.judge import differences
from tests.audit.stream import Stored


def owed(book: Book, base: str, start: int, end: int) -> dict[str, dict[str, Trade]]:
    """Return what a coin's window [start, end) (ns) has to hold: by instrument, as files name it, and id."""
    found: dict[str, dict[str, Trade]] = {}
    for trade in book:
        if trade.instrument.base == base and start <= trade.time < end and trade.owed:
            found.setdefault(_stem(trade), {})[trade.id] = trade
    return found


def compare(folder: Path, book: Book, base: str, start: int, end: int) -> list[str]:
    """Return in words what differs between a captured window and the book; nothing where it holds each trade once."""
    expected = owed(book, base, start, end)
    files = {file.name.removesuffix(".jsonl"): file for file in (folder / "trades").glob("*.jsonl")}
    return [
        words
        for stem in sorted(expected.keys() | files.keys())
        for words in _market(stem, files.get(stem), expected.get(stem, {}))
    ]


def price(truth: Mapping[str, Any], mark: str) -> Decimal:
    """Return the price of one base coin at a mark of a planted pump, of a truth that is told in the wire's units."""
    return Decimal(truth[mark]["price"]).scaleb(-(truth["price_scale"] or 0))


def _stem(trade: Trade) -> str:
    return trade.instrument.subject.removeprefix("trades.")


def _market(stem: str, file: Path | None, expected: Mapping[str, Trade]) -> Iterator[str]:
    lines = [] if file is None else file.read_bytes().splitlines()
    seen: set[str] = set()
    newest = 0
    for line in lines:
        payload: dict[str, Any] = orjson.loads(line)
        name = str(payload["id"])
        trade = expected.get(name)
        if trade is None or name in seen:
            yield f"{stem}: {name} is {'there twice' if name in seen else 'no trade of the window'}"
            continue
        seen.add(name)
        if payload["time"] < newest:
            yield f"{stem}: {name} stands behind a later one"
        newest = payload["time"]
        # A file has neither subject nor identity of its messages; when one was stored is of no interest here.
        stored = Stored("", 0, payload["received"], f"trades.{stem}", trade.instrument.prefix + name, line)
        for field, differs in differences(trade, stored, payload).items():
            yield f"{stem}: {name}: {field}: {differs['stored']!r} in place of {differs['expected']!r}"
    for name in expected.keys() - seen:
        yield f"{stem}: {name} is missing"
