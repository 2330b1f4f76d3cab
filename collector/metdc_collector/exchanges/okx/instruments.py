"""OKX's instrument lists → instruments.

``GET /api/v5/public/instruments?instType=SPOT``, all values text::

    {"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","settleCcy":"",
      "ctVal":"","ctMult":"","ctValCcy":"","ctType":"","tickSz":"0.1","lotSz":"0.00000001","listTime":"1611907686000",
      "expTime":"","state":"live","ruleType":"normal","instCategory":"1"}]}

``…?instType=SWAP``, where base and quote are empty and ``ctVal`` × ``ctMult`` are the coins of a contract::

    {"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","baseCcy":"","quoteCcy":"",
      "settleCcy":"USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC","ctType":"linear","tickSz":"0.1","lotSz":"0.01",
      "listTime":"1573557408000","expTime":"","state":"live","ruleType":"normal","instCategory":"1"}]}

Error: ``{"code":"51000","msg":"Parameter instType error","data":[]}``. Lists of 2022 have neither ``ruleType`` nor
``instCategory``. A row that is only announced may have ``instId``, ``listTime`` and ``state`` alone, the rest being
``""``. Taken are coins (``instCategory`` 1) under the usual rules (``ruleType`` ``normal``): contracts before their
market opens (``pre_market``), of another unit than before (``rebase_contract``) and of another sort (``xperp``) aren't.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, positive, shown
from metdc_collector.exchanges.listing import Row, assemble, moment, name_of, read_object, read_rows, step, text
from metdc_collector.exchanges.naming import Pair
from metdc_collector.exchanges.okx.trades import whole
from metdc_collector.wire.decimals import multiply
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument, Status

TYPES = {"spot": "SPOT", "futures": "SWAP"}
"""The venue's word for each market."""
_STATUS: dict[str, Status] = {"live": "trading", "preopen": "pending"}
# What a row needs beside its name; of a row that is only announced, some are empty.
_NEEDED = {
    "SPOT": ("baseCcy", "quoteCcy"),
    "SWAP": ("ctType", "settleCcy", "ctValCcy", "ctVal", "ctMult"),
}
_MEMBERS = frozenset(
    {
        *("code", "msg", "data", "instType", "instId", "baseCcy", "quoteCcy", "settleCcy", "ctVal", "ctMult"),
        *("ctValCcy", "ctType", "tickSz", "lotSz", "listTime", "expTime", "state", "ruleType", "instCategory"),
    }
)


def read(body: bytes, market: str, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the list of ``spot`` or ``futures``.

    Raises:
        InvalidListing: when it is none, or that of other products.
    """
    reply = read_object(body, _MEMBERS)
    if reply.get("code", "0") != "0":
        raise InvalidListing(f"the venue answered with an error: {shown(reply['code'])} {shown(reply.get('msg'))}")
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_rows(reply, "data")):
        try:
            found = _row(row, TYPES[market])
        except Damaged as error:
            refused.append(Refusal(name_of(row, "instId", place), f"its row in the list is damaged: {error}"))
        else:
            if found is not None:
                rows.append(found)
    return assemble("okx", market, rows, refused, known)


def split_name(name: str, product: str) -> Pair | None:
    """Take ``BTC-USDT`` (``SPOT``) or ``BTC-USDT-SWAP`` (``SWAP``, USDT alone) apart; null for any other name."""
    base, _, rest = name.partition("-")
    quote = rest if product == "SPOT" else rest.removesuffix("-SWAP")
    if not base or not quote or "-" in quote or (product == "SWAP" and rest != "USDT-SWAP"):
        return None
    return Pair(base, quote)


def _row(row: Any, product: str) -> Row | None:
    """Read a row; null where it is of other products than ours."""
    if not isinstance(row, dict):
        raise Damaged(f"it is no object: {shown(row)}")
    if row.get("instType", "") not in ("", product) or not _is_usual(row):
        return None
    name = row.get("instId")
    if not is_name(name):
        raise Damaged(f"instId is no name: {shown(name)}")
    state = text(row, "state")
    if state != "live" and "" in (row.get(field, "") for field in ("instType", *_NEEDED[product])):
        return _announced(row, name, product)
    if product == "SPOT":
        return _listed(row, name, Pair(text(row, "baseCcy"), text(row, "quoteCcy")), _status(state))
    if text(row, "ctType") != "linear" or text(row, "settleCcy") != "USDT":
        return None
    pair = Pair(text(row, "ctValCcy"), "USDT")
    return _listed(row, name, pair, _status(state), _coins_per_contract(row))


def _is_usual(row: dict[str, Any]) -> bool:
    """Whether it is a coin under the usual rules; older lists, and rows that are only announced, don't say."""
    return row.get("instCategory", "") in ("", "1") and row.get("ruleType", "") in ("", "normal")


def _announced(row: dict[str, Any], name: str, product: str) -> Row | None:
    """A row whose fields are to come: pending, as far as its name tells base and quote; else null."""
    pair = split_name(name, product)
    return None if pair is None else _listed(row, name, pair, "pending")


def _listed(row: dict[str, Any], name: str, pair: Pair, status: Status, multiplier: str | None = None) -> Row:
    return Row(
        name=name,
        base=pair.base,
        quote=pair.quote,
        status=status,
        tick=step(row.get("tickSz")),
        lot=step(row.get("lotSz")),
        multiplier=multiplier,
        listed=_moment(row.get("listTime")),
        delisted=_moment(row.get("expTime")),
    )


def _status(state: str) -> Status:
    """``suspend``, ``settling``, ``post_only``, ``rebase``, ``test`` and what may come: nothing is traded."""
    return _STATUS.get(state, "halted")


def _coins_per_contract(row: dict[str, Any]) -> str:
    value, factor = positive(row.get("ctVal"), "ctVal"), positive(row.get("ctMult"), "ctMult")
    try:
        return multiply(value, factor)
    except InvalidDecimal:
        raise Damaged(f"ctVal and ctMult make no decimal: {shown(value)}, {shown(factor)}") from None


def _moment(value: object) -> int | None:
    """A time in ms as text; null where there is none."""
    try:
        return moment(whole(value, "time"))
    except Damaged:
        return None
