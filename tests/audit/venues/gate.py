"""Gate, spot and USDT-margined perpetuals."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tests.audit.derive import Native
from tests.audit.exact import NotADecimal, loads, number
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, whole

_SECOND = 1_000 * MILLISECOND


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"time_ms":…,"channel":"spot.trades","event":"update","result":{…}}``.

    Spot has one trade ``{"id":…,"create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"GT_USDT",
    "amount":"16.47","price":"0.4705","id_market":917144}``; recordings of before 2025 have no ``id_market``, those of
    2021 no ``time_ms`` of the frame. Futures have an array ``[{"id":…,"size":-108,"create_time_ms":1790000003119,
    "price":"80227.1","contract":"BTC_USDT"}]``, oldest first; the sign of ``size``, number or text, is the side.
    """
    rows = Rows("gate")
    for line in lines:
        if line.kind == "http":
            _list(rows, line)
    for _, frame in frames(lines):
        if frame.get("event") != "update":
            continue
        sent, result = frame.get("time_ms"), frame.get("result")
        at = sent * MILLISECOND if type(sent) is int and sent > 0 else None
        if frame.get("channel") == "spot.trades":
            _each(rows, _spot, [result], at)
        elif frame.get("channel") == "futures.trades":
            _each(rows, _futures, result if isinstance(result, list) else [result], at)
    return rows


def _list(rows: Rows, line: Line) -> None:
    path = urlsplit(line.url).path
    if path.endswith("/spot/currency_pairs"):
        for row in loads(line.data):
            rows.list(_native(SPOT, row, row["id"], row["base"], row["quote"]))
    elif path.endswith("/futures/usdt/contracts"):
        for row in loads(line.data):
            if _is_ours(row):
                base, _, quote = row["name"].rpartition("_")
                rows.list(_native(FUTURES, row, row["name"], base, quote))


def _is_ours(row: Mapping[str, Any]) -> bool:
    plain = row.get("type") == "direct" and not row.get("contract_type")
    return plain and row.get("is_pre_market") is not True


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read on spot ``trade_status``, ``delisting_time`` and the later of ``buy_start`` and ``sell_start``.

    On futures ``status`` (recordings of 2023 have none), ``in_delisting``, and ``launch_time`` or ``create_time``. All
    times are seconds; 0 is none.
    """
    if market == SPOT:
        status = row.get("trade_status")
        listed = max(row.get("buy_start") or 0, row.get("sell_start") or 0)
        tradable, exists = status == "tradable", status != "untradable" or not row.get("delisting_time")
    else:
        status, ending = row.get("status", "trading"), row.get("in_delisting") is True
        listed = row.get("launch_time") or row.get("create_time") or 0
        tradable = status == "trading" and not ending
        exists = status not in ("delisting", "delisted") and not ending
    return Life(tradable=tradable, exists=exists, listed=listed * _SECOND if listed > 0 else None)


def _native(market: str, row: Mapping[str, Any], name: str, base: str, quote: str) -> Native:
    life = life_of(market, row)
    return Native(
        exchange="gate",
        market=market,
        name=name,
        base=base,
        quote=quote,
        multiplier=row["quanto_multiplier"] if market == FUTURES else None,
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _each(rows: Rows, enter: Any, results: list[Any], sent: int | None) -> None:
    for row in results:
        try:
            enter(rows, row, sent)
        except (KeyError, TypeError, NotADecimal):
            rows.malformed += 1


def _spot(rows: Rows, row: Mapping[str, Any], sent: int | None) -> None:
    identity = str(whole(row["id"]))
    rows.trade(
        SPOT,
        row["currency_pair"],
        identity,
        price=row["price"],
        size=row["amount"],
        side={"buy": "buy", "sell": "sell"}[row["side"]],
        time=_nanoseconds(row["create_time_ms"]),
        sent=sent,
        id=identity,
        seq=str(whole(row["id_market"])) if "id_market" in row else None,
    )


def _futures(rows: Rows, row: Mapping[str, Any], sent: int | None) -> None:
    identity, size = str(whole(row["id"])), row["size"]
    if not isinstance(size, str | int | Decimal) or isinstance(size, bool):
        raise TypeError(f"{size!r} is no size")
    text = str(size)
    rows.trade(
        FUTURES,
        row["contract"],
        identity,
        price=row["price"],
        size=text.removeprefix("-"),
        side="sell" if text.startswith("-") else "buy",
        time=_nanoseconds(row["create_time_ms"]),
        sent=sent,
        id=identity,
        seq=identity,
        kind="internal" if row.get("is_internal") is True else None,
    )


def _nanoseconds(milliseconds: object) -> int:
    """Return ms, with a fraction or without, as ns.

    Raises:
        NotADecimal: when it is none.
    """
    if not isinstance(milliseconds, str | int | Decimal) or isinstance(milliseconds, bool):
        raise NotADecimal(str(milliseconds))
    return int(number(milliseconds) * MILLISECOND)
