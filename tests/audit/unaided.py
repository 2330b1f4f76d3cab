"""What a stream proves by itself, without a ledger: for runs against the real exchanges.

Judged: every message agrees with itself (subject, message id, canonical decimals, times), no id is stored twice, none
after a newer one of its symbol without ``late``, and where a venue's ids count every trade, none is missing in between.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.audit import stream
from tests.audit.derive import escape
from tests.audit.judge import EXAMPLES, SKEW, Tally, Verdict
from tests.audit.stream import Stored

# Binance spot and OKX: each id is a trade. Binance futures: consecutive too, but frames that are no trade use some up.
CONSECUTIVE = frozenset({"binance.spot", "okx.spot", "okx.futures"})
_CANONICAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")


@dataclass(slots=True)
class _Symbol:
    """What is known of one instrument: ids seen, spans of consecutive numbers, the newest trade."""

    ids: set[str] = field(default_factory=set)
    spans: list[tuple[int, int]] = field(default_factory=list)
    newest: tuple[int, int] = (-1, -1)

    def holes(self) -> list[tuple[int, int]]:
        """Return the spans of numbers that are missing between the first and the last."""
        found, end = [], None
        for first, last in sorted(self.spans):
            if end is not None and first > end + 1:
                found.append((end + 1, first - 1))
            end = last if end is None else max(end, last)
        return found


class Witness:
    """Takes stored messages in store order, then gives the verdict."""

    def __init__(self) -> None:
        self._symbols: dict[tuple[str, str], _Symbol] = {}
        self._tallies: dict[str, Tally] = {}
        self._examples: list[dict[str, Any]] = []

    def take(self, stored: Stored) -> None:
        """Judge one message."""
        market = ".".join(stored.subject.split(".")[1:3])
        tally = self._tallies.setdefault(market, Tally())
        tally.stored += 1
        try:
            payload = orjson.loads(stored.data)
            faults = _disagreements(payload, stored)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            self._fault("wrong", market, stored, what=f"{type(error).__name__}: {error}")
            return
        if faults:
            self._fault("wrong", market, stored, what=", ".join(faults))
            return
        symbol = self._symbols.setdefault((market, payload["instrument"]), _Symbol())
        if payload["id"] in symbol.ids:
            self._fault("duplicated", market, stored, what=payload["id"])
            return
        symbol.ids.add(payload["id"])
        place = _place(payload)
        if place < symbol.newest:
            if payload.get("late"):
                tally.late += 1
            else:
                self._fault("misordered", market, stored, what=f"{payload['id']} after {symbol.newest}")
        symbol.newest = max(symbol.newest, place)
        if (span := _span(payload)) is not None:
            symbol.spans.append(span)

    def verdict(self) -> Verdict:
        """Count what is missing between the stored ids, and return everything found."""
        for (market, instrument), symbol in self._symbols.items():
            tally = self._tallies[market]
            if market in CONSECUTIVE:
                for first, last in symbol.holes():
                    tally.lost += last - first + 1
                    self._examples.append(
                        {"fault": "lost", "market": market, "instrument": instrument, "ids": [first, last]}
                    )
        for tally in self._tallies.values():
            tally.sent = tally.stored - tally.duplicated + tally.lost
        return Verdict(self._tallies, self._examples[:20])

    def _fault(self, kind: str, market: str, stored: Stored, *, what: str) -> None:
        tally = self._tallies[market]
        setattr(tally, kind, getattr(tally, kind) + 1)
        if getattr(tally, kind) <= EXAMPLES:
            place = {"subject": stored.subject, "stream": stored.stream, "sequence": stored.sequence}
            self._examples.append({"fault": kind, "market": market, **place, "differs": what})


def _disagreements(payload: Mapping[str, Any], stored: Stored) -> list[str]:
    base, quote = payload["symbol"].rsplit("-", 1)
    where = f"{payload['exchange']}.{payload['market']}"
    checks = {
        "v": payload["v"] == 1,
        "subject": stored.subject == f"trades.{where}.{escape(base)}.{escape(quote)}",
        "Nats-Msg-Id": stored.message_id == f"{where}.{payload['instrument']}.{payload['id']}",
        "price": _CANONICAL.fullmatch(payload["price"]) is not None and payload["price"] != "0",
        "quantity": _CANONICAL.fullmatch(payload["quantity"]) is not None and payload["quantity"] != "0",
        "side": payload["side"] in ("buy", "sell"),
        "time": type(payload["time"]) is int,
        "received": type(payload["received"]) is int and payload["received"] <= stored.at + SKEW,
    }
    return [name for name, held in checks.items() if not held]


def _place(payload: Mapping[str, Any]) -> tuple[int, int]:
    """Where a trade stands among those of its symbol: by id where that is a number that orders, else by time.

    Without ``seq`` it doesn't order: Upbit's ids are numbers, but in no sure order.
    """
    span = _span(payload) if payload.get("seq") is not None else None
    return (span[1], 0) if span is not None else (0, payload["time"])


def _span(payload: Mapping[str, Any]) -> tuple[int, int] | None:
    if (aggregate := payload.get("aggregate")) is not None:
        return int(aggregate["first_id"]), int(aggregate["last_id"])
    return (int(payload["id"]),) * 2 if payload["id"].isdecimal() else None


async def audit(url: str) -> Verdict:
    """Judge the streams of a server by themselves.

    Raises:
        CannotRead: the server can't be read.
    """
    witness = Witness()
    nc = await stream.connect(url)
    try:
        await stream.read(nc, "trades.>", witness.take)
    finally:
        await nc.close()
    return witness.verdict()
