"""The ledger: the venue's own view of what it produced, one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from tests.simulator.core.model import Instrument, Trade
from tests.simulator.core.venue import compact


class Ledger:
    """Collects lines and writes them when flushed; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: IO[str] | None = path.open("w", encoding="utf-8") if path else None
        self._lines: list[str] = []

    @property
    def kept(self) -> bool:
        """Whether anything is written at all."""
        return self._file is not None

    def write(self, record: dict[str, Any]) -> None:
        """One record other than a trade."""
        if self._file is not None:
            self._lines.append(compact(record) + "\n")

    def instrument(self, exchange: str, market: str, instrument: Instrument) -> None:
        """The list row of an instrument, at the start and at each change."""
        self.write(
            {
                "type": "instrument",
                "exchange": exchange,
                "market": market,
                "instrument": instrument.name,
                "base": instrument.base,
                "quote": instrument.quote,
                "row": instrument.row,
                "price_scale": instrument.price_scale,
                "quantity_scale": instrument.quantity_scale,
                "multiplier": instrument.multiplier,
            }
        )

    def trade(
        self,
        instrument: Instrument,
        trade: Trade,
        *,
        serial: int,
        id_text: str | None,
        order_text: str | None,
        connections: int,
        snapshot_only: bool = False,
        note: str = "",
    ) -> None:
        """One trade line. Built by hand: at thousands a second a JSON encoder would be half of the simulator's work."""
        if self._file is None:
            return
        number = f'"{id_text}"' if id_text is not None else "null"
        order = f'"{order_text}"' if order_text is not None else "null"
        kind = f'"{trade.kind}"' if trade.kind else "null"
        aggregate = f',"aggregate":{{"first_id":"{trade.first}","last_id":"{trade.last}"}}' if trade.first >= 0 else ""
        remark = f',"{note}":true' if note else ""
        self._lines.append(
            f'{{"type":"trade","serial":{serial},{instrument.ledger_head},"id":{number},"seq":{order},'
            f'"price":"{instrument.price_text(trade.price)}","size":"{instrument.size_text(trade.size)}",'
            f'"side":"{"buy" if trade.buy else "sell"}","time":{trade.time},"kind":{kind},"connections":{connections},'
            f'"snapshot_only":{"true" if snapshot_only else "false"}{aggregate}{remark}}}\n'
        )

    def rest(
        self, instrument: Instrument, rows: list[list[int]], held: list[list[int]], *, at: int, aggregates: bool
    ) -> None:
        """What a REST reply told of an instrument's trades, by their places among its lines here."""
        if self._file is not None:
            self._lines.append(
                f'{{"type":"rest",{instrument.ledger_head},"at":{at},"aggregates":{"true" if aggregates else "false"},'
                f'"rows":{compact(rows)},"held":{compact(held)}}}\n'
            )

    def flush(self) -> None:
        """Writes what was collected."""
        if self._file is not None and self._lines:
            self._file.write("".join(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Writes what was collected and closes the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None
