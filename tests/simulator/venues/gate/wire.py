"""How Gate writes its trades: one object a frame on spot, an array of rows on futures (reference 7.6, 7.7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.simulator.core.model import Instrument, Trade, fixed, trimmed
from tests.simulator.core.socket import text_frame
from tests.simulator.core.venue import compact

MILLISECOND = 1_000_000
FIRST_ID = 560_345_678
"""Ids of futures trades lie above it."""


class Numbers:
    """A counter that all instruments of a market share, and that leaves numbers out."""

    def __init__(self, first: int) -> None:
        self._last = first

    def next(self) -> int:
        """The next number, 1 to 13 above the one before."""
        self._last += 1 + self._last * 2654435761 % 2**32 // 2**16 % 13
        return self._last


class _Wire:
    """What both markets share: one channel, no aggregates."""

    repeats = 0.0

    def frame(self, payload: str) -> bytes:
        return text_frame(payload)

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        return ()

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        return ()

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        return ()


class SpotWire(_Wire):
    """`id` counts for the whole market, `id_market` for the pair."""

    frame_ns = 0
    time_unit = 100
    kinds: Sequence[tuple[str, float]] = ()
    negative: Collection[str] = ()
    channel = "spot.trades"

    def __init__(self) -> None:
        self._numbers = Numbers(8_309_143_071)

    def number(self, instrument: Instrument) -> int:
        return self._numbers.next()

    def order(self, instrument: Instrument) -> int:
        order = instrument.next_id
        instrument.next_id += 1
        return order

    def id_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def order_text(self, trade: Trade) -> str | None:
        return str(trade.order)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[-1] in {"id", "create_time_ms", "side", "currency_pair", "amount", "price"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        trade = trades[0]
        return (
            f'{{"time":{now // 10**9},"time_ms":{now // MILLISECOND},"channel":"spot.trades","event":"update",'
            f'"result":{{"id":{trade.id},"create_time":{trade.time // 10**9},'
            f'"create_time_ms":"{trimmed(trade.time // 100, 4)}","side":"{"buy" if trade.buy else "sell"}",'
            f'"currency_pair":{compact(instrument.name)},"amount":"{instrument.size_text(trade.size)}",'
            f'"price":"{instrument.price_text(trade.price)}","range":"{trade.order}-{trade.order}",'
            f'"id_market":{trade.order}}}}}'
        )

    def rest_row(self, instrument: Instrument, trade: Trade) -> str:
        """A row of the back-fill: all fields are strings (reference 7.8)."""
        return (
            f'{{"id":"{trade.id}","create_time":"{trade.time // 10**9}",'
            f'"create_time_ms":"{trimmed(trade.time // 100, 4)}","currency_pair":{compact(instrument.name)},'
            f'"side":"{"buy" if trade.buy else "sell"}","amount":"{instrument.size_text(trade.size)}",'
            f'"price":"{instrument.price_text(trade.price)}","sequence_id":"{trade.order}"}}'
        )


class FuturesWire(_Wire):
    """Rows of one contract share a frame; the form of a client is whether it wants sizes as decimal text."""

    frame_ns = 10 * MILLISECOND
    time_unit = MILLISECOND
    kinds: Sequence[tuple[str, float]] = (("internal", 0.002),)
    negative: Collection[str] = ("size",)
    channel = "futures.trades"

    def __init__(self) -> None:
        self._numbers = Numbers(FIRST_ID)

    def number(self, instrument: Instrument) -> int:
        """Also keeps the list's `trade_id`, the newest id of the contract, up to date."""
        number = instrument.row["trade_id"] = self._numbers.next()
        return number

    def order(self, instrument: Instrument) -> int:
        return -1

    def id_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def order_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[-1] in {"id", "size", "create_time_ms", "price", "contract"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        name = compact(instrument.name)
        rows = ",".join(
            f'{{"id":{trade.id},"size":{signed(instrument, trade, decimal=form is True)},'
            f'"create_time":{trade.time // 10**9},"create_time_ms":{trade.time // MILLISECOND},'
            f'"price":"{instrument.price_text(trade.price)}","contract":{name}{_internal(trade)}}}'
            for trade in trades
        )
        return (
            f'{{"time":{now // 10**9},"time_ms":{now // MILLISECOND},"channel":"futures.trades","event":"update",'
            f'"result":[{rows}]}}'
        )

    def rest_row(self, instrument: Instrument, trade: Trade, *, decimal: bool) -> str:
        """A row of the back-fill: both times are seconds with three decimals, as the document's sample has them."""
        at = fixed(trade.time // MILLISECOND, 3)
        return (
            f'{{"id":{trade.id},"create_time":{at},"create_time_ms":{at},"contract":{compact(instrument.name)},'
            f'"size":{signed(instrument, trade, decimal=decimal)},'
            f'"price":"{instrument.price_text(trade.price)}"{_internal(trade)}}}'
        )


def signed(instrument: Instrument, trade: Trade, *, decimal: bool) -> str:
    """The JSON of a size, negative when the taker sold: decimal text, or an integer that has lost any fraction."""
    sign = "" if trade.buy else "-"
    if decimal:
        return f'"{sign}{instrument.size_text(trade.size)}"'
    whole = trade.size // 10**instrument.size_digits
    return f"{sign if whole else ''}{whole}"


def _internal(trade: Trade) -> str:
    return ',"is_internal":true' if trade.kind == "internal" else ""
