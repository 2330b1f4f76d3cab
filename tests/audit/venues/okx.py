"""OKX, spot and USDT-margined swaps."""

from collections.abc import Mapping
from typing import Any

from tests.audit.derive import Native
from tests.audit.exact import NotADecimal, convert, number
from tests.audit.venues.rows import FUTURES, MILLISECOND, SPOT, Life, Line, Rows, frames, nanoseconds, replies

_CHANNELS = ("trades", "trades-all")
_KINDS = {None: None, "0": None, "1": "elp"}


def rows_of(lines: list[Line]) -> Rows:
    """Take the trades from frames ``{"arg":{"channel":"trades-all",…},"data":[{"instId":…,"tradeId":"7",…}]}``.

    All values are texts. Rows of ``trades`` have a ``count`` of the fills that they join, the last of which is
    ``tradeId``: one of several is an aggregate. A recording of 2022 has no ``count`` and no ``source``.
    """
    rows = Rows("okx")
    for _, body in replies(lines, "/public/instruments"):
        for row in body.get("data", ()):
            market = _market(row)
            if market is not None:
                rows.list(_native(market, row))
    for _, frame in frames(lines):
        arg, data = frame.get("arg"), frame.get("data")
        if not isinstance(arg, dict) or arg.get("channel") not in _CHANNELS or not isinstance(data, list):
            continue
        for row in data:
            try:
                _trade(rows, row)
            except (KeyError, TypeError, ValueError):
                rows.malformed += 1
    return rows


def _market(row: Mapping[str, Any]) -> str | None:
    """The market that a row is in the scope of; old lists know neither ``instCategory`` nor ``ruleType``."""
    if row.get("instType") == "SPOT":
        return SPOT
    ours = (row.get("instType"), row.get("ctType"), row.get("settleCcy")) == ("SWAP", "linear", "USDT")
    plain = (row.get("instCategory", "1"), row.get("ruleType", "normal")) == ("1", "normal")
    return FUTURES if ours and plain and row.get("ctVal") else None


def life_of(market: str, row: Mapping[str, Any]) -> Life:
    """Read ``state`` and ``listTime``, a text that may be empty. What has ended is not listed any more."""
    listed = row.get("listTime")
    return Life(
        tradable=row.get("state") == "live",
        exists=True,
        listed=int(listed) * MILLISECOND if listed else None,
    )


def _native(market: str, row: Mapping[str, Any]) -> Native:
    life = life_of(market, row)
    spot = market == SPOT
    return Native(
        exchange="okx",
        market=market,
        name=row["instId"],
        base=row["baseCcy"] if spot else row["ctValCcy"],
        quote=row["quoteCcy"] if spot else row["settleCcy"],
        multiplier=None if spot else convert(row["ctVal"], scale=None, times=number(row.get("ctMult") or "1")),
        listed=life.listed,
        tradable=life.tradable,
        exists=life.exists,
    )


def _trade(rows: Rows, row: Mapping[str, Any]) -> None:
    """Enter one row of a trade channel."""
    name, source = _text(row["instId"]), row.get("source")
    identity, count = _digits(row["tradeId"]), int(_digits(row.get("count", "1")))
    if count < 1:
        raise ValueError("a row of no fill")
    rows.trade(
        FUTURES if name.endswith("-SWAP") else SPOT,
        name,
        identity if count == 1 else f"agg:{identity}",
        price=_text(row["px"]),
        size=_text(row["sz"]),
        side={"buy": "buy", "sell": "sell"}[row["side"]],
        time=nanoseconds(int(_digits(row["ts"]))),
        sent=None,
        id=identity,
        seq=identity,
        kind=_KINDS[source] if source in _KINDS else str(source),
        aggregate=None if count == 1 else (str(int(identity) - count + 1), identity),
    )


def _digits(value: object) -> str:
    """A text of digits that is no zero in front of others.

    Raises:
        ValueError: when it is anything else.
    """
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal() or str(int(value)) != value:
        raise ValueError(f"{value!r} is no number in a text")
    return value


def _text(value: object) -> str:
    """A name, price or size, all of which are texts.

    Raises:
        NotADecimal: when it is none.
    """
    if not isinstance(value, str):
        raise NotADecimal(str(value))
    return value
