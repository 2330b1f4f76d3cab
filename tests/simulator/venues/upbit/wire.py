"""How Upbit writes its trades: one a frame, JSON numbers, binary opcode, ids made of time (reference 9.2, 9.3)."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Sequence

from tests.simulator.core.model import Instrument, Trade, trimmed
from tests.simulator.core.socket import binary_frame
from tests.simulator.venues.upbit.lists import DIGITS, number_text

FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
MILLISECOND = 1_000_000
IDS_IN_A_MILLISECOND = 10_000
UNORDERED = 0.02
"""Share of the ids that are greater than that of the next trade, if this has the same millisecond."""
_VITAL = {"code", "trade_price", "trade_volume", "trade_timestamp", "ask_bid", "sequential_id"}
_VITAL_SHORT = {"cd", "tp", "tv", "ttms", "ab", "sid"}


class UpbitWire:
    """The one market. A subscriber's form is its format."""

    frame_ns = 0
    time_unit = MILLISECOND
    kinds: Sequence[tuple[str, float]] = ()
    negative: Collection[str] = ()
    repeats = 0.0
    channel = "trade"

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:upbit.ids")
        self._left: dict[str, int] = {}

    def number(self, instrument: Instrument) -> int:
        """The time in ms x 10^4 and a counter; now and then two neighbours of one ms have each other's."""
        first = instrument.at // MILLISECOND * IDS_IN_A_MILLISECOND
        left = self._left.pop(instrument.name, -1)
        if left >= first:
            return left
        number = max(first, instrument.next_id)
        if self._rng.random() < UNORDERED:
            self._left[instrument.name] = number
            number += 1
        instrument.next_id = number + 1
        return number

    def order(self, instrument: Instrument) -> int:
        return -1

    def id_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def order_text(self, trade: Trade) -> str | None:
        """None: the venue says that its ids are in no sure order, and there is no other number."""
        return None

    def frame(self, payload: str) -> bytes:
        return binary_frame(payload.encode())

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[-1] in _VITAL or path[-1] in _VITAL_SHORT

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        return self.body(instrument, trades[0], str(form), "REALTIME", now)

    def body(self, instrument: Instrument, trade: Trade, form: str, stream: str, now: int) -> str:
        """A frame; the list formats have it in an array."""
        write = _short if form.startswith("SIMPLE") else _long
        row = write(instrument, trade, stream, now // MILLISECOND)
        return f"[{row}]" if form.endswith("LIST") else row

    def tick(self, instrument: Instrument, trade: Trade) -> str:
        """A row of the REST back-fill; `timestamp` is the time of the trade here."""
        day, clock = _utc(trade.time)
        return (
            f'{{"market":"{instrument.name}","trade_date_utc":"{day}","trade_time_utc":"{clock}",'
            f'"timestamp":{trade.time // MILLISECOND},"trade_price":{number_text(trade.price)},'
            f'"trade_volume":{number_text(trade.size)},"prev_closing_price":{number_text(instrument.anchor)},'
            f'"change_price":{number_text(abs(trade.price - instrument.anchor))},"ask_bid":"{_side(trade)}",'
            f'"sequential_id":{trade.id}}}'
        )

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        return ()

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        return ()

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        return ()


def _utc(at: int) -> tuple[str, str]:
    """Date and time of day of Unix nanoseconds."""
    moment = time.gmtime(at // 10**9)
    return time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M:%S", moment)


def _side(trade: Trade) -> str:
    return "BID" if trade.buy else "ASK"


def _change(instrument: Instrument, trade: Trade) -> str:
    if trade.price == instrument.anchor:
        return "EVEN"
    return "RISE" if trade.price > instrument.anchor else "FALL"


def _long(instrument: Instrument, trade: Trade, stream: str, sent: int) -> str:
    day, clock = _utc(trade.time)
    bid = max(instrument.tick, trade.price - instrument.tick) if trade.buy else trade.price
    ask = trade.price if trade.buy else trade.price + instrument.tick
    return (
        f'{{"type":"trade","code":"{instrument.name}","timestamp":{sent},"trade_date":"{day}","trade_time":"{clock}",'
        f'"trade_timestamp":{trade.time // MILLISECOND},"trade_price":{number_text(trade.price)},'
        f'"trade_volume":{number_text(trade.size)},"ask_bid":"{_side(trade)}",'
        f'"prev_closing_price":{number_text(instrument.anchor)},"change":"{_change(instrument, trade)}",'
        f'"change_price":{number_text(abs(trade.price - instrument.anchor))},"sequential_id":{trade.id},'
        f'"best_ask_price":{trimmed(ask, DIGITS)},"best_ask_size":{trimmed(trade.size * 2, DIGITS)},'
        f'"best_bid_price":{trimmed(bid, DIGITS)},"best_bid_size":{trimmed(trade.size * 3, DIGITS)},'
        f'"stream_type":"{stream}"}}'
    )


def _short(instrument: Instrument, trade: Trade, stream: str, sent: int) -> str:
    day, clock = _utc(trade.time)
    return (
        f'{{"ty":"trade","cd":"{instrument.name}","tms":{sent},"td":"{day}","ttm":"{clock}",'
        f'"ttms":{trade.time // MILLISECOND},"tp":{number_text(trade.price)},"tv":{number_text(trade.size)},'
        f'"ab":"{_side(trade)}","pcp":{number_text(instrument.anchor)},"c":"{_change(instrument, trade)}",'
        f'"cp":{number_text(abs(trade.price - instrument.anchor))},"sid":{trade.id},"st":"{stream}"}}'
    )
