"""Binance's ``exchangeInfo`` → instruments.

Spot row::

    {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","isSpotTradingAllowed":true,
     "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","stepSize":"0.00001000"}]}

Futures row, of which only USDT-margined perpetuals are taken::

    {"symbol":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404800000,"onboardDate":1569398400000,
     "status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","filters":[…]}

Error: ``{"code":-1003,"msg":"Too many requests; …"}``. ``pricePrecision`` is not the tick. A perpetual's delivery
date is in 2100; an earlier one is a planned delisting.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_object, read_rows, step, text
from metdc_collector.wire.instrument import Instrument, Status

_STATUS: dict[str, Status] = {
    "TRADING": "trading",
    "PENDING_TRADING": "pending",
    "PRE_TRADING": "pending",
    # What a perpetual goes through at the end of its life, and stays in.
    "PRE_SETTLE": "delisted",
    "SETTLING": "delisted",
    "PRE_DELIVERING": "delisted",
    "DELIVERING": "delisted",
    "DELIVERED": "delisted",
    "CLOSE": "delisted",
}

_MEMBERS = frozenset(
    {
        *("symbols", "code", "msg", "symbol", "status", "baseAsset", "quoteAsset", "marginAsset", "contractType"),
        *("isSpotTradingAllowed", "onboardDate", "deliveryDate", "filters", "filterType", "tickSize", "stepSize"),
    }
)


def read(body: bytes, market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read an ``exchangeInfo`` reply of ``spot`` or ``futures``.

    Raises:
        InvalidListing: when it is none.
    """
    reply = read_object(body, _MEMBERS)
    if "symbols" not in reply and "msg" in reply:
        raise InvalidListing(f"the venue answered with an error: {shown(reply.get('code'))} {shown(reply['msg'])}")
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_rows(reply, "symbols")):
        try:
            if market == "spot" or _is_wanted(row):
                rows.append(_row(row))
        except Damaged as error:
            refused.append(Refusal(name_of(row, "symbol", place), f"its row in the list is damaged: {error}"))
    return assemble("binance", market, rows, refused, known)


def _is_wanted(row: Any) -> bool:
    if not isinstance(row, dict):
        raise Damaged(f"it is no object: {shown(row)}")
    return row.get("contractType") == "PERPETUAL" and row.get("quoteAsset") == row.get("marginAsset") == "USDT"


def _row(row: Any) -> Row:
    if not isinstance(row, dict):
        raise Damaged(f"it is no object: {shown(row)}")
    name = row.get("symbol")
    if not is_name(name):
        raise Damaged(f"symbol is no name: {shown(name)}")
    # Pairs that left stay in the spot list as BREAK, which is also the word for a pause: "halted" promises neither.
    status = _STATUS.get(text(row, "status"), "halted")
    if status == "trading" and row.get("isSpotTradingAllowed") is False:
        status = "halted"
    return Row(
        name=text(row, "symbol"),
        base=text(row, "baseAsset"),
        quote=text(row, "quoteAsset"),
        status=status,
        tick=_filter(row, "PRICE_FILTER", "tickSize"),
        lot=_filter(row, "LOT_SIZE", "stepSize"),
        listed=moment(row.get("onboardDate")),
        delisted=moment(row.get("deliveryDate")),
    )


def _filter(row: dict[str, Any], kind: str, field: str) -> str | None:
    filters = row.get("filters")
    for entry in filters if isinstance(filters, list) else ():
        if isinstance(entry, dict) and entry.get("filterType") == kind:
            return step(entry.get(field))
    return None
