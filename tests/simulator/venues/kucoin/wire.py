"""How KuCoin writes its trades: one frame each, sequences that rise with gaps (reference 6.6, 6.7, 6.8)."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.socket import text_frame

MATCH, EXECUTION = "/market/match", "/contractMarket/execution"
"""The topics' paths, of spot and futures."""
STEP = 5
"""The counter is shared with the book: a trade's sequence is 1 to this many above that of the trade before."""
VITAL = frozenset({"symbol", "sequence", "side", "size", "price", "time", "ts"})


class KucoinWire:
    """Spot (all values are text) or futures (lots, sequence and time are numbers)."""

    frame_ns = 0
    time_unit = 1
    kinds: Sequence[tuple[str, float]] = ()
    negative: Collection[str] = ()
    repeats = 0.0

    def __init__(self, seed: int, *, futures: bool) -> None:
        self._futures = futures
        self.channel = "execution" if futures else "match"
        self.path = EXECUTION if futures else MATCH
        self._rng = random.Random(f"{seed}:kucoin.{self.channel}.sequence")

    def number(self, instrument: Instrument) -> int:
        instrument.next_id += self._rng.randint(1, STEP)
        return instrument.next_id

    def order(self, instrument: Instrument) -> int:
        return -1

    def id_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def order_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def frame(self, payload: str) -> bytes:
        return text_frame(payload)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[0] == "data" and path[-1] in VITAL

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        trade, name = trades[0], instrument.name
        price, size = instrument.price_text(trade.price), instrument.size_text(trade.size)
        number, side = trade.id, "buy" if trade.buy else "sell"
        maker, taker = self._orders(trade)
        if self._futures:
            return (
                f'{{"topic":"{EXECUTION}:{name}","type":"message","subject":"match","sn":{number},"data":'
                f'{{"symbol":"{name}","sequence":{number},"side":"{side}","size":{size},"price":"{price}",'
                f'"takerOrderId":"{taker}","makerOrderId":"{maker}","tradeId":"{number}","ts":{trade.time}}}}}'
            )
        return (
            f'{{"topic":"{MATCH}:{name}","type":"message","subject":"trade.l3match","data":{{"makerOrderId":"{maker}",'
            f'"price":"{price}","sequence":"{number}","side":"{side}","size":"{size}","symbol":"{name}",'
            f'"takerOrderId":"{taker}","time":"{trade.time}","tradeId":"{number}","type":"match"}}}}'
        )

    def row(self, instrument: Instrument, trade: Trade) -> dict[str, Any]:
        """A row of the REST back-fill. Spot: the time is a number here, and there is no `tradeId`."""
        price, side = instrument.price_text(trade.price), "buy" if trade.buy else "sell"
        if not self._futures:
            size = instrument.size_text(trade.size)
            return {"sequence": str(trade.id), "price": price, "size": size, "side": side, "time": trade.time}
        maker, taker = self._orders(trade)
        return {
            "sequence": trade.id,
            "contractId": instrument.group,
            "tradeId": str(trade.id),
            "makerOrderId": maker,
            "takerOrderId": taker,
            "ts": trade.time,
            "size": trade.size,
            "price": price,
            "side": side,
        }

    def _orders(self, trade: Trade) -> tuple[str, str]:
        """Ids of the maker's and the taker's order, the same on both ways: 18 digits, on spot 24 hexadecimal ones."""
        number, second = trade.id or 0, trade.time // 10**9
        if self._futures:
            taker = 247_000_000_000_000_000 + number % 10**15
            return str(taker - 35_118_272), str(taker)
        return f"{second - 15:08x}{number * 2:016x}", f"{second:08x}{number * 2 + 1:016x}"

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        return ()

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        return ()

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        return ()
