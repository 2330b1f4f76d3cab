"""Binance, spot and USD-margined futures."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.audit.derive import Native
from tests.audit.exact import NotADecimal
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, nanoseconds, replies, whole

_KINDS = {None: None, "MARKET": None, "INSURANCE_FUND": "insurance", "ADL": "adl"}

# What a perpetual goes through at its end. BREAK is a pause on spot as well as an end.
_GONE = ("PRE_SETTLE", "SETTLING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "CLOSE")


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"e":"trade","E":…,"s":"BTCUSDT","t":…,"p":"80227.01","q":"0.01","T":…,"m":true}``.

    They stand bare, or as ``data`` beside ``stream``. ``aggTrade`` has ``a`` for its id and the fills ``f`` to ``l``.
    Futures mark trades by ``X``; ``NA`` is no trade.
    """
    rows = Rows("binance")
    for line, body in replies(lines, "/exchangeInfo"):
        market = _market(line.url)
        for row in body.get("symbols", ()):
            if market == SPOT or (market == FUTURES and _is_ours(row)):
                rows.list(_native(market, row))
    only = {market for market, _ in rows.natives}
    for line, frame in frames(lines):
        market = _market(line.url) or (next(iter(only)) if len(only) == 1 else None)
        event = frame.get("data") if "stream" in frame else frame
        if market is not None and isinstance(event, dict) and event.get("e") in ("trade", "aggTrade"):
            try:
                _trade(rows, market, event)
            except (KeyError, TypeError, NotADecimal):
                rows.malformed += 1
    return rows


def _market(url: str) -> str | None:
    """Futures have hosts of their own; those of coin-margined ones are not ours."""
    host = urlsplit(url).hostname or ""
    label = host.split(".")[0].removeprefix("demo-")
    if label in ("fstream", "fapi"):
        return FUTURES
    return None if not host or label in ("dstream", "dapi") else SPOT


def _is_ours(row: Mapping[str, Any]) -> bool:
    return row.get("contractType") == "PERPETUAL" and row.get("marginAsset", row["quoteAsset"]) == "USDT"


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read ``status``, on spot ``isSpotTradingAllowed``, on futures ``onboardDate``."""
    listed = row.get("onboardDate")
    return Life(
        tradable=row.get("status") == "TRADING" and row.get("isSpotTradingAllowed") is not False,
        exists=row.get("status") not in _GONE,
        listed=None if listed is None else listed * MILLISECOND,
    )


def _native(market: str, row: Mapping[str, Any]) -> Native:
    life = life_of(market, row)
    return Native(
        exchange="binance",
        market=market,
        name=row["symbol"],
        base=row["baseAsset"],
        quote=row["quoteAsset"],
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(rows: Rows, market: str, event: Mapping[str, Any]) -> None:
    kind = event.get("X")
    if kind == "NA":
        return
    aggregated = event["e"] == "aggTrade"
    identity = str(whole(event["a" if aggregated else "t"]))
    rows.trade(
        market,
        event["s"],
        f"agg:{identity}" if aggregated else identity,
        price=event["p"],
        size=event["q"],
        side={True: "sell", False: "buy"}[event["m"]],
        time=nanoseconds(whole(event["T"])),
        sent=nanoseconds(whole(event["E"])) if "E" in event else None,
        id=identity,
        seq=identity,
        kind=_KINDS[kind] if kind in _KINDS else str(kind).lower(),
        aggregate=(str(whole(event["f"])), str(whole(event["l"]))) if aggregated else None,
    )
