"""Phemex, spot and USDT-margined perpetuals."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.audit.derive import Native
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, replies, whole


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"symbol":"sBTCUSDT","trades":[[ns,"Buy",priceEp,qtyEv],…],"type":"snapshot"}``.

    Perpetuals have ``trades_p`` with decimals.

    There is no id. Equal rows are counted: from the newest snapshot of the symbol on, since a snapshot repeats what was
    sent before it. A symbol has as many of them as the largest such count. Newest first in every frame.
    """
    rows = Rows("phemex")
    for _, body in replies(lines, "/products"):
        _list(rows, body.get("data") or {})
    counts: dict[tuple[str, str], Counter[tuple[Any, ...]]] = {}
    for _, frame in frames(lines):
        market, array = (SPOT, frame.get("trades")) if "trades" in frame else (FUTURES, frame.get("trades_p"))
        name = frame.get("symbol")
        if not isinstance(array, list) or not isinstance(name, str):
            continue
        if frame.get("type") == "snapshot":
            counts[market, name] = Counter()
        seen = counts.setdefault((market, name), Counter())
        sent = frame.get("dts") if type(frame.get("dts")) is int else None
        for row in reversed(array):
            try:
                time, side, price, size = row
                side = {"Buy": "buy", "Sell": "sell"}[side]
                equal = (whole(time), side, str(price), str(size))
                identity = f"{equal}-{seen[equal]}"
                rows.trade(market, name, identity, price=price, size=size, side=side, time=time, sent=sent)
                seen[equal] += 1
            except (ValueError, KeyError, TypeError):
                rows.malformed += 1
    return rows


def _list(rows: Rows, data: Mapping[str, Any]) -> None:
    scales = {row.get("currency"): row.get("valueScale") for row in data.get("currencies", ())}
    for row in data.get("products", ()):
        scale = scales.get(row.get("baseCurrency"))
        if row.get("type") == "Spot" and scale is not None:
            rows.list(_native(SPOT, row, price_scale=8, quantity_scale=scale))
    for row in data.get("perpProductsV2", ()):
        kind = (row.get("type"), row.get("perpProductSubType", "Normal"), row.get("settleCurrency"))
        if kind == ("PerpetualV2", "Normal", "USDT"):
            rows.list(_native(FUTURES, row, price_scale=None, quantity_scale=None))


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read ``status`` and ``listTime``."""
    listed = row.get("listTime")
    return Life(
        tradable=row.get("status") == "Listed",
        exists=row.get("status") != "Delisted",
        listed=None if listed is None else listed * MILLISECOND,
    )


def _native(market: str, row: Mapping[str, Any], *, price_scale: int | None, quantity_scale: int | None) -> Native:
    life = life_of(market, row)
    return Native(
        exchange="phemex",
        market=market,
        name=row["symbol"],
        base=row["baseCurrency"],
        quote=row["quoteCurrency"],
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )
