"""Phemex's product list → instruments.

``GET /public/products``, and in 2021 ``GET /exchange/public/cfg/v2/products``, which has no perpetuals of today's kind,
no ``listTime``, and no ``priceScale`` on spot::

    {"code":0,"msg":"","data":{
      "currencies":[{"currency":"BTC","valueScale":8}],
      "products":[{"symbol":"sBTCUSDT","type":"Spot","baseCurrency":"BTC","quoteCurrency":"USDT","priceScale":8,
        "baseTickSize":"0.000001 BTC","quoteTickSize":"0.01 USDT","status":"Listed","listTime":1577836800000}],
      "perpProductsV2":[{"symbol":"BTCUSDT","type":"PerpetualV2","perpProductSubType":"Normal","baseCurrency":"BTC",
        "quoteCurrency":"USDT","settleCurrency":"USDT","tickSize":"0.1","qtyStepSize":"0.001","status":"Listed",
        "listTime":1668225600000}]}}

Spot prices are integers of 10**-8, spot quantities of 10**-``valueScale`` of the base currency. ``products`` also holds
the old inverse contracts, ``perpProductsV2`` also contracts settled in USDC, on stocks, and before their market opens.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_object, read_rows, step, text
from metdc_collector.wire.instrument import Instrument, Status

PRICE_SCALE = 8
"""Of all spot prices."""
_STATUS: dict[str, Status] = {"Listed": "trading", "Delisted": "delisted"}
_LARGEST_SCALE = 30

_MEMBERS = frozenset(
    {
        *("data", "error", "code", "msg", "message", "currencies", "currency", "valueScale", "products"),
        *("perpProductsV2", "perpProductSubType", "type", "symbol", "status", "baseCurrency", "quoteCurrency"),
        *("settleCurrency", "priceScale", "quoteTickSize", "baseTickSize", "tickSize", "qtyStepSize", "listTime"),
    }
)


def read(body: bytes, market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the product list for ``spot`` or ``futures``.

    Raises:
        InvalidListing: when it is none, or has no list of that market.
    """
    reply = read_object(body, _MEMBERS)
    data = reply.get("data")
    if not isinstance(data, dict):
        error = reply.get("error")
        told = error if isinstance(error, dict) else reply
        words = told.get("msg") or told.get("message")
        raise InvalidListing(f"the venue answered with an error: {shown(told.get('code'))} {shown(words)}")
    scales = _scales(data)
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_rows(data, "products" if market == "spot" else "perpProductsV2")):
        try:
            if not isinstance(row, dict):
                raise Damaged(f"it is no object: {shown(row)}")
            if market == "spot" and row.get("type") == "Spot":
                rows.append(_spot(row, scales))
            elif market == "futures" and _is_wanted(row):
                rows.append(_perpetual(row))
        except Damaged as error:
            refused.append(Refusal(name_of(row, "symbol", place), f"its row in the list is damaged: {error}"))
    return assemble("phemex", market, rows, refused, known)


def _scales(data: dict[str, Any]) -> Mapping[str, int]:
    """The scale of each currency; of one that is damaged, none."""
    currencies = data.get("currencies")
    scales: dict[str, int] = {}
    for row in currencies if isinstance(currencies, list) else ():
        if isinstance(row, dict) and type(row.get("currency")) is str and _is_scale(row.get("valueScale")):
            scales[row["currency"]] = row["valueScale"]
    return scales


def _is_scale(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_SCALE


def _is_wanted(row: dict[str, Any]) -> bool:
    """Perpetuals settled in USDT; lists from before the subtypes have none."""
    subtype = row.get("perpProductSubType", "Normal")
    return row.get("type") == "PerpetualV2" and row.get("settleCurrency") == "USDT" and subtype == "Normal"


def _spot(row: dict[str, Any], scales: Mapping[str, int]) -> Row:
    base = text(row, "baseCurrency")
    if base not in scales:
        raise Damaged(f"the list gives no valueScale of {shown(base)}")
    price_scale = row.get("priceScale", PRICE_SCALE)
    if not _is_scale(price_scale):
        raise Damaged(f"priceScale is no scale: {shown(price_scale)}")
    return Row(
        name=_name(row),
        base=base,
        quote=text(row, "quoteCurrency"),
        status=_status(row),
        tick=_with_unit(row.get("quoteTickSize")),
        lot=_with_unit(row.get("baseTickSize")),
        price_scale=price_scale,
        quantity_scale=scales[base],
        listed=moment(row.get("listTime")),
    )


def _perpetual(row: dict[str, Any]) -> Row:
    return Row(
        name=_name(row),
        base=text(row, "baseCurrency"),
        quote=text(row, "quoteCurrency"),
        status=_status(row),
        tick=step(row.get("tickSize")),
        lot=step(row.get("qtyStepSize")),
        listed=moment(row.get("listTime")),
    )


def _name(row: dict[str, Any]) -> str:
    name = row.get("symbol")
    if not is_name(name):
        raise Damaged(f"symbol is no name: {shown(name)}")
    return text(row, "symbol")


def _status(row: dict[str, Any]) -> Status:
    return _STATUS.get(text(row, "status"), "halted")


def _with_unit(value: object) -> str | None:
    """Steps carry their unit, and commas between thousands: ``"1,000 BTC"``."""
    return step(value.partition(" ")[0].replace(",", "")) if type(value) is str else None
