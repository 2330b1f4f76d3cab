"""KuCoin of the classic API, spot and USDT-margined perpetuals."""

from collections.abc import Mapping
from typing import Any

from tests.audit.derive import Native
from tests.audit.exact import NotADecimal, canonical, number
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, replies, whole

# By subject of a frame: market, and the field of the time in ns.
_MATCHES = {"trade.l3match": (SPOT, "time"), "match": (FUTURES, "ts")}
_GONE = ("BeingSettled", "Settled", "Closed")


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"topic":…,"type":"message","subject":"trade.l3match","data":{…}}``.

    Spot has text alone, futures (subject ``match``) numbers for size, sequence and time; both are read. The sequence is
    the id: ``tradeId`` equals it today, but was a number of another kind in 2021 and is not in the back-fill of spot.
    """
    rows = Rows("kucoin")
    for _, body in replies(lines, "/symbols"):
        for row in body.get("data") or ():
            rows.list(_native(SPOT, row, multiplier=None))
    for _, body in replies(lines, "/contracts/active"):
        for row in body.get("data") or ():
            if _is_ours(row):
                rows.list(_native(FUTURES, row, multiplier=canonical(number(row["multiplier"]))))
    for _, frame in frames(lines):
        data, match = frame.get("data"), _MATCHES.get(str(frame.get("subject")))
        if frame.get("type") == "message" and match is not None and isinstance(data, dict):
            try:
                _trade(rows, match, data)
            except (KeyError, TypeError, ValueError, NotADecimal):
                rows.malformed += 1
    return rows


def _is_ours(row: Mapping[str, Any]) -> bool:
    kind = (row.get("type"), row.get("isInverse"), row.get("settleCurrency"))
    return kind == ("FFWCSX", False, "USDT") and row.get("marketStage") in (None, "NORMAL")


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read ``enableTrading`` on spot, which has no listing time, ``status`` and ``firstOpenDate`` on futures."""
    if market == SPOT:
        return Life(tradable=row.get("enableTrading") is True, exists=True, listed=None)
    listed = row.get("firstOpenDate")
    return Life(
        tradable=row.get("status") == "Open",
        exists=row.get("status") not in _GONE,
        listed=None if listed is None else listed * MILLISECOND,
    )


def _native(market: str, row: Mapping[str, Any], *, multiplier: str | None) -> Native:
    life = life_of(market, row)
    return Native(
        exchange="kucoin",
        market=market,
        name=row["symbol"],
        base=row["baseCurrency"],
        quote=row["quoteCurrency"],
        multiplier=multiplier,
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(rows: Rows, match: tuple[str, str], data: Mapping[str, Any]) -> None:
    market, clock = match
    identity = str(_integer(data["sequence"]))
    rows.trade(
        market,
        data["symbol"],
        identity,
        price=data["price"],
        size=data["size"],
        side={"buy": "buy", "sell": "sell"}[data["side"]],
        time=_integer(data[clock]),
        sent=None,
        id=identity,
        seq=identity,
    )


def _integer(value: object) -> int:
    """Return an integer that came as a number or as text.

    Raises:
        TypeError, ValueError: when it is neither.
    """
    if not isinstance(value, str):
        return whole(value)
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"{value!r} is no integer")
    return int(value)
