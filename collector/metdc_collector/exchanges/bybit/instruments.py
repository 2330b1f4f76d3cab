"""Bybit's ``instruments-info`` → instruments.

Linear row, of which only perpetuals settled in USDT are taken; a page holds up to a thousand, and ``nextPageCursor``
is empty on the last::

    {"retCode":0,"retMsg":"OK","result":{"category":"linear","nextPageCursor":"","list":[
     {"symbol":"BTCUSDT","contractType":"LinearPerpetual","status":"Trading","baseCoin":"BTC","quoteCoin":"USDT",
      "settleCoin":"USDT","symbolType":"","launchTime":"1584230400000","deliveryTime":"0","isPreListing":false,
      "priceFilter":{"tickSize":"0.10"},"lotSizeFilter":{"qtyStep":"0.001"}}]},"retExtInfo":{},"time":1790000000000}

Spot row, in a list without pages::

    {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading","symbolType":"",
     "lotSizeFilter":{"basePrecision":"0.000001"},"priceFilter":{"tickSize":"0.01"}}

Error: another ``retCode``, such as 10006 for too many visits. The list names what trades; without a filter it holds
nothing else. ``symbolType`` is a group: ``innovation`` and ``adventure`` are coins, ``stock``, ``xstocks``,
``commodity`` and ``forex`` are not. Quantities are in coins. A perpetual's ``deliveryTime`` is 0, or that of a planned
delisting (assumed).
"""

import re
from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_object, read_rows, step, text
from metdc_collector.wire.instrument import Instrument, Status

_STATUS: dict[str, Status] = {"Trading": "trading", "Delivering": "delisted", "Closed": "delisted"}
_NO_COINS = ("stock", "xstocks", "commodity", "forex")
_TIME = re.compile(r"[0-9]{1,16}", re.ASCII)

_MEMBERS = frozenset(
    {
        *("retCode", "retMsg", "result", "list", "nextPageCursor", "symbol", "contractType", "status", "baseCoin"),
        *("quoteCoin", "settleCoin", "symbolType", "launchTime", "deliveryTime", "isPreListing", "priceFilter"),
        *("tickSize", "lotSizeFilter", "qtyStep", "basePrecision"),
    }
)


def read(pages: tuple[bytes, ...], market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the pages of an ``instruments-info`` list of ``spot`` or ``futures``.

    Raises:
        InvalidListing: when one is none.
    """
    rows: list[Row] = []
    refused: dict[str, Refusal] = {}
    listed = [row for page in pages for row in _rows(page)]
    for place, row in enumerate(read_rows({"list": listed}, "list")):
        try:
            if _is_wanted(row, market):
                rows.append(_row(row, market))
        except Damaged as error:
            name = name_of(row, "symbol", place)
            refused[name] = Refusal(name, f"its row in the list is damaged: {error}")
    # Between two pages the list may move, so that a row comes twice: one that can be read is enough.
    names = {row.name for row in rows}
    return assemble(
        "bybit", market, rows, [refusal for refusal in refused.values() if refusal.name not in names], known
    )


def next_cursor(page: bytes) -> str | None:
    """Return what the following page is asked for by; null on the last, and of what is no page."""
    try:
        result = read_object(page, ("result", "nextPageCursor")).get("result")
    except InvalidListing:
        return None
    cursor = result.get("nextPageCursor") if isinstance(result, dict) else None
    return cursor if type(cursor) is str and cursor else None


def _rows(page: bytes) -> list[Any]:
    reply = read_object(page, _MEMBERS)
    code = reply.get("retCode", 0)
    if code != 0:
        raise InvalidListing(f"the venue answered with an error: {shown(code)} {shown(reply.get('retMsg'))}")
    result = reply.get("result")
    rows = result.get("list") if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise InvalidListing("the reply is no instrument list: it has no array 'list'")
    return rows


def _is_wanted(row: Any, market: str) -> bool:
    """Coins; of contracts, perpetuals settled in USDT whose market is open."""
    if not isinstance(row, dict):
        raise Damaged(f"it is no object: {shown(row)}")
    if row.get("symbolType") in _NO_COINS:
        return False
    if market == "spot":
        return True
    early = row.get("isPreListing") is True or row.get("status") == "PreLaunch"
    return row.get("contractType") == "LinearPerpetual" and row.get("settleCoin") == "USDT" and not early


def _row(row: dict[str, Any], market: str) -> Row:
    name = row.get("symbol")
    if not is_name(name):
        raise Damaged(f"symbol is no name: {shown(name)}")
    return Row(
        name=name,
        base=text(row, "baseCoin"),
        quote=text(row, "quoteCoin"),
        status=_STATUS.get(text(row, "status"), "halted"),
        tick=_step(row, "priceFilter", "tickSize"),
        lot=_step(row, "lotSizeFilter", "basePrecision" if market == "spot" else "qtyStep"),
        listed=_moment(row.get("launchTime")),
        delisted=_moment(row.get("deliveryTime")),
    )


def _step(row: dict[str, Any], kind: str, field: str) -> str | None:
    steps = row.get(kind)
    return step(steps.get(field)) if isinstance(steps, dict) else None


def _moment(value: object) -> int | None:
    """Times are ms in text; null for ``"0"``."""
    return moment(int(value)) if type(value) is str and _TIME.fullmatch(value) else None
