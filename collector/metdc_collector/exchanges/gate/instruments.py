"""Gate's instrument lists → instruments.

Spot, ``GET /api/v4/spot/currency_pairs``; in 2021 without ``type`` and ``delisting_time``::

    [{"id":"BTC_USDT","base":"BTC","quote":"USDT","amount_precision":6,"precision":1,"trade_status":"tradable",
      "sell_start":0,"buy_start":0,"delisting_time":0,"type":"normal"}]

Futures, ``GET /api/v4/futures/usdt/contracts``; in 2023 without ``status``, ``is_pre_market``, ``enable_decimal``,
``launch_time`` and ``contract_type``::

    [{"name":"BTC_USDT","type":"direct","quanto_multiplier":"0.0001","order_price_round":"0.1","status":"trading",
      "in_delisting":false,"is_pre_market":false,"enable_decimal":false,"create_time":1546905600,
      "launch_time":1546905600,"contract_type":""}]

Times are seconds. ``precision`` and ``amount_precision`` are digits after the point. Base and quote of a contract are
the halves of its name. One that counts fractions (``enable_decimal``) has a step that the list doesn't tell.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, positive, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_array, step, text
from metdc_collector.wire.decimals import scaled
from metdc_collector.wire.instrument import Instrument, Status

# What is buyable or sellable alone has no trades: one side is missing.
_PAIR_STATUS: dict[str, Status] = {"tradable": "trading"}
_CONTRACT_STATUS: dict[str, Status] = {
    "trading": "trading",
    "prelaunch": "pending",
    "delisting": "delisted",
    "delisted": "delisted",
}
_MOST_DIGITS = 30

_MEMBERS = frozenset(
    {
        *("id", "base", "quote", "amount_precision", "precision", "trade_status", "sell_start", "buy_start"),
        *("delisting_time", "type", "name", "quanto_multiplier", "order_price_round", "status"),
        *("in_delisting", "is_pre_market", "enable_decimal", "create_time", "launch_time", "contract_type"),
    }
)


def read(body: bytes, market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the list of ``spot`` pairs or of ``futures`` contracts.

    Raises:
        InvalidListing: when it is none.
    """
    key = "id" if market == "spot" else "name"
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_array(body, _MEMBERS)):
        try:
            if not isinstance(row, dict):
                raise Damaged(f"it is no object: {shown(row)}")
            name = row.get(key)
            if not is_name(name):
                raise Damaged(f"{key} is no name: {shown(name)}")
            if market == "spot":
                if row.get("type") != "premarket":
                    rows.append(_pair(row, name))
            elif _is_wanted(row, name):
                rows.append(_contract(row, name))
        except Damaged as error:
            refused.append(Refusal(name_of(row, key, place), f"its row in the list is damaged: {error}"))
    return assemble("gate", market, rows, refused, known)


def _is_wanted(row: dict[str, Any], name: str) -> bool:
    """USDT-margined contracts on coins, once their market is open."""
    if row.get("type") != "direct" or row.get("is_pre_market") is True:
        return False
    return not row.get("contract_type") and name.endswith("_USDT")


def _pair(row: dict[str, Any], name: str) -> Row:
    quote = text(row, "quote")
    if "-" in quote:
        raise Damaged(f"quote holds a dash: {shown(quote)}")
    starts = [start for key in ("buy_start", "sell_start") if (start := _seconds(row.get(key))) is not None]
    return Row(
        name=name,
        base=text(row, "base"),
        quote=quote,
        status=_PAIR_STATUS.get(text(row, "trade_status"), "halted"),
        tick=_digits(row.get("precision")),
        lot=_digits(row.get("amount_precision")),
        # Trades need both sides.
        listed=max(starts, default=None),
        delisted=_seconds(row.get("delisting_time")),
    )


def _contract(row: dict[str, Any], name: str) -> Row:
    base, _, quote = name.rpartition("_")
    if not base:
        raise Damaged(f"name has no base: {shown(name)}")
    # Lists without a status are of a time when a contract that didn't trade wasn't listed.
    status = _CONTRACT_STATUS.get(text(row, "status"), "halted") if "status" in row else "trading"
    return Row(
        name=name,
        base=base,
        quote=quote,
        status="delisted" if row.get("in_delisting") is True else status,
        tick=step(row.get("order_price_round")),
        lot=None if row.get("enable_decimal") is True else "1",
        multiplier=positive(row.get("quanto_multiplier"), "quanto_multiplier"),
        listed=_seconds(row.get("launch_time")) or _seconds(row.get("create_time")),
    )


def _seconds(value: object) -> int | None:
    """Return a time in seconds as ns since the epoch; null where it is none: 0 stands for none."""
    return moment(value * 1_000) if type(value) is int else None


def _digits(value: object) -> str | None:
    """Return the step of so many digits after the point: ``0.001`` of 3."""
    return scaled(1, value) if type(value) is int and 0 <= value <= _MOST_DIGITS else None
