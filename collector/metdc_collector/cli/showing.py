"""Stored trades on a person's terminal, or as the JSON lines that they are."""

from datetime import UTC, datetime
from typing import BinaryIO, Protocol, TextIO

from rich.console import Console
from rich.text import Text

from metdc_collector.stored.reading import Stored
from metdc_collector.wire import trade
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.trade import Trade

_ROW = "{:<23}  {:<8}  {:<7}  {:<14}  {:<4}  {:>16}  {:>18}  "
_HEADINGS = ("TIME (UTC)", "EXCHANGE", "MARKET", "SYMBOL", "SIDE", "PRICE", "QUANTITY")
_STYLES = {"buy": "green", "sell": "red"}
_BATCH = 500


class Show(Protocol):
    """Shows stored messages."""

    def write(self, stored: Stored) -> None:
        """Take one message."""

    def flush(self) -> None:
        """Show all that was taken."""


class Lines:
    """Payloads as stored, one a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, stored: Stored) -> None:
        """Write one payload."""
        self._out.write(stored.data + b"\n")

    def flush(self) -> None:
        """Hand over what is buffered."""
        self._out.flush()


class Terminal(Console):
    """A console that reports a closed pipe like any other writer."""

    def on_broken_pipe(self) -> None:
        """Leave the decision to the command."""
        raise BrokenPipeError


class Table:
    """Rows in columns; what is special about a trade stands at the end of its row."""

    def __init__(self, out: TextIO) -> None:
        self._console = Terminal(file=out, highlight=False, soft_wrap=True)
        self._rows = [Text(_ROW.format(*_HEADINGS) + "NOTES", style="bold")]

    def write(self, stored: Stored) -> None:
        """Add one row."""
        try:
            self._rows.append(_row(trade.decode(stored.data)))
        except InvalidMessage as error:
            self._rows.append(Text(f"{stored.subject}, number {stored.sequence}: {error}", style="yellow"))
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Print the rows."""
        if self._rows:
            rows, self._rows = self._rows, []
            self._console.print(Text("\n").join(rows))


def _row(entry: Trade) -> Text:
    instrument = entry.instrument
    quantity = entry.quantity if entry.quantity is not None else f"{entry.contracts} contracts"
    cells = (instrument.exchange, instrument.market, instrument.symbol, entry.side, entry.price, quantity)
    row = Text(_ROW.format(_clock(entry.time), *cells) + _notes(entry))
    row.stylize(_STYLES[entry.side], 60, 64)
    row.rstrip()
    return row


def _clock(time: int) -> str:
    seconds, rest = divmod(time, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d}"


def _notes(entry: Trade) -> str:
    notes = [entry.kind] if entry.kind else []
    if entry.aggregate:
        notes.append(f"fills {entry.aggregate.first_id}-{entry.aggregate.last_id}")
    if entry.backfilled:
        notes.append("backfilled")
    if entry.late:
        notes.append("late")
    return ", ".join(notes)
