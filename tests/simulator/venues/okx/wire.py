"""How OKX writes its trades: single fills in `trades-all`, fills joined per taker order in `trades` (reference 5.5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.socket import text_frame

FILLS, GROUPS = "trades-all", "trades"
JOIN_NS = 20_000_000
"""Fills of one side, price and source within this time are taken to be of one taker order."""
ELP_SHARE = 0.01
SEQUENCE_BASE = 4_000_000_000


@dataclass(slots=True)
class Group:
    """Fills that are being joined."""

    instrument: Instrument
    began: int
    first: int
    last: Trade
    size: int


class OkxWire:
    """Both markets; the unit of sizes (coins or contracts) is a matter of the instrument."""

    frame_ns = 0
    time_unit = 1_000_000
    kinds: Sequence[tuple[str, float]] = (("elp", ELP_SHARE),)
    negative: Collection[str] = ()
    repeats = 0.0
    channel = FILLS

    def __init__(self) -> None:
        self._groups: OrderedDict[str, Group] = OrderedDict()

    def number(self, instrument: Instrument) -> int:
        number = instrument.next_id
        instrument.next_id += 1
        return number

    def order(self, instrument: Instrument) -> int:
        return -1

    def id_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def order_text(self, trade: Trade) -> str | None:
        return str(trade.id)

    def frame(self, payload: str) -> bytes:
        return text_frame(payload)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[0] == "data" and path[-1] in {"tradeId", "px", "sz", "side", "ts"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        """One frame; `seqId` is a JSON number, all else is text."""
        rows = ",".join(self._row(instrument, channel, trade) for trade in trades)
        return f'{{"arg":{{"channel":"{channel}","instId":"{instrument.name}"}},"data":[{rows}]}}'

    @staticmethod
    def _row(instrument: Instrument, channel: str, trade: Trade) -> str:
        head = (
            f'{{"instId":"{instrument.name}","tradeId":"{trade.id}","px":"{instrument.price_text(trade.price)}",'
            f'"sz":"{instrument.size_text(trade.size)}","side":"{side(trade)}","ts":"{trade.time // 1_000_000}"'
        )
        if channel == FILLS:
            return f'{head},"source":"{source(trade)}"}}'
        sequence = SEQUENCE_BASE + (trade.id or 0) * 2 // 3  # rises with the ids and repeats now and then
        return f'{head},"count":"{trade.last - trade.first + 1}","source":"{source(trade)}","seqId":{sequence}}}'

    # Groups

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        group = self._groups.get(instrument.name)
        if group is not None and self._joins(group, trade):
            group.last = trade
            group.size += trade.size
            return ()
        done = self.finish(instrument)
        self._groups[instrument.name] = Group(instrument, trade.time, trade.id or 0, trade, trade.size)
        return done

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        group = self._groups.pop(instrument.name, None)
        return () if group is None else [(GROUPS, _joined(group))]

    @staticmethod
    def _joins(group: Group, trade: Trade) -> bool:
        last = group.last
        same = (last.price, last.buy, last.kind) == (trade.price, trade.buy, trade.kind)
        return same and trade.time - group.began < JOIN_NS

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        done: list[tuple[Instrument, str, Trade]] = []
        while self._groups:
            name, group = next(iter(self._groups.items()))
            if now - group.began < JOIN_NS:
                break
            del self._groups[name]
            done.append((group.instrument, GROUPS, _joined(group)))
        return done


def _joined(group: Group) -> Trade:
    """The group under the id and time of its last fill."""
    last = group.last
    return last._replace(size=group.size, first=group.first, last=last.id or 0)


def side(trade: Trade) -> str:
    """The taker's side."""
    return "buy" if trade.buy else "sell"


def source(trade: Trade) -> str:
    """`1` for the fill of an ELP order."""
    return "1" if trade.kind == "elp" else "0"
