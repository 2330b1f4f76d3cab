"""How Binance writes its trades: one frame each, consecutive ids; aggregates joined from fills."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.socket import text_frame

JOIN_NS = 100_000_000
"""Fills of one taker side at one price within this time are one aggregate (reference 3.4)."""
KIND_TO_X = {"": "MARKET", "insurance": "INSURANCE_FUND", "adl": "ADL", "NA": "NA", "rpi": "RPI", "block": "BLOCK"}


class Form(NamedTuple):
    """How one client wants its frames."""

    combined: bool
    micro: bool


@dataclass(slots=True)
class Group:
    """Fills that are being joined."""

    instrument: Instrument
    began: int
    first: Trade
    last: int
    size: int


class BinanceWire:
    """Both markets; futures add `X`, `st` and the kinds."""

    frame_ns = 0
    time_unit = 1_000_000
    negative: Collection[str] = ()
    repeats = 0.0
    channel = "trade"

    def __init__(self, *, futures: bool) -> None:
        self._futures = futures
        self.kinds: Sequence[tuple[str, float]] = (
            (("insurance", 0.001), ("adl", 0.001), ("NA", 0.002)) if futures else ()
        )
        self._groups: OrderedDict[str, Group] = OrderedDict()
        self._aggregates: dict[Instrument, int] = {}

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
        return path[-1] in {"s", "t", "p", "q", "T", "m"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        assert isinstance(form, Form)
        unit = 1000 if form.micro else 1_000_000
        trade = trades[0]
        body = self._body(instrument, channel, trade, now // unit, trade.time // unit)
        if form.combined:
            return f'{{"stream":"{instrument.name.lower()}@{channel}","data":{body}}}'
        return body

    def _body(self, instrument: Instrument, channel: str, trade: Trade, sent: int, at: int) -> str:
        name, maker = instrument.name, "false" if trade.buy else "true"
        if channel == "aggTrade":
            price, size = instrument.price_text(trade.price), instrument.size_text(trade.size)
            ends = f'"f":{trade.first},"l":{trade.last},"T":{at},"m":{maker}'
            if self._futures:
                sizes = f'"q":"{size}","nq":"{size}"'
                return f'{{"e":"aggTrade","E":{sent},"a":{trade.id},"s":"{name}","p":"{price}",{sizes},{ends}}}'
            return (
                f'{{"e":"aggTrade","E":{sent},"s":"{name}","a":{trade.id},"p":"{price}","q":"{size}",{ends},"M":true}}'
            )
        if self._futures:
            price, size = instrument.price_text(trade.price), instrument.size_text(trade.size)
            return (
                f'{{"e":"trade","E":{sent},"T":{at},"s":"{name}","t":{trade.id},"p":"{price}","q":"{size}",'
                f'"X":"{KIND_TO_X[trade.kind]}","m":{maker},"st":1}}'
            )
        return (
            f'{{"e":"trade","E":{sent},"s":"{name}","t":{trade.id},"p":"{instrument.price_text(trade.price)}",'
            f'"q":"{instrument.size_text(trade.size)}","T":{at},"m":{maker},"M":true}}'
        )

    # Aggregates

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        group = self._groups.get(instrument.name)
        normal = not trade.kind
        if group is not None and normal and self._joins(group, trade):
            group.last = trade.id or 0
            group.size += trade.size
            return ()
        done = [("aggTrade", self._close(self._groups.pop(instrument.name)))] if group is not None else []
        if normal:
            self._groups[instrument.name] = Group(instrument, trade.time, trade, trade.id or 0, trade.size)
        return done

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        group = self._groups.pop(instrument.name, None)
        return () if group is None else [("aggTrade", self._close(group))]

    @staticmethod
    def _joins(group: Group, trade: Trade) -> bool:
        same = (group.first.price, group.first.buy) == (trade.price, trade.buy)
        return same and trade.time - group.began < JOIN_NS

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        done: list[tuple[Instrument, str, Trade]] = []
        while self._groups:
            name, group = next(iter(self._groups.items()))
            if now - group.began < JOIN_NS:
                break
            del self._groups[name]
            done.append((group.instrument, "aggTrade", self._close(group)))
        return done

    def _close(self, group: Group) -> Trade:
        instrument, first = group.instrument, group.first
        number = self._aggregates[instrument] = self._aggregates.get(instrument, (first.id or 0) // 2) + 1
        return Trade(number, first.price, group.size, first.buy, first.time, "", first.id or 0, group.last)
