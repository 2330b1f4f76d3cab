"""Upbit, spot."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.audit.derive import Native
from tests.audit.exact import loads
from tests.audit.venues.rows import SPOT, Life, Line, Rows, nanoseconds, whole

# Names of the formats DEFAULT and SIMPLE.
_NAMES = {
    "type": "ty",
    "code": "cd",
    "trade_price": "tp",
    "trade_volume": "tv",
    "ask_bid": "ab",
    "trade_timestamp": "ttms",
    "timestamp": "tms",
    "sequential_id": "sid",
}


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"type":"trade","code":"KRW-BTC",…}``, in short names too, bare or in an array.

    Price and volume are JSON numbers, ``sequential_id`` is the id; no field tells the order. The row that a
    subscription begins with (``SNAPSHOT``) is a trade like the others.
    """
    rows = Rows("upbit")
    for line in lines:
        if line.kind == "http" and urlsplit(line.url).path.endswith("/market/all"):
            for row in _objects(line.data):
                if isinstance(row.get("market"), str):
                    rows.list(_native(row))
    for line in lines:
        if line.kind != "recv":
            continue
        for frame in _objects(line.data):
            event = frame if "type" in frame else {name: frame.get(short) for name, short in _NAMES.items()}
            if event.get("type") == "trade":
                try:
                    _trade(rows, event)
                except (KeyError, TypeError, ValueError):
                    rows.malformed += 1
    return rows


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a text that is one, or an array of them."""
    try:
        body = loads(text)
    except ValueError:
        return
    for one in body if isinstance(body, list) else [body]:
        if isinstance(one, dict):
            yield one


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Being in the list is all that it says: a pair that has vanished from it has an empty row in the ledger."""
    listed = "market" in row
    return Life(tradable=listed, exists=listed, listed=None)


def _native(row: Mapping[str, Any]) -> Native:
    quote, _, base = row["market"].partition("-")
    life = life_of(SPOT, row)
    return Native(
        exchange="upbit",
        market=SPOT,
        name=row["market"],
        base=base,
        quote=quote,
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(rows: Rows, event: Mapping[str, Any]) -> None:
    code, identity, sent = event["code"], str(whole(event["sequential_id"])), event.get("timestamp")
    if not isinstance(code, str):
        raise TypeError(f"{code!r} is no code")
    rows.trade(
        SPOT,
        code,
        identity,
        price=event["trade_price"],
        size=event["trade_volume"],
        side={"ASK": "sell", "BID": "buy"}[event["ask_bid"]],
        time=nanoseconds(whole(event["trade_timestamp"])),
        sent=None if sent is None else nanoseconds(whole(sent)),
        id=identity,
    )
