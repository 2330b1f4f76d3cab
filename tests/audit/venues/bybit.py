"""Bybit v5, spot and USDT-margined perpetuals."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.audit.derive import Native
from tests.audit.exact import NotADecimal
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, nanoseconds, replies, whole

_MARKETS = {"spot": SPOT, "linear": FUTURES}
_COINS = ("", "innovation", "adventure")
"""``symbolType`` of crypto perpetuals; others are stocks, currencies and goods."""
_GONE = ("Delivering", "Closed")


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":…,"data":[{"T":…,…},…]}``.

    A row is ``{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"…","BT":false,"RPI":false,
    "seq":1783284617}``. The connection's path says which market it is of; a linear list has several pages.
    """
    rows = Rows("bybit")
    for _, body in replies(lines, "/instruments-info"):
        result = body.get("result") or {}
        market = _MARKETS.get(result.get("category", ""))
        for row in result.get("list", ()):
            if market == SPOT or (market == FUTURES and _is_ours(row)):
                rows.list(_native(market, row))
    only = {market for market, _ in rows.natives}
    for line, frame in frames(lines):
        market = _MARKETS.get(urlsplit(line.url).path.rpartition("/")[2])
        market = market or (next(iter(only)) if not line.url and len(only) == 1 else None)
        topic, data = frame.get("topic"), frame.get("data")
        if market is None or not isinstance(topic, str) or not topic.startswith("publicTrade."):
            continue
        for row in data if isinstance(data, list) else ():
            try:
                _trade(rows, market, frame, row)
            except (KeyError, TypeError, NotADecimal):
                rows.malformed += 1
    return rows


def _is_ours(row: Mapping[str, Any]) -> bool:
    kind = (row.get("contractType"), row.get("settleCoin"))
    return kind == ("LinearPerpetual", "USDT") and row.get("symbolType", "") in _COINS


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read ``status`` and, of contracts, ``launchTime`` (text, ms)."""
    listed = row.get("launchTime")
    return Life(
        tradable=row.get("status") == "Trading",
        exists=row.get("status") not in _GONE,
        listed=None if listed is None else int(listed) * MILLISECOND,
    )


def _native(market: str, row: Mapping[str, Any]) -> Native:
    life = life_of(market, row)
    return Native(
        exchange="bybit",
        market=market,
        name=row["symbol"],
        base=row["baseCoin"],
        quote=row["quoteCoin"],
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(rows: Rows, market: str, frame: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    identity = row["i"]
    if not isinstance(identity, str) or not identity:
        raise TypeError(f"{identity!r} is no id")
    sent = frame.get("ts")
    rows.trade(
        market,
        row["s"],
        identity,
        price=row["p"],
        size=row["v"],
        side={"Buy": "buy", "Sell": "sell"}[row["S"]],
        time=nanoseconds(whole(row["T"])),
        sent=nanoseconds(sent) if type(sent) is int else None,
        id=identity,
        seq=str(whole(row["seq"])),
        kind=_kind(row),
    )


def _kind(row: Mapping[str, Any]) -> str | None:
    """A mark that is absent is not set."""
    for mark, kind in (("BT", "block"), ("RPI", "rpi")):
        if {True: True, False: False, None: False}[row.get(mark)]:
            return kind
    return None
