"""KuCoin's lists of pairs and contracts → instruments.

``GET /api/v2/symbols``; in 2021 ``GET /api/v1/symbols``, without the last three fields::

    {"code":"200000","data":[{"symbol":"BTC-USDT","name":"BTC-USDT","baseCurrency":"BTC","quoteCurrency":"USDT",
      "baseIncrement":"0.00000001","priceIncrement":"0.1","enableTrading":true,"st":false,
      "callauctionIsEnabled":false,"tradingStartTime":null}]}

``GET /api/v1/contracts/active``, of which only perpetuals (``FFWCSX``) that are quoted and settled in USDT are taken::

    {"code":"200000","data":[{"symbol":"XBTUSDTM","type":"FFWCSX","firstOpenDate":1585555200000,"expireDate":null,
      "baseCurrency":"XBT","quoteCurrency":"USDT","settleCurrency":"USDT","lotSize":1,"tickSize":0.1,
      "multiplier":0.001,"isInverse":false,"status":"Open","marketStage":"NORMAL"}]}

Error, often with HTTP 200: ``{"msg":"Invalid symbol.","code":"200003"}``. A coin that is renamed keeps its ``symbol``:
``BCHSV-USDT`` is BSV by ``baseCurrency``. ``lotSize`` is in lots, ``multiplier`` in coins a lot.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_object, read_rows, step, text
from metdc_collector.wire.instrument import Instrument, Status

SUCCESS = "200000"
"""The ``code`` of a reply that is no error, whatever its HTTP status."""
_STATUS: dict[str, Status] = {
    "Init": "pending",
    "Open": "trading",
    "Paused": "halted",
    "CancelOnly": "halted",
    "BeingSettled": "delisted",
    "Settled": "delisted",
    "Closed": "delisted",
}

_MEMBERS = frozenset(
    {
        *("code", "msg", "data", "symbol", "baseCurrency", "quoteCurrency"),
        *("baseIncrement", "priceIncrement", "enableTrading", "callauctionIsEnabled", "tradingStartTime"),
        *("settleCurrency", "type", "isInverse", "marketStage", "status", "lotSize", "tickSize", "multiplier"),
        *("firstOpenDate", "expireDate"),
    }
)


def read(body: bytes, market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the list of pairs (``spot``) or contracts (``futures``).

    Raises:
        InvalidListing: when it is none.
    """
    reply = read_object(body, _MEMBERS)
    code = reply.get("code", SUCCESS)
    if code != SUCCESS:
        raise InvalidListing(f"the venue answered with an error: {shown(code)} {shown(reply.get('msg'))}")
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_rows(reply, "data")):
        try:
            if not isinstance(row, dict):
                raise Damaged(f"it is no object: {shown(row)}")
            if market == "spot":
                rows.append(_pair(row))
            elif _is_wanted(row):
                rows.append(_contract(row))
        except Damaged as error:
            refused.append(Refusal(name_of(row, "symbol", place), f"its row in the list is damaged: {error}"))
    return assemble("kucoin", market, rows, refused, known)


def _is_wanted(row: dict[str, Any]) -> bool:
    """Perpetuals quoted and settled in USDT whose market is open; dated ones are ``FFICSX``."""
    return (
        row.get("type") == "FFWCSX"
        and row.get("quoteCurrency") == row.get("settleCurrency") == "USDT"
        and row.get("isInverse") is not True
        and row.get("marketStage") != "PRE_MARKET"
    )


def _pair(row: dict[str, Any]) -> Row:
    return Row(
        name=_name(row),
        base=text(row, "baseCurrency"),
        quote=text(row, "quoteCurrency"),
        status=_pair_status(row),
        tick=step(row.get("priceIncrement")),
        lot=step(row.get("baseIncrement")),
        listed=moment(row.get("tradingStartTime")),
    )


def _contract(row: dict[str, Any]) -> Row:
    multiplier = step(row.get("multiplier"))
    if multiplier is None or multiplier == "0":
        raise Damaged(f"multiplier is no positive number: {shown(row.get('multiplier'))}")
    return Row(
        name=_name(row),
        base=text(row, "baseCurrency"),
        quote=text(row, "quoteCurrency"),
        status=_STATUS.get(text(row, "status"), "halted"),
        tick=step(row.get("tickSize")),
        lot=step(row.get("lotSize")),
        multiplier=multiplier,
        listed=moment(row.get("firstOpenDate")),
        delisted=moment(row.get("expireDate")),
    )


def _name(row: dict[str, Any]) -> str:
    name = text(row, "symbol")
    if not is_name(name) or "," in name:  # a comma would end it in a subscription, and spoil its neighbours'
        raise Damaged(f"symbol is no name: {shown(name)}")
    return name


def _pair_status(row: dict[str, Any]) -> Status:
    """A listing that is in its opening auction, or waits for it, is not in continuous trade yet."""
    enabled = row.get("enableTrading")
    if type(enabled) is not bool:
        raise Damaged(f"enableTrading is no bool: {shown(enabled)}")
    if row.get("callauctionIsEnabled") is True:
        return "pending"
    return "trading" if enabled else "halted"
