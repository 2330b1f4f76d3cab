"""How Phemex writes its trades: batches of about 20 ms, newest first, no ids (reference 8.4, 8.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.socket import text_frame


class PhemexWire:
    """Spot (`trades`, integers) or perpetuals (`trades_p`, decimal strings, `dts` and `mts`)."""

    frame_ns = 20_000_000
    time_unit = 1
    kinds: Sequence[tuple[str, float]] = ()
    negative: Collection[str] = ()
    repeats = 0.02

    def __init__(self, *, perpetual: bool) -> None:
        self.perpetual = perpetual
        self.channel = "trade_p" if perpetual else "trade"
        self._sequences: dict[int, int] = {}

    def number(self, instrument: Instrument) -> None:
        return None

    def order(self, instrument: Instrument) -> int:
        return -1

    def id_text(self, trade: Trade) -> str | None:
        return None

    def order_text(self, trade: Trade) -> str | None:
        return None

    def frame(self, payload: str) -> bytes:
        return text_frame(payload)

    def vital(self, path: tuple[str | int, ...]) -> bool:
        return path[0] in {"trades", "trades_p", "symbol"}

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: object, now: int) -> str:
        return self.body(instrument, trades, "incremental", now)

    def body(self, instrument: Instrument, trades: Sequence[Trade], kind: str, now: int) -> str:
        """A frame of rows, given oldest first, written newest first."""
        group = instrument.group
        sequence = self._sequences[group] = self._sequences.get(group, 146074875 + group * 9_000_000_000) + 1
        name = instrument.name
        price, size = instrument.price_text, instrument.size_text
        if self.perpetual:
            rows = ",".join(
                f'[{row.time},"{"Buy" if row.buy else "Sell"}","{price(row.price)}","{size(row.size)}"]'
                for row in reversed(trades)
            )
            matched = trades[-1].time if trades else now
            return (
                f'{{"dts":{now},"mts":{matched},"sequence":{sequence},"symbol":"{name}",'
                f'"trades_p":[{rows}],"type":"{kind}"}}'
            )
        rows = ",".join(
            f'[{row.time},"{"Buy" if row.buy else "Sell"}",{row.price},{row.size}]' for row in reversed(trades)
        )
        return f'{{"sequence":{sequence},"symbol":"{name}","trades":[{rows}],"type":"{kind}"}}'

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        return ()

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        return ()

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        return ()
