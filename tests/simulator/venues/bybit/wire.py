"""How Bybit writes its trades: frames of rows of one instrument, in the order of time (reference 4.5)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.socket import text_frame
from tests.simulator.core.venue import compact

CHANNEL = "publicTrade"
SPOT_IDS = 2100000000000000000
LOOK_BACK = 8
"""Fills before a frame among which the last change of the price is sought."""
_SPREAD, _SPAN = 6_180_339_887, 10**10
"""`_SPREAD` has no factor in common with `_SPAN`: every number of the span is met once, in no order."""


class BybitWire:
    """Spot (ids of digits) or linear (UUIDs, tick directions)."""

    frame_ns = 20_000_000
    time_unit = 1_000_000
    kinds: Sequence[tuple[str, float]] = (("block", 0.001), ("rpi", 0.01))
    negative: Collection[str] = ()
    repeats = 0.0
    channel = CHANNEL

    def __init__(self, *, linear: bool) -> None:
        self.linear = linear
        self._fills = 0
        self._cross = 1783284617

    def number(self, instrument: Instrument) -> int:
        """Fills are counted over the whole market, so that no two instruments share an id."""
        self._fills += 1
        return self._fills

    def order(self, instrument: Instrument) -> int:
        """The cross sequence: it rises over all instruments; the fills of one taker order share it."""
        if instrument.further and instrument.last is not None:
            return instrument.last.order
        self._cross += 1
        return self._cross

    def id_text(self, trade: Trade) -> str:
        """Unique, made from the fill's number, and without its order."""
        assert trade.id is not None
        if not self.linear:
            return str(SPOT_IDS + trade.id * _SPREAD % _SPAN)
        digest = hashlib.sha1(f"bybit {trade.id}".encode(), usedforsecurity=False).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-9{digest[17:20]}-{digest[20:32]}"

    def order_text(self, trade: Trade) -> str:
        return str(trade.order)

    def frame(self, payload: str) -> bytes:
        return text_frame(payload)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        """Not `i` and `seq`: they are opaque to a client, which could not tell the damaged from the true."""
        return path[0] == "data" and path[-1] in {"s", "S", "v", "p", "T"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        if self.linear:
            ticks = _ticks(instrument, channel, trades)
            rows = ",".join(self._linear(instrument, trade, tick) for trade, tick in zip(trades, ticks, strict=True))
        else:
            rows = ",".join(self._spot(instrument, trade) for trade in trades)
        topic = compact(f"{channel}.{instrument.name}")
        return f'{{"topic":{topic},"type":"snapshot","ts":{now // 1_000_000},"data":[{rows}]}}'

    def _linear(self, instrument: Instrument, trade: Trade, tick: str) -> str:
        return (
            f'{{"T":{trade.time // 1_000_000},"s":"{instrument.name}","S":"{side(trade)}",'
            f'"v":"{instrument.size_text(trade.size)}","p":"{instrument.price_text(trade.price)}","L":"{tick}",'
            f'"i":"{self.id_text(trade)}",{_marks(trade)},"seq":{trade.order}}}'
        )

    def _spot(self, instrument: Instrument, trade: Trade) -> str:
        return (
            f'{{"i":"{self.id_text(trade)}","T":{trade.time // 1_000_000},"p":"{instrument.price_text(trade.price)}",'
            f'"v":"{instrument.size_text(trade.size)}","S":"{side(trade)}","seq":{trade.order},'
            f'"s":"{instrument.name}",{_marks(trade)}}}'
        )

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        return ()

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        return ()

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        return ()


def side(trade: Trade) -> str:
    """The taker's side in the venue's words."""
    return "Buy" if trade.buy else "Sell"


def _marks(trade: Trade) -> str:
    return f'"BT":{"true" if trade.kind == "block" else "false"},"RPI":{"true" if trade.kind == "rpi" else "false"}'


def _ticks(instrument: Instrument, channel: str, trades: Sequence[Trade]) -> list[str]:
    """The direction of each price against the one before; the rows of this frame are not in the history yet."""
    history = instrument.histories.get(channel)
    before, up = trades[0].price, True
    if history:
        before = history[-1].price
        earlier = (history[-step].price for step in range(2, min(LOOK_BACK, len(history)) + 1))
        up = next((price < before for price in earlier if price != before), True)
    ticks = []
    for trade in trades:
        level = trade.price == before
        up = up if level else trade.price > before
        ticks.append(f"{'Zero' if level else ''}{'Plus' if up else 'Minus'}Tick")
        before = trade.price
    return ticks
